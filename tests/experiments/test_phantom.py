"""The phantom results run from drawing to the page, and a second run measures nothing again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.phantom import ceilings, measures
from experiments.phantom.command import run
from experiments.phantom.figures import (
    ClipFigure,
    agreement,
    median_latency_error,
    median_spearman,
    over_people,
    paired_loss,
)
from experiments.phantom.models import Opinion, model_figures
from experiments.phantom.people import People
from experiments.phantom.plan import Plan
from ml.metrics import Interval
from ml.phantom.cohort import CohortSpec

PLAN = Plan(
    expressions=("smile",),
    conditions=("15fps",),
    filmed=2,
    learning=2,
    simulated=24,
    simulated_test=16,
    seconds=3.0,
    clip_epochs=1,
    lstm_epochs=2,
)


@pytest.mark.slow
def test_from_drawing_to_the_page_and_a_second_run_is_free(tmp_path: Path) -> None:
    page, cache = tmp_path / "docs" / "results-phantom.md", tmp_path / "cache"
    first = run(page, cache, PLAN, workers=1)
    measured = [*(cache / "measured").iterdir(), *cache.glob("cohort-*/*.mp4")]
    kept = {path: path.stat().st_mtime_ns for path in (*measured, *(cache / "crops").iterdir())}
    second = run(page, cache, PLAN, workers=1)
    assert kept == {p: p.stat().st_mtime_ns for p in kept}
    for name in ("intensity", "conditions", "diagnosis", "filmed_agreement"):
        assert first[name] == second[name]
    json.dumps(first, allow_nan=False)
    assert first["intensity"]["geometric"]["spearman_clip"]["value"] > 0.8
    assert first["intensity"]["clip"]["clips"] == 2
    assert set(first["diagnosis"]) >= {"constant", "LSTM", "oracle"}
    assert first["diagnosis"]["oracle"]["share"]["value"] == 1
    assert {source["name"] for source in first["sources"]} == {"geometric", "clip"}
    text = page.read_text()
    assert "nothing about people" in text
    assert str(tmp_path) not in text
    assert first["conditions"]["15fps"]["geometric"]["people"] == 2
    assert "Aims not reached" in text  # one epoch of a random network cannot reach them


def clips(values: list[float], latency: list[float | None]) -> list[ClipFigure]:
    return [
        ClipFigure(f"p{i // 2}", "smile", value, late)
        for i, (value, late) in enumerate(zip(values, latency, strict=True))
    ]


def test_a_flat_curve_counts_as_no_correlation() -> None:
    some = clips([float("nan"), 0.9, float("nan"), 0.8], [None, 0.02, 0.04, None])
    assert median_spearman(some) == pytest.approx(0.4)
    assert median_latency_error(some) == pytest.approx(0.03)
    interval = over_people(some, median_spearman)
    assert interval.low <= interval.value <= interval.high


def graded(count: int) -> People:
    """People of whom nothing but the labels is known."""
    labels = np.tile([0, 1], count // 2)
    return People((), np.zeros((count, 0)), labels, 4 * labels, np.zeros((count, 5)))


def right_in(share: float, people: People) -> Opinion:
    """Says the truth of the first ``share`` of the people and the opposite of the others."""
    said = np.where(np.arange(len(people)) < share * len(people), people.pd, 1 - people.pd)
    return Opinion(said * 0.8 + 0.1, np.eye(5)[4 * said])


def test_shares_are_of_the_oracle_on_the_same_people() -> None:
    people = graded(100)
    model, oracle = right_in(0.6, people), right_in(0.8, people)
    found = model_figures(people, model, oracle)
    assert found.accuracy.value == pytest.approx(0.6)
    assert found.share.value == pytest.approx(0.75)
    assert found.share.low < 0.75 < found.share.high
    assert found.grade_share is not None
    assert found.grade_share.value == pytest.approx(0.75)
    assert found.kappa_share is not None
    assert found.kappa_share.value == pytest.approx(0.2 / 0.6)
    assert model_figures(people, oracle, oracle).share == Interval(1.0, 1.0, 1.0)
    assert model_figures(people, Opinion(model.pd), oracle).kappa is None


def test_a_loss_is_counted_on_the_same_people() -> None:
    home = clips([0.9, 0.8, 1.0, 0.9], [None] * 4)
    assert paired_loss(home, home, median_spearman) == Interval(0.0, 0.0, 0.0)
    worse = [ClipFigure(c.subject, c.expression, 0.9 * c.spearman, None) for c in home]
    found = paired_loss(worse, home, median_spearman)
    assert found.value == found.low == found.high == pytest.approx(0.1)
    assert paired_loss(worse[2:], home, median_spearman).value == pytest.approx(1 - 0.855 / 0.9)
    flat = [ClipFigure("p0", "smile", float("nan"), None)]
    assert np.isnan(paired_loss(flat, flat, median_spearman).value)


def test_agreement_counts_decisions() -> None:
    found = agreement(np.array([0.4, 0.6, 0.7, 0.2]), np.array([0.6, 0.7, 0.7, 0.1]))
    assert found.same_decision.value == 0.75
    assert found.median_difference.value == pytest.approx(0.1)


def test_ceilings_come_from_the_phantom() -> None:
    spec = CohortSpec(3, 5, ("smile",), seconds=8.0)
    untied = median_spearman(ceilings.without_ties(spec, 3, ("smile",)))
    drawn = median_spearman(ceilings.as_drawn(spec, 3, ("smile",)))
    assert 0.93 < drawn < untied < 0.995
    views = ceilings.movement_oracle(20, 5, ("smile",))
    np.testing.assert_allclose(views.sum(1), 1.0)


def test_missed_aims_are_said() -> None:
    good = {
        "clips": 1,
        "spearman_clip": {"value": 0.99},
        "latency_error_s": {"value": 0.01},
        "loss": {"value": 0.01},
    }
    kept = {"same_decision": {"value": 1.0}}
    shares = {name: {"value": 0.97} for name in ("share", "kappa_share", "grade_share")}
    data = {
        "intensity": {"geometric": good, "clip": good},
        "diagnosis": {"LSTM": shares},
        "conditions": {name: {"geometric": good, "clip": good, "lstm": kept} for name in ("dark",)},
    }
    assert measures.missed(data) == []
    data["conditions"]["dark"]["clip"] = {**good, "loss": {"value": 0.091}}
    data["conditions"]["dark"]["lstm"] = {"same_decision": {"value": 0.9}}
    shares["kappa_share"] = {"value": 0.9}
    said = "\n".join(measures.missed(data))
    assert "clip intensity, dark: loses 9.1%" in said
    assert "dark: 10% of the people change sides" in said
    assert "kappa of grades: 0.900 of the oracle" in said


def test_plans_are_data() -> None:
    assert replace(Plan(), filmed=3).filmed == 3
