"""Another study's way of measuring, tried on the public smiles: does the ranking hold?

Each way does something to all people of a table alike, as another extractor would. The scores see
no other person of the table, so none of it can be taken out by standardising.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.public.comparisons import mean_difference, smile_sessions
from experiments.public.methods import plain_norm_index
from experiments.public.tables import PublicData
from ml.metrics import Interval, random_effects, subject_resamples, within_groups
from ml.scoring.scorer import Scorer

Floats = npt.NDArray[np.float64]
Way = Callable[[Floats], Floats]

HALF = 7  # a token: seven means, then seven variances
TRACKING_NOISE = 0.3
RESAMPLES = 200


def stronger(factor: float) -> Way:
    """Every variance multiplied: a wobblier extraction, or a smoother one."""

    def way(raw: Floats) -> Floats:
        return np.concatenate([raw[:, :HALF], raw[:, HALF:] * factor], axis=1)

    return way


def spread_out(raw: Floats) -> Floats:
    """Log-variances spread twice as widely about their middle."""
    logs = np.log(raw[:, HALF:])
    middle = np.nanmedian(logs, axis=0)
    return np.concatenate([raw[:, :HALF], np.exp(middle + 2 * (logs - middle))], axis=1)


def enlarged(factor: float) -> Way:
    """Every distance multiplied, as where another distance than that of the eyes is the unit."""

    def way(raw: Floats) -> Floats:
        return np.concatenate([raw[:, :HALF] * factor, raw[:, HALF:] * factor**2], axis=1)

    return way


def tracked(raw: Floats) -> Floats:
    """Tracking from frame to frame: each variance off by some tens of percent."""
    noise = np.random.default_rng(9).normal(size=raw[:, HALF:].shape)
    return np.concatenate([raw[:, :HALF], raw[:, HALF:] * np.exp(TRACKING_NOISE * noise)], axis=1)


def without(column: int) -> Way:
    """One signal missing, its mean and its variance."""

    def way(raw: Floats) -> Floats:
        kept = raw.copy()
        kept[:, [column, HALF + column]] = np.nan
        return kept

    return way


WAYS: dict[str, Way] = {
    "as published": stronger(1.0),
    "variances six times as large": stronger(6.0),
    "variances a sixth": stronger(1 / 6),
    "log-variances spread twice as widely": spread_out,
    "distances a quarter larger": enlarged(1.25),
    "distances in another unit (× 60)": enlarged(60.0),
    "tracked video (variances off by ± 30 %)": tracked,
    "no eye-open-right": without(0),
    "no mouth-open": without(4),
    "no mouth-width": without(5),
}


@dataclass(frozen=True)
class Elsewhere:
    """Mean AUROC within protocols of the plain norm index and the hypomimia index on a table
    measured one way, and their difference."""

    way: str
    plain: float
    index: float
    difference: Interval


def measured_elsewhere(data: PublicData, scorer: Scorer) -> list[Elsewhere]:
    """The smile table's sessions, as other ways of measuring would have given them."""
    cohort = smile_sessions(data)
    resamples = subject_resamples(cohort.subject, count=RESAMPLES)
    raw = cohort.tokens(("smile",))[:, 0]
    rows = []
    for name, way in WAYS.items():
        smile = scorer.norms.z_tokens(("smile",), way(raw)[:, None])[:, 0]
        z = np.full((len(raw), len(scorer.expressions), raw.shape[1]), np.nan)
        z[:, scorer.expressions.index("smile")] = smile
        plain, index = plain_norm_index(smile), scorer.index.score(scorer.for_index(z))
        means = [
            random_effects(within_groups(cohort.pd, score, cohort.protocol)).value
            for score in (plain, index)
        ]
        difference = mean_difference(cohort, index, plain, resamples)
        rows.append(Elsewhere(name, means[0], means[1], difference))
    return rows
