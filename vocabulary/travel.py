"""The shape of what a bundle says of its probability of PD on people outside its own data.

It stands in a bundle's metadata as ``travel``. ``ml/scoring/travel.py`` has the rule by which it
``holds``; a bundle without it is taken as not shown to hold.
"""

from typing import NotRequired

from typing_extensions import TypedDict


class Ranking(TypedDict):
    """How well PD is ranked by the probability and by the hypomimia index (AUROC), on the same
    people; ``difference``: probability minus index, with its 95 % interval. On the public tables
    this favours the index: the sizes of its weights were chosen with an eye on them."""

    people: int
    p_pd: float
    index: float
    difference: tuple[float, float, float]


class Travel(TypedDict):
    """``off_table``: people of another table, whom the bundle has not seen; ``protocols``: each
    recruitment protocol scored by a model that was trained on the others."""

    off_table: NotRequired[Ranking | None]
    protocols: NotRequired[Ranking | None]
    holds: bool
