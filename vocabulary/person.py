"""The shape of a person's result over several sessions: what ``ml`` says and others read.

Null is *not known*: a model whose sessions nobody has repeated has a plain mean and no band.
"""

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


class RepeatsFrom(TypedDict):
    """Whose repeats the bands come from, and which expressions their sessions were of."""

    name: str
    licence: str
    people: int
    expressions: list[str]


class PersonResult(TypedDict):
    """``repeats`` is null where the index has no band."""

    hypomimia_index: PersonNumber
    severity_expected: PersonNumber
    repeats: RepeatsFrom | None
