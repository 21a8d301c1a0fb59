"""What may be said of a result, decided once for all readers: the words only word it.

Numbers are rounded to what a page shows before anything is decided, so that no sentence contradicts
the number beside it.
"""

from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

from vocabulary.assessment import Assessment
from vocabulary.person import PersonNumber, PersonResult
from vocabulary.statement import SpokenIndex

#: Points of the index, which is a percentile: above the first a face moved less than most faces
#: without PD do, above the second less than three of four (outside the middle half and livelier,
#: which neuropsychology calls average; Guilmette et al. 2020).
MOST, USUAL = 50, 75
#: So many sessions more are worth asking for at once.
ASK_AT_MOST = 3
#: A further session that narrows the band by less is not worth a patient's while.
WORTH_A_SESSION = 3
#: A grade's band holds so much of its distribution, half of the rest beyond either end.
HELD = 0.9


class Movement(StrEnum):
    """How much the face moved against people without PD, as far as the whole band says so."""

    MUCH_LESS = "much_less"
    LESS = "less"
    USUAL = "usual"
    #: The band holds both; this is where its middle lies.
    UNCLEAR_LESS = "unclear_less"
    UNCLEAR_USUAL = "unclear_usual"

    @property
    def is_shown(self) -> bool:
        return self not in (Movement.UNCLEAR_LESS, Movement.UNCLEAR_USUAL)


@dataclass(frozen=True)
class Further:
    """``sessions`` more would make the index ± ``half`` points."""

    sessions: int
    half: int


@dataclass(frozen=True)
class Grade:
    """Of MDS-UPDRS item 3.2: ``low`` to ``high`` holds nine tenths. ``is_aside``: it does not agree
    with the movement that is shown, so the movement is what counts."""

    value: float
    low: float
    high: float
    is_experimental: bool
    is_aside: bool


@dataclass(frozen=True)
class Reading:
    """What is known of the person. ``index`` is None where nothing could be compared; ``mean`` is
    that of the sessions alone; ``more`` None where more would not help or is unknown."""

    index: SpokenIndex | None
    movement: Movement | None
    mean: int
    is_scattered: bool
    repeats: str | None
    more: Further | None
    grade: Grade | None


def read(result: Assessment, person: PersonResult | None = None) -> Reading:
    """``person``: over several sessions, this one among them; None takes what the session says of
    the person by itself, if it does."""
    person = person or result.get("person")
    number = person["hypomimia_index"] if person else None
    index = _index(number) or _alone(result["hypomimia_index"])
    movement = None if index is None else _movement(index)
    repeats = person["repeats"] if person and index and index["low"] is not None else None
    return Reading(
        index=index,
        movement=movement,
        mean=_mean(number, index),
        is_scattered=bool(number and number["is_scattered"] and number["sessions"] > 1),
        repeats=None if repeats is None else repeats["name"],
        more=None if number is None or index is None else _more(number, index),
        grade=_grade(result, person, movement),
    )


def _index(number: PersonNumber | None) -> SpokenIndex | None:
    if number is None or number["value"] is None:
        return None
    low, high = number["low"], number["high"]
    value = _point(number["value"])
    if low is None or high is None:
        return {"value": value, "low": None, "high": None, "sessions": number["sessions"]}
    return {
        "value": value,
        "low": min(_point(low), value),
        "high": max(_point(high), value),
        "sessions": number["sessions"],
    }


def _alone(index: float | None) -> SpokenIndex | None:
    if index is None:
        return None
    return {"value": _point(index), "low": None, "high": None, "sessions": 1}


def _mean(number: PersonNumber | None, index: SpokenIndex | None) -> int:
    if number is not None and number["mean"] is not None:
        return _point(number["mean"])
    return 0 if index is None else index["value"]


def _movement(index: SpokenIndex) -> Movement:
    low = 0 if index["low"] is None else index["low"]
    high = 100 if index["high"] is None else index["high"]
    if low > USUAL:
        return Movement.MUCH_LESS
    if high <= USUAL:
        return Movement.USUAL
    if low > MOST:
        return Movement.LESS
    return Movement.UNCLEAR_LESS if index["value"] > USUAL else Movement.UNCLEAR_USUAL


def _more(number: PersonNumber, index: SpokenIndex) -> Further | None:
    """Fewest sessions, up to some, that bring the band most of the way."""
    if index["low"] is None or index["high"] is None or not number["more"]:
        return None
    halves = number["more"][:ASK_AT_MOST]
    half = round(halves[-1])
    if (index["high"] - index["low"]) / 2 - half < WORTH_A_SESSION:
        return None
    return Further(len(halves), half)


def _grade(
    result: Assessment, person: PersonResult | None, movement: Movement | None
) -> Grade | None:
    if result["severity"] is None or result["severity_expected"] is None:
        return None
    known = person["severity_expected"] if person else None
    if known and known["value"] is not None and known["low"] is not None:
        value, low, high = known["value"], known["low"], known["high"] or known["low"]
    else:
        value = result["severity_expected"]
        low, high = _spread(result["severity"])
    value, low, high = round(value, 1), round(min(low, value), 1), round(max(high, value), 1)
    moves_less = movement in (Movement.LESS, Movement.MUCH_LESS)
    aside = (movement is Movement.USUAL and low >= 1) or (moves_less and high < 1)
    return Grade(value, low, high, result["severity_experimental"], aside)


def _spread(shares: dict[str, float]) -> tuple[float, float]:
    """Mean ± as far as nine tenths of a normal distribution of this spread reach: grades are few,
    and whole ones would jump."""
    mean = sum(int(grade) * share for grade, share in shares.items())
    variance = sum(share * (int(grade) - mean) ** 2 for grade, share in shares.items())
    half = NormalDist().inv_cdf((1 + HELD) / 2) * variance**0.5
    return max(mean - half, 0.0), min(mean + half, 4.0)


def _point(index: float) -> int:
    """Nobody moves less than all others: the norms are people, and a page would say 100 of 100."""
    return min(max(round(index), 1), 99)
