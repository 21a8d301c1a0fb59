"""The numbers of a person's result, each by hand: what is drawn in, how wide, and from when on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from ml.scoring import repeatability
from ml.scoring.person import (
    GRADE,
    INDEX,
    SIGNAL,
    Components,
    Reading,
    change,
    person_score,
    plain_mean,
    variance_components,
)
from ml.scoring.person_result import Session, person_result

KNOWN = Components(mean=2.0, between=0.6, within=0.8, people=100, sessions=220)
#: The outermost quantile of the norms, as a normal score.
OUTERMOST = float(ndtri(0.995))


def grades(*values: float, quality: float = 1.0) -> list[Reading]:
    return [Reading(value, quality) for value in values]


def test_components_by_hand() -> None:
    values, who = np.array([1.0, 3.0, 2.0, 6.0, 4.0]), np.array(["a", "a", "b", "b", "b"])
    found = variance_components(values, who)
    # Within: (1 + 1 + 4 + 4) / 3. Among: 2 · 1.2² + 3 · 0.8². Of each: 5 − (2² + 3²) / 5.
    within, among, each = 10 / 3, 4.8, 2.4
    assert found.within == pytest.approx(within)
    assert found.between == pytest.approx((among - within) / each)
    assert (found.mean, found.people, found.sessions) == (pytest.approx(3.2), 2, 5)
    assert found.sem == pytest.approx(within**0.5)
    assert found.icc == pytest.approx(found.between / (found.between + within))


@pytest.mark.parametrize(
    ("sessions", "expected"), [(0, 0.0), (-1, 0.0), (0.5, 0.6 / 2.2), (1, 0.6 / 1.4), (4, 0.75)]
)
def test_how_reliable_so_many_sessions_are(sessions: float, expected: float) -> None:
    assert KNOWN.reliability(sessions) == pytest.approx(expected)
    assert replace(KNOWN, between=0.0).reliability(sessions) == 0.0


def test_who_scatters_as_others_do_has_the_band_of_all() -> None:
    found = person_score(grades(2.0, 3.0), KNOWN, GRADE)
    share = 0.6 / (0.6 + 0.8 / 2)
    assert found.value == pytest.approx(2.0 + share * 0.5)
    half = float(ndtri(0.95)) * np.sqrt(0.6 * (1 - share) + 0.8 / 2)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))
    assert (found.mean, found.sessions, found.worth) == (2.5, 2, 2.0)
    assert not found.is_scattered
    assert found.half_width == pytest.approx(half)
    wider = [
        float(ndtri(0.95)) * np.sqrt(0.6 * (1 - KNOWN.reliability(2 + n)) + 0.8 / (2 + n))
        for n in range(1, 6)
    ]
    assert found.more == pytest.approx(wider)
    assert len(person_score(grades(2.0), KNOWN, GRADE, ahead=2).more) == 2


def test_who_scatters_more_is_believed_as_three_degrees_of_freedom_allow() -> None:
    found = person_score([Reading(0.0, 0.5), Reading(4.0), Reading(4.0)], KNOWN, GRADE)
    mean = 8 / 2.5
    squares = 0.5 * mean**2 + 2 * (4 - mean) ** 2
    own = (3 * 0.8 + squares) / (3 + 2)
    assert found.is_scattered
    share = 0.6 / (0.6 + own / 2.5)
    assert found.mean == pytest.approx(mean)
    assert found.value == pytest.approx(2.0 + share * (mean - 2.0))
    half = float(ndtri(0.95)) * np.sqrt(0.6 * (1 - share) + own / 2.5)
    assert found.low == pytest.approx(found.value - half)


def test_less_than_one_session_has_the_band_of_one_again() -> None:
    found = person_score(grades(2.0, quality=0.25), KNOWN, GRADE)
    share = 0.6 / (0.6 + 0.8 / 0.25)
    half = float(ndtri(0.95)) * np.sqrt(0.6 * (1 - share) + 0.8)
    assert found.high - found.value == pytest.approx(half)


def test_grades_and_points_end_where_their_scale_ends() -> None:
    wild = Components(mean=2.0, between=60.0, within=0.8, people=9, sessions=20)
    for scale, least, most in ((GRADE, 0.0, 4.0), (INDEX, 0.0, 100.0)):
        low, high = (person_score(grades(end, end), wild, scale) for end in (least, most))
        assert (low.low, high.high) == pytest.approx((least, most), abs=1e-6)
    assert person_score(grades(9.0, 9.0), wild, GRADE).value == 4.0
    assert person_score(grades(-9.0, -9.0), wild, GRADE).value == 0.0


def test_beyond_the_outermost_quantile_only_a_tenth_counts() -> None:
    for sign in (-1, 1):
        inside, outside = sign * 2.5, sign * 4.0
        assert SIGNAL.into(np.array(inside)) == pytest.approx(inside)
        far = sign * (OUTERMOST + 0.1 * (4.0 - OUTERMOST))
        assert SIGNAL.into(np.array(outside)) == pytest.approx(far)
        assert INDEX.into(np.array(100 * ndtr(outside))) == pytest.approx(far, abs=1e-6)
        assert INDEX.back(np.array(far)) == pytest.approx(100 * ndtr(outside))
    ends = INDEX.into(np.array([0.0, 100.0]))
    assert ends == pytest.approx([-OUTERMOST - 0.3, OUTERMOST + 0.3])
    assert (SIGNAL.least, SIGNAL.most) == pytest.approx((-OUTERMOST - 3, OUTERMOST + 3))
    assert SIGNAL.back(np.array(1.5)) == 1.5


@pytest.mark.parametrize(("second", "is_shown"), [(3.1, False), (3.2, True), (0.8, True)])
def test_change_is_beyond_two_and_a_tenth_standard_errors(second: float, is_shown: bool) -> None:
    within = Components(mean=2.0, between=0.6, within=0.4, people=100, sessions=220)
    found = change(grades(2.0, 2.0), grades(*[second] * 4), within, GRADE)
    smallest = 2.1 * np.sqrt(0.4 * (1 / 2 + 1 / 4))
    assert smallest == pytest.approx(1.150, abs=1e-3)
    assert found.unchanged == pytest.approx((2.0 - smallest, 2.0 + smallest))
    assert (found.first, found.second) == pytest.approx((2.0, second))
    assert found.is_shown is is_shown
    assert change(grades(2.0), grades(second), within, GRADE).is_shown is False


def test_change_counts_the_scatter_of_both_courses() -> None:
    calm = change(grades(1.0, 1.0), grades(1.5, 1.5), KNOWN, GRADE)
    wild = change(grades(0.0, 2.0), grades(0.0, 3.0), KNOWN, GRADE)
    own = (3 * 0.8 + 2.0 + 4.5) / 5
    half = 2.1 * np.sqrt(own * (1 / 2 + 1 / 2))
    assert wild.unchanged == pytest.approx((max(1.0 - half, 0.0), min(1.0 + half, 4.0)))
    assert calm.unchanged[1] == pytest.approx(1.0 + 2.1 * 0.8**0.5)
    for courses in ((grades(), grades(1.0)), (grades(1.0), grades())):
        with pytest.raises(ValueError, match="both courses"):
            change(*courses, KNOWN, GRADE)


def test_a_mean_of_the_sessions_alone() -> None:
    assert plain_mean([], GRADE) is None
    assert plain_mean([Reading(1.0, 0.5), Reading(4.0)], GRADE) == pytest.approx(3.0)
    middle = INDEX.back(INDEX.into(np.array([90.0, 20.0])).mean())
    assert plain_mean(grades(90.0, 20.0), INDEX) == pytest.approx(float(middle))


@pytest.mark.parametrize(
    ("dropped", "quality"), [(0.0, 1.0), (-0.2, 1.0), (0.25, 0.75), (0.95, 0.1), (1.0, 0.1)]
)
def test_how_much_of_a_session_is_left(dropped: float, quality: float) -> None:
    assert Session(50.0, 1.0, dropped).quality == pytest.approx(quality)


def test_a_result_is_told_in_few_digits_and_where_its_scatter_is_known_from() -> None:
    known = repeatability.load()
    assert known.index is not None
    sessions = [Session(81.234, 1.2345, 1 / 3), Session(62.345, 2.3456)]
    said = person_result(sessions, known)
    assert said["repeats"] == {
        "name": known.source.name,
        "licence": known.source.licence,
        "people": known.index.people,
        "expressions": list(known.learnt_from.expressions),
    }
    found = person_score([Reading(81.234, 2 / 3), Reading(62.345)], known.index, INDEX)
    told = said["hypomimia_index"]
    assert told == {
        "value": round(found.value, 2),
        "low": round(found.low, 2),
        "high": round(found.high, 2),
        "mean": round(found.mean or 0, 2),
        "sessions": 2,
        "worth": 1.667,
        "is_scattered": found.is_scattered,
        "more": [round(half, 2) for half in found.more],
    }
    alone = person_result(sessions, replace(known, grade=None))["severity_expected"]
    mean = (1.2345 * 2 / 3 + 2.3456) / (5 / 3)
    assert alone == {
        "value": round(mean, 3),
        "low": None,
        "high": None,
        "mean": round(mean, 3),
        "sessions": 2,
        "worth": 1.667,
        "is_scattered": False,
        "more": [],
    }
