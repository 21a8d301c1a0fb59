"""What ships is what wins; a score says nothing of the others who are scored."""

from pathlib import Path

import numpy as np
import pytest

from experiments.public.balancing import ADAPTIVE, PLAIN, Balancing
from experiments.public.methods import Averaged, Baseline
from experiments.public.protocol import Material, outer_folds
from ml.cohort.table import read_table
from ml.metrics import Interval

NAMES = ("smile", "disgust")


@pytest.mark.parametrize(
    ("brier", "ece", "winner"),
    [
        (Interval(0.003, -0.007, 0.012), Interval(0.004, -0.01, 0.018), ADAPTIVE),
        (Interval(-0.003, -0.007, 0.012), Interval(-0.02, -0.04, -0.01), PLAIN),
        (Interval(0.01, 0.005, 0.015), Interval(0.02, 0.01, 0.03), PLAIN),
    ],
)
def test_the_better_brier_score_wins_unless_calibration_is_worse(
    brier: Interval, ece: Interval, winner: str
) -> None:
    found = Balancing(macro_f1=Interval(0.01, 0.005, 0.02), brier_skill=brier, ece=ece)
    assert found.winner == winner
    assert found.ships is (winner == ADAPTIVE)


def test_an_averaged_score_is_the_same_whoever_is_scored_beside_it(table: Path) -> None:
    cohort = read_table(table)
    m = Material(cohort.tokens(NAMES), cohort.pd, cohort.subject, NAMES)
    fold = outer_folds(m, 1, ("averaged",))[0]
    z = m.normal_scores(fold.train)
    method = Averaged((Baseline("svm", "z"), Baseline("logistic", "z")))
    together = method(m, z, fold.train, fold.test).log_odds
    alone = [method(m, z, fold.train, fold.test[[n]]).log_odds[0] for n in range(3)]
    np.testing.assert_allclose(alone, together[:3])
