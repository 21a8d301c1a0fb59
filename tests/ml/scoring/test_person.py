"""A person over several sessions: components, estimate, band, and change."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.errors import ConfigError
from ml.scoring import repeatability
from ml.scoring.bundle import default_bundle_path, load
from ml.scoring.person import (
    GRADE,
    INDEX,
    Components,
    Reading,
    change,
    person_score,
    variance_components,
)

KNOWN = Components(mean=0.1, between=0.6, within=0.8, people=100, sessions=220)


def readings(*values: float, quality: float = 1.0) -> list[Reading]:
    return [Reading(value, quality) for value in values]


def invented(
    people: int, each: Sequence[int], *, between: float, within: float
) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    sizes = np.resize(each, people)
    who = np.repeat(np.arange(people), sizes)
    centres = generator.normal(0, between**0.5, people)
    return centres[who] + generator.normal(0, within**0.5, len(who)), who.astype(np.str_)


def test_components_are_found_again() -> None:
    values, who = invented(20000, (2, 2, 3, 5), between=0.6, within=0.9)
    found = variance_components(values, who)
    assert found.between == pytest.approx(0.6, rel=0.03)
    assert found.within == pytest.approx(0.9, rel=0.03)
    assert found.icc == pytest.approx(0.4, abs=0.02)
    assert found.reliability(3) == pytest.approx(3 * found.icc / (1 + 2 * found.icc))


def test_who_came_once_or_without_a_number_says_nothing_of_scatter() -> None:
    values, who = invented(50, (2, 3), between=1, within=1)
    once = np.append(values, [40.0, 3.0, np.nan])
    assert variance_components(
        once, np.append(who, ["once", "half", "half"])
    ) == variance_components(values, who)
    with pytest.raises(ValueError, match="two people"):
        variance_components(np.array([1.0, 2.0, 3.0]), np.array(["a", "a", "b"]))


def test_people_who_do_not_differ_have_no_variance_between() -> None:
    values = np.array([1.0, -1.0, 1.0, -1.0])
    found = variance_components(values, np.array(["a", "a", "b", "b"]))
    assert (found.between, found.icc) == (0.0, 0.0)


def test_the_estimate_is_drawn_in_and_less_so_with_more_sessions() -> None:
    one = person_score(readings(90), KNOWN, INDEX)
    three = person_score(readings(90, 90, 90), KNOWN, INDEX)
    assert one.mean == pytest.approx(90)
    assert 50 < one.value < three.value < 90
    scaled = 0.1 + 0.6 / 1.4 * (INDEX.into(np.array(90.0)) - 0.1)
    assert one.value == pytest.approx(float(INDEX.back(scaled)))


def test_the_band_narrows_and_what_more_would_make_of_it_comes_true() -> None:
    found = [person_score(readings(*[55.0] * n), KNOWN, INDEX) for n in range(5)]
    widths = [one.half_width for one in found]
    assert widths == sorted(widths, reverse=True)
    assert found[1].more[0] == pytest.approx(widths[2], abs=0.2)
    assert all(0 <= one.low < one.value < one.high <= 100 for one in found)


def test_without_a_session_it_is_what_is_known_of_everybody() -> None:
    nobody = person_score([], KNOWN, GRADE)
    assert (nobody.value, nobody.mean, nobody.sessions) == (KNOWN.mean, None, 0)
    assert nobody.high == pytest.approx(0.1 + 1.645 * 1.4**0.5, abs=1e-3)


def test_half_the_quality_is_half_a_session() -> None:
    halves = person_score(readings(80, 80, quality=0.5), KNOWN, INDEX)
    whole = person_score(readings(80), KNOWN, INDEX)
    assert (halves.value, halves.low) == pytest.approx((whole.value, whole.low))
    assert (halves.sessions, halves.worth) == (2, 1.0)
    leaning = person_score([Reading(20, 0.1), Reading(80)], KNOWN, INDEX)
    assert leaning.mean is not None
    assert leaning.mean > 70
    for value, quality in ((np.nan, 1.0), (50.0, 0.0), (50.0, 1.5)):
        with pytest.raises(ValueError, match="quality"):
            Reading(value, quality)


def test_ones_own_scatter_widens_the_band_and_agreement_does_not_narrow_it() -> None:
    calm, wild = readings(50, 50, 50), readings(3, 50, 97)
    assert not person_score(calm, KNOWN, INDEX).is_scattered
    assert person_score(wild, KNOWN, INDEX).is_scattered
    assert person_score(wild, KNOWN, INDEX).half_width > person_score(calm, KNOWN, INDEX).half_width


def test_few_sessions_that_agree_do_not_narrow_the_band() -> None:
    band = person_score(readings(1.0, 1.0, 1.0), KNOWN, GRADE)
    left = KNOWN.between * (1 - KNOWN.reliability(3)) + KNOWN.within / 3
    assert band.high - band.value == pytest.approx(1.645 * left**0.5, rel=1e-3)


def test_one_session_out_of_this_world_does_not_outweigh_the_others() -> None:
    ends = [person_score(readings(40, 40, 40, far), KNOWN, INDEX).value for far in (99.5, 99.998)]
    assert ends[0] < ends[1] < ends[0] + 3


def test_the_ends_of_the_index_keep_their_order_and_stay_on_the_page() -> None:
    ends = [0.0, 0.001, 1.0, 50.0, 99.0, 99.9, 99.99]
    values = [person_score(readings(end), KNOWN, INDEX).value for end in ends]
    assert values == sorted(values)
    assert len(set(values[1:])) == len(ends) - 1
    assert INDEX.back(INDEX.into(np.array(ends[1:]))) == pytest.approx(np.array(ends[1:]))
    assert person_score(readings(100.0), KNOWN, INDEX).high <= 100


def test_the_band_holds_the_mean_of_as_many_again_nine_times_of_ten() -> None:
    generator = np.random.default_rng(2)
    for n in (1, 3):
        held = []
        for _ in range(1500):
            centre = generator.normal(KNOWN.mean, KNOWN.between**0.5)
            x = centre + generator.normal(0, KNOWN.within**0.5, 2 * n)
            points = INDEX.back(x)
            band = person_score([Reading(float(p)) for p in points[:n]], KNOWN, INDEX, ahead=0)
            held.append(band.low <= INDEX.back(INDEX.into(points[n:]).mean()) <= band.high)
        assert 0.88 < np.mean(held) < 0.96


def test_change_is_shown_only_beyond_what_sessions_scatter() -> None:
    small = change(readings(50), readings(90), KNOWN, INDEX)
    assert not small.is_shown
    assert small.unchanged[0] < 90 < small.unchanged[1]
    courses = readings(48, 50, 52, 50, 50), readings(95, 96, 94, 95, 95)
    assert change(*courses, KNOWN, INDEX).is_shown
    assert change(courses[1], courses[0], KNOWN, INDEX).is_shown
    with pytest.raises(ValueError, match="both courses"):
        change([], courses[0], KNOWN, INDEX)


def test_unchanged_people_are_seldom_said_to_have_changed() -> None:
    generator = np.random.default_rng(3)
    shown = []
    for _ in range(1500):
        points = INDEX.back(generator.normal(0.5, KNOWN.within**0.5, 6))
        course = [Reading(float(p)) for p in points]
        shown.append(change(course[:3], course[3:], KNOWN, INDEX).is_shown)
    assert np.mean(shown) <= 0.05


def test_what_ships_fits_the_index_that_ships() -> None:
    known = repeatability.load()
    scorer = load(default_bundle_path()).scorer
    fitting = known.for_model(scorer)
    assert fitting.index is not None
    assert 0.3 < fitting.index.icc < 0.7
    assert known.source.licence == "MIT"
    assert set(known.to_json()) == {
        *("schema", "source", "learnt_from", "index", "grade", "signals")
    }


def test_another_index_gets_none_of_it() -> None:
    scorer = load(default_bundle_path()).scorer
    other = {name: 2 * weights for name, weights in scorer.index.weights.items()}
    changed = replace(scorer, index=replace(scorer.index, weights=other), grades=None)
    fitting = repeatability.load().for_model(changed)
    assert (fitting.index, fitting.grade) == (None, None)


def test_a_file_that_says_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "repeatability.json"
    for text in ("{}", '{"schema": 1}', '{"schema": 1, "index": {"mean": "x"}}'):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"repeatability\.json"):
            repeatability.load(path)
