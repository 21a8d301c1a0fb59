"""The grades' committed config, the people drawn from it, and the oracle's arithmetic."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from ml.errors import ConfigError
from ml.phantom import grades, perform
from ml.phantom.curves import blink_starts
from ml.phantom.grades import DEFAULT_CONFIG, draw_subject, load_config
from ml.phantom.oracle import Seen, count_probability, p_pd, posterior, seen
from vocabulary.expressions import POSED, Expression

CONFIG = load_config()
# Fixed before any training: whoever changes the overlap of the grades must say so here too.
FIXED = (
    "updrs-3.2-text",
    "1.0.0",
    "449320526538fdaaba47f63839dc1203afea1b43514933f44dd39180d8ad7dd6",
)


def test_the_overlap_between_grades_has_not_been_moved() -> None:
    assert (CONFIG.name, CONFIG.version, CONFIG.digest) == FIXED


def test_grades_follow_the_items_text() -> None:
    people = [[draw_subject(CONFIG, k, 1, grade=g) for k in range(300)] for g in range(5)]

    def middle(name: str) -> list[float]:
        return [float(np.median([getattr(p, name) for p in group])) for group in people]

    blinks, lips = middle("blinks_per_minute"), middle("lips_parted")
    smiles = [np.median([p.amplitudes[Expression.SMILE] for p in group]) for group in people]
    assert blinks[1] < 0.75 * blinks[0]
    assert smiles[1] > 0.85 * smiles[0]
    assert smiles[2] < 0.8 * smiles[1]
    assert max(lips[:3]) < 0.1 < 0.25 < lips[3] < 0.55 < lips[4]
    assert (np.diff(blinks) < 0).all()
    assert (np.diff(smiles) < 0).all()


def test_the_same_numbers_draw_the_same_person() -> None:
    assert draw_subject(CONFIG, 7, 2) == draw_subject(CONFIG, 7, 2)
    assert draw_subject(CONFIG, 7, 2) != draw_subject(CONFIG, 7, 3)


def test_shares_of_grades_and_pd_are_the_configs() -> None:
    people = [draw_subject(CONFIG, k, 4) for k in range(1500)]
    grades = np.array([p.grade for p in people])
    assert np.bincount(grades, minlength=5) / len(people) == pytest.approx(
        CONFIG.prior(), abs=0.035
    )
    ill = np.array([p.pd for p in people])
    assert ill[grades == 1].mean() == pytest.approx(CONFIG.pd_given_grade()[1], abs=0.07)


def test_counted_blinks_have_the_oracles_distribution() -> None:
    counts = np.bincount(
        [len(blink_starts(np.random.default_rng(k), 10.0, 16.0)) for k in range(2000)], minlength=7
    )
    told = [float(count_probability(n, 10.0, np.array([16.0]))[0]) for n in range(7)]
    assert sum(told) == pytest.approx(1.0, abs=0.01)
    assert counts[:7] / 2000 == pytest.approx(told, abs=0.04)


def shown(number: int, seed: int) -> tuple[int, Seen]:
    """A person of the cohort and what their seven clips show, without performing them."""
    person = draw_subject(CONFIG, number, seed)
    clips = [
        (len(blink_starts(np.random.default_rng([seed, number, k]), 10.0,
                          person.blinks_per_minute)), 10.0)
        for k in range(7)
    ]  # fmt: skip
    return person.grade, Seen(
        amplitudes=person.amplitudes,
        upper=person.upper,
        speed=person.speed,
        latency_s=person.latency_s,
        asymmetry=person.asymmetry,
        tremor=person.tremor > 0,
        lips_parted=person.lips_parted,
        blinks=tuple(clips),
    )


def test_the_oracle_is_good_calibrated_and_not_perfect() -> None:
    people = [shown(number, 11) for number in range(150)]
    grades = np.array([grade for grade, _ in people])
    told = np.stack([posterior(what, CONFIG) for _, what in people])
    assert told.sum(1) == pytest.approx(1.0)
    kappa = cohen_kappa_score(grades, told.argmax(1), weights="quadratic")
    assert 0.75 < kappa < 0.95
    # Of a calibrated posterior, the mean probability of the best grade is the share of hits.
    assert told.max(1).mean() == pytest.approx((grades == told.argmax(1)).mean(), abs=0.09)
    loss = -np.log(told[np.arange(len(grades)), grades]).mean()
    assert loss < -(CONFIG.prior() @ np.log(CONFIG.prior() + 1e-12)) - 0.4


def test_the_oracle_reads_truth_files_and_follows_each_sign() -> None:
    person = draw_subject(CONFIG, 3, 5, grade=0)
    truths = [
        perform(e, seed=k, program=person.program(e)).truth()
        for k, e in enumerate(("rest", *POSED))
    ]
    healthy = seen(truths)
    assert healthy.amplitudes == pytest.approx(dict(person.amplitudes))

    def expected(what: Seen) -> float:
        return float(posterior(what, CONFIG) @ np.arange(5))

    base = expected(healthy)
    still = {e: 0.4 * a for e, a in healthy.amplitudes.items()}
    assert expected(replace(healthy, amplitudes=still)) > base
    assert expected(replace(healthy, lips_parted=0.6)) > base
    assert expected(replace(healthy, blinks=((0, 60.0),))) > expected(
        replace(healthy, blinks=((25, 60.0),))
    )
    assert p_pd(replace(healthy, amplitudes=still), CONFIG) > p_pd(healthy, CONFIG)
    with pytest.raises(ConfigError, match="at least one"):
        seen([])


def test_an_expression_that_is_added_makes_nobody_another_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = draw_subject(CONFIG, 4, seed=3)
    assert before.amplitudes[Expression.FEAR] == 0.7342  # as it was drawn when there were six
    monkeypatch.setattr(grades, "POSED", (*POSED, "wink"))
    after = draw_subject(CONFIG, 4, seed=3)
    drawn = {str(name): amplitude for name, amplitude in after.amplitudes.items()}
    assert drawn.pop("wink") > 0
    assert replace(after, amplitudes=before.amplitudes) == before
    assert drawn == before.amplitudes
    assert CONFIG.own_log_sd("wink") == 0.4  # the median of the six


@pytest.mark.parametrize(
    ("entry", "value", "says"),
    [
        ("speed", [1.0, 0.9], "speed"),
        ("grade_given_pd", {"0": [1, 0, 0, 0, 0], "1": [0.5, 0, 0, 0, 0]}, "add up to 1"),
        ("amplitude_own_log_sd", {"smile": 0.2}, "lacks disgust"),
        ("amplitude_own_log_sd", dict.fromkeys([*POSED, "wink"], 0.2), "no expression wink"),
        ("pd_share", None, "pd_share"),
    ],
)
def test_a_config_that_cannot_work_is_named(
    entry: str, value: object, says: str, tmp_path: Path
) -> None:
    data = json.loads(DEFAULT_CONFIG.read_text())
    data[entry] = value
    if value is None:
        del data[entry]
    (tmp_path / "grades.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=says):
        load_config(tmp_path / "grades.json")
