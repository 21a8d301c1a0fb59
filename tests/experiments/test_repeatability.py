"""How scores repeat, on invented people whose scatter is known: figures, page and file."""

import numpy as np
import pytest

from experiments.repeatability.attempts import Attempt, Smiles
from experiments.repeatability.held_out import alarms, coverage, folds, in_order, simulated_alarms
from experiments.repeatability.persons import persons
from experiments.repeatability.repeats import Repeats, with_intervals
from ml.cohort.table import Cohort
from ml.scoring.index import INDEX_WEIGHTS
from ml.scoring.person import INDEX, variance_components

BETWEEN, WITHIN = 0.6, 0.8


@pytest.fixture(scope="module")
def found() -> Repeats:
    generator = np.random.default_rng(6)
    who = np.repeat(np.arange(120), np.resize([2, 2, 3, 4], 120))
    names = np.array([f"p{n:03d}" for n in range(120)])
    index = generator.normal(0, BETWEEN**0.5, 120)[who]
    index = index + generator.normal(0, WITHIN**0.5, len(who))
    other = generator.normal(size=(len(who), 14))
    return Repeats(
        subject=names[who],
        protocol=np.full(len(who), "home"),
        pd=who % 2,
        index=index,
        grade=other[:, 0],
        p_pd=other[:, 1],
        signals=other,
    )


def test_intervals_hold_what_was_put_in(found: Repeats) -> None:
    one, icc, sem = with_intervals(found.index, found, count=200)
    assert (one.people, one.sessions) == (120, len(found.subject))
    assert icc.low < BETWEEN / (BETWEEN + WITHIN) < icc.high
    assert sem.low < WITHIN**0.5 < sem.high
    _, none, _ = with_intervals(found.grade, found, count=200)
    assert none.low == 0
    assert none.high < icc.low + 0.15


def test_held_out_people_lie_in_their_band_and_do_not_change(found: Repeats) -> None:
    covered = coverage(found, found.index, INDEX)
    assert set(covered) == {
        f"{seen} → {what}"
        for seen in ("1", "2", "3", "2 or more")
        for what in ("as many again", "one")
    }
    assert 0.85 < covered["1 → as many again"].value < 0.97
    assert covered["2 → one"].value <= covered["2 → as many again"].value + 0.02
    assert 0.8 < in_order(found, found.index, INDEX)["all"] < 0.97
    assert alarms(found, found.index, INDEX)["two halves"].value < 0.08


def test_a_person_is_never_among_those_learnt_from(found: Repeats) -> None:
    """One person far from all others moves the variance between; held out, they do not."""
    far = found.index.copy()
    far[found.subject == "p000"] += 40
    others = found.subject != "p000"
    without = variance_components(far[others], found.subject[others])
    for rows, components in folds(found, far):
        if found.subject[rows[0]] == "p000":
            assert components.between < 2 * without.between
        assert len(set(found.subject[rows])) == 1


def test_invented_people_seldom_change(found: Repeats) -> None:
    shares = simulated_alarms(found, found.index, INDEX, people=300)
    assert set(shares) == {"normal", "as public"}
    assert all(share <= 0.09 for row in shares.values() for share in row.values())


def cohort_of(subject: np.ndarray, pd: np.ndarray) -> Cohort:
    count = len(subject)
    text = np.full(count, "", dtype=np.str_)
    return Cohort(
        name="invented",
        columns=(),
        values=np.empty((count, 0)),
        subject=subject,
        protocol=np.full(count, "home"),
        pd=pd,
        grade=np.full(count, -1),
        age=np.full(count, np.nan),
        sex=text,
        split=text,
        line=np.arange(count),
        sha256="",
    )


def test_weights_turn_away_from_what_scatters() -> None:
    generator = np.random.default_rng(8)
    who = np.repeat(np.arange(200), 2)
    width, lips = 12, 11
    z = generator.normal(size=(200, 14))[who] + 0.3 * generator.normal(size=(400, 14))
    z[:, width] = generator.normal(size=400) + z[:, width]
    names = np.array([f"p{n:03d}" for n in range(200)])
    weights = INDEX_WEIGHTS["smile"] / np.abs(INDEX_WEIGHTS["smile"]).sum()
    smiles = Smiles(z, cohort_of(names[who], who % 2), weights)
    everybody = np.ones(400, dtype=bool)
    turned = smiles.learnt(Attempt(turned=1.0), everybody)
    assert abs(turned[width] / turned[lips]) < 0.5 * abs(weights[width] / weights[lips])
    assert (turned * weights >= 0).all()
    today, better = (
        smiles.icc(smiles.scores(attempt, everybody))
        for attempt in (Attempt(), Attempt(turned=1.0))
    )
    assert better > today + 0.02


def test_a_persons_result_tells_more_than_one_session() -> None:
    generator = np.random.default_rng(9)
    who = np.repeat(np.arange(120), 3)
    names = np.array([f"p{n:03d}" for n in range(120)])
    scores = (who % 2) * 1.0 + 0.3 * generator.normal(size=120)[who] + generator.normal(size=360)
    known = variance_components(scores, names[who])
    found = persons(cohort_of(names[who], who % 2), INDEX.back(scores), known)
    assert (found.people, found.protocols) == (120, ("home",))
    assert found.gain.low > 0
    assert found.result > found.one
