"""Several sessions of one person, as one result: plain JSON for whoever shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.scoring.person import GRADE, INDEX, Components, Reading, Scale, person_score, plain_mean
from ml.scoring.repeatability import Repeatability
from vocabulary.person import PersonNumber, PersonResult, RepeatsFrom

# A session whose every picture was lost would be worth nothing; it was scored all the same.
LEAST_QUALITY = 0.1


@dataclass(frozen=True)
class Session:
    """What of a session's assessment counts: the numbers, None where not known, and the share of
    pictures that its clips lost on average (0 to 1)."""

    hypomimia_index: float | None
    severity_expected: float | None
    dropped_share: float = 0.0

    @property
    def quality(self) -> float:
        """How much of a full session's information it holds."""
        return min(max(1.0 - self.dropped_share, LEAST_QUALITY), 1.0)


def person_result(sessions: Sequence[Session], known: Repeatability) -> PersonResult:
    """``known`` is for the model that scored the sessions (:meth:`Repeatability.for_model`)."""
    index = [
        Reading(s.hypomimia_index, s.quality) for s in sessions if s.hypomimia_index is not None
    ]
    grades = [
        Reading(s.severity_expected, s.quality) for s in sessions if s.severity_expected is not None
    ]
    repeats: RepeatsFrom | None = None
    if known.index is not None:
        repeats = {
            "name": known.source.name,
            "licence": known.source.licence,
            "people": known.index.people,
            "expressions": list(known.learnt_from.expressions),
        }
    return {
        "hypomimia_index": _number(index, known.index, INDEX, 2),
        "severity_expected": _number(grades, known.grade, GRADE, 3),
        "repeats": repeats,
    }


def _number(
    readings: Sequence[Reading], components: Components | None, scale: Scale, decimals: int
) -> PersonNumber:
    if components is None or not readings:
        mean = plain_mean(readings, scale)
        rounded = None if mean is None else round(mean, decimals)
        return {
            "value": rounded,
            "low": None,
            "high": None,
            "mean": rounded,
            "sessions": len(readings),
            "worth": round(sum(one.quality for one in readings), 3),
            "is_scattered": False,
            "more": [],
        }
    found = person_score(readings, components, scale)
    return {
        "value": round(found.value, decimals),
        "low": round(found.low, decimals),
        "high": round(found.high, decimals),
        "mean": None if found.mean is None else round(found.mean, decimals),
        "sessions": found.sessions,
        "worth": round(found.worth, 3),
        "is_scattered": found.is_scattered,
        "more": [round(half, decimals) for half in found.more],
    }
