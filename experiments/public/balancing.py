"""Adaptive balancing against plain cross-entropy: what it gains, what it costs, and which ships."""

from dataclasses import dataclass

import numpy as np

from experiments.public.comparisons import Study
from experiments.public.protocol import Outcome
from experiments.public.shipped import SHIPPED
from ml.metrics import Interval, brier_skill, calibration_error, macro_f1, paired
from ml.scoring.balance import PRESETS
from ml.scoring.calibration import probability

ADAPTIVE, PLAIN = "adaptive", "plain CE"


@dataclass(frozen=True)
class Balancing:
    """Adaptive balancing minus plain cross-entropy, on the same people."""

    macro_f1: Interval
    brier_skill: Interval
    ece: Interval

    @property
    def winner(self) -> str:
        """The preset that is to ship: of the higher Brier skill, unless its calibration error is
        worse beyond chance."""
        wins = self.brier_skill.value > 0 and self.ece.low <= 0
        return ADAPTIVE if wins else PLAIN

    @property
    def ships(self) -> bool:
        """Whether the recipe that ships balances as the winner does."""
        return all(spec.balance == PRESETS[self.winner] for spec in SHIPPED.candidates)


def balancing(study: Study, adaptive: Outcome, plain: Outcome) -> Balancing:
    """Each at its own best threshold, chosen on training people; probabilities as calibrated."""
    labels, resamples = study.cohort.pd, study.resamples
    first, second = probability(adaptive.log_odds), probability(plain.log_odds)
    decided = paired(
        lambda truth, above: macro_f1(truth, above.astype(np.int64)),
        labels, adaptive.thresholded, plain.thresholded, resamples,
    )  # fmt: skip
    return Balancing(
        macro_f1=decided,
        brier_skill=paired(brier_skill, labels, first, second, resamples),
        ece=paired(calibration_error, labels, first, second, resamples),
    )
