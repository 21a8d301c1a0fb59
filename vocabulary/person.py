"""The shape of a person's result over several sessions: what ``ml`` says and others read.

Null is *not known*: a model whose sessions nobody has repeated has a plain mean and no band.
"""

from typing import NotRequired

from typing_extensions import TypedDict


class PersonNumber(TypedDict):
    """One number in its own units (points of 100, grades). ``mean`` of the sessions alone;
    ``sessions`` that have the number, and of how many full ones they are ``worth``; ``more``: half
    the band's width with one, two, … sessions more."""

    value: float | None
    low: float | None
    high: float | None
    mean: float | None
    sessions: int
    worth: float
    is_scattered: bool
    more: list[float]


class PersonSign(TypedDict):
    """A sign of one expression as a percentile, 0 to 100, among the people that ``norm`` names."""

    expression: str
    name: str
    norm: str | None
    percentile: PersonNumber


class PersonChange(TypedDict):
    """The index's mean of these sessions beside that of the person's first ones (``first``).
    ``is_shown`` only where ``second`` lies outside ``low`` to ``high``, which hold it in 95 % of
    people in whom nothing changed."""

    first: float
    second: float
    low: float
    high: float
    is_shown: bool


class RepeatsFrom(TypedDict):
    """Whose repeats the bands come from, and which expressions their sessions were of; ``is_own``:
    the clinic's own people, in place of a public table's."""

    name: str
    licence: str
    people: int
    expressions: list[str]
    is_own: NotRequired[bool]


class PersonResult(TypedDict):
    """``repeats`` is null where the index has no band."""

    hypomimia_index: PersonNumber
    severity_expected: PersonNumber
    repeats: RepeatsFrom | None
