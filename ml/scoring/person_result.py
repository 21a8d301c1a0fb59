"""Several sessions of one person, as one result: plain JSON for whoever shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ml.scoring.person import (
    GRADE,
    INDEX,
    Components,
    Reading,
    Scale,
    change,
    person_score,
    plain_mean,
)
from ml.scoring.repeatability import Repeatability
from vocabulary.person import PersonChange, PersonNumber, PersonResult, PersonSign, RepeatsFrom

# A session whose every picture was lost would be worth nothing; it was scored all the same.
LEAST_QUALITY = 0.1


@dataclass(frozen=True)
class SignReading:
    """A sign's percentile (0 to 100) among the people that ``norm`` names."""

    percentile: float
    norm: str | None


@dataclass(frozen=True)
class Session:
    """What of a session's assessment counts: the numbers, None where not known, the share of
    pictures that its clips lost on average (0 to 1), its signs by (expression, name), and what the
    clips that were read count for on average, by what was done in them (0 to 1)."""

    hypomimia_index: float | None
    severity_expected: float | None
    dropped_share: float = 0.0
    signs: Mapping[tuple[str, str], SignReading] = field(default_factory=dict)
    done_as_asked: float = 1.0

    @property
    def quality(self) -> float:
        """How much of a full session's information it holds."""
        return min(max((1.0 - self.dropped_share) * self.done_as_asked, LEAST_QUALITY), 1.0)


def person_result(sessions: Sequence[Session], known: Repeatability) -> PersonResult:
    """``known`` is for the model that scored the sessions (:meth:`Repeatability.for_model`)."""
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
        if known.source.is_own:
            repeats["is_own"] = True
    return {
        "hypomimia_index": _number(_of_index(sessions), known.index, INDEX, 2),
        "severity_expected": _number(grades, known.grade, GRADE, 3),
        "repeats": repeats,
    }


def person_change(
    first: Sequence[Session], second: Sequence[Session], known: Repeatability
) -> PersonChange | None:
    """None where nothing is known of how the index repeats, or one side has no index."""
    before, after = _of_index(first), _of_index(second)
    if known.index is None or not before or not after:
        return None
    found = change(before, after, known.index, INDEX)
    low, high = found.unchanged
    return {
        "first": round(found.first, 2),
        "second": round(found.second, 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "is_shown": found.is_shown,
    }


def _of_index(sessions: Sequence[Session]) -> list[Reading]:
    return [
        Reading(s.hypomimia_index, s.quality) for s in sessions if s.hypomimia_index is not None
    ]


def person_signs(sessions: Sequence[Session], known: Repeatability) -> list[PersonSign]:
    """Each sign that a norm knows, over the sessions; with a band where it is known how it repeats.
    In the order in which the sessions have them; the norm is that of the newest."""
    keys = dict.fromkeys(key for session in sessions for key in session.signs)
    found: list[PersonSign] = []
    for expression, name in keys:
        of_one = [(s.signs[expression, name], s) for s in sessions if (expression, name) in s.signs]
        readings = [Reading(one.percentile, session.quality) for one, session in of_one]
        components = known.signals.get(f"{expression}_{name}")
        found.append(
            {
                "expression": expression,
                "name": name,
                "norm": of_one[-1][0].norm,
                "percentile": _number(readings, components, INDEX, 1),
            }
        )
    return found


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
