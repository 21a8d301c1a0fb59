"""The oracle on phantoms: its arithmetic, and that it follows each sign."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from experiments.phantom.oracle import Seen, count_probability, p_pd, posterior, seen
from ml.errors import ConfigError
from ml.phantom import perform
from ml.phantom.graded_people import draw_subject, load_config
from ml.phantom.movement import blink_starts
from vocabulary.expressions import POSED

CONFIG = load_config()


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
