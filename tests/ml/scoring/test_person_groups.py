"""What a group of people says of its own scatter; and two courses and the signs of one person."""

from dataclasses import replace

import numpy as np
import pytest

from ml.scoring import repeatability
from ml.scoring.person import (
    GRADE,
    INDEX,
    Components,
    Reading,
    change,
    own_components,
    person_score,
    variance_components,
)
from ml.scoring.person_result import (
    Session,
    SignReading,
    person_change,
    person_result,
    person_signs,
)

KNOWN = repeatability.load()


def test_a_group_knows_its_own_scatter_from_thirty_people_on() -> None:
    rng = np.random.default_rng(0)
    people = [list(rng.uniform(5, 95, 2 + n % 2)) for n in range(30)]
    others = [[], [50.0], [], [99.0]]
    assert own_components([*people[:29], *others], INDEX) is None
    found = own_components([*people, *others], INDEX)
    assert found is not None
    values = INDEX.into(np.concatenate(people))
    who = np.concatenate([[str(n)] * len(one) for n, one in enumerate(people)])
    assert found == variance_components(values, who)
    assert (found.people, found.sessions) == (30, 75)


@pytest.mark.parametrize("within", [0.1, 0.7, 0.8])
def test_one_session_says_nothing_of_scatter(within: float) -> None:
    """Not even by a last digit."""
    known = Components(mean=2.0, between=0.6, within=within, people=100, sessions=220)
    assert not person_score([Reading(1.0)], known, GRADE).is_scattered


def test_two_courses_of_one_person() -> None:
    first = [Session(30.123, None), Session(None, 1.0), Session(35.0, 2.0, 0.5)]
    second = [Session(96.789, 1.0), Session(97.0, None)]
    assert KNOWN.index is not None
    found = change(
        [Reading(30.123), Reading(35.0, 0.5)],
        [Reading(96.789), Reading(97.0)],
        KNOWN.index,
        INDEX,
    )
    assert person_change(first, second, KNOWN) == {
        "first": round(found.first, 2),
        "second": round(found.second, 2),
        "low": round(found.unchanged[0], 2),
        "high": round(found.unchanged[1], 2),
        "is_shown": found.is_shown,
    }
    nothing = [Session(None, 1.0)]
    for one, other, known in (
        (nothing, second, KNOWN),
        (first, nothing, KNOWN),
        ([], second, KNOWN),
        (first, second, replace(KNOWN, index=None)),
    ):
        assert person_change(one, other, known) is None


def test_the_signs_of_a_person_in_the_order_of_the_sessions() -> None:
    smile, rest = ("smile", "mouth-width_var"), ("rest", "blink-rate")
    sessions = [
        Session(50.0, None, 0.5, signs={smile: SignReading(20.0, "old")}),
        Session(50.0, None, signs={rest: SignReading(60.06, None)}),
        Session(50.0, None, signs={smile: SignReading(80.0, "new")}),
    ]
    components = Components(mean=0.0, between=0.5, within=0.5, people=40, sessions=90)
    known = replace(KNOWN, signals={"smile_mouth-width_var": components})
    first, second = person_signs(sessions, known)
    assert [(one["expression"], one["name"], one["norm"]) for one in (first, second)] == [
        (*smile, "new"),
        (*rest, None),
    ]
    score = person_score([Reading(20.0, 0.5), Reading(80.0)], components, INDEX)
    told = first["percentile"]
    assert (told["value"], told["low"]) == (round(score.value, 1), round(score.low, 1))
    assert (told["sessions"], told["worth"]) == (2, 1.5)
    alone = second["percentile"]
    assert (alone["value"], alone["low"], alone["sessions"]) == (60.1, None, 1)
    assert person_signs([], known) == []


def test_scatter_of_ones_own_people_is_said_to_be_that() -> None:
    sessions = [Session(50.0, None)]
    assert "is_own" not in (person_result(sessions, KNOWN)["repeats"] or {})
    own = replace(KNOWN, source=replace(KNOWN.source, is_own=True))
    repeats = person_result(sessions, own)["repeats"]
    assert repeats is not None
    assert repeats["is_own"] is True
    unknown = person_result(sessions, replace(KNOWN, index=None))
    assert unknown["repeats"] is None
