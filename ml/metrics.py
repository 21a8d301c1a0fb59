"""The one place where metrics are computed.

Labels are 0/1 (or grades), scores any real numbers where more means more likely or more severe.
Intervals are percentile bootstraps over *subjects*; comparisons resample the same subjects for
both models (paired). Cross-validated scores come as (R, N): one row per repeat of the split, and a
figure is the mean over repeats.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def to_json(self) -> dict[str, float]:
        return {k: round(float(v), 4) for k, v in vars(self).items()}


def auroc(labels: Integers, scores: Floats) -> float:
    """Area under the ROC curve, ties counted half; NaN when a class is absent."""
    positive = int((labels == 1).sum())
    negative = len(labels) - positive
    if positive == 0 or negative == 0:
        return float("nan")
    ranks = rankdata(scores)[labels == 1].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * negative))


def balanced_accuracy(labels: Integers, predicted: Integers) -> float:
    """Mean recall over the classes that occur."""
    return float(np.mean([(predicted[labels == c] == c).mean() for c in np.unique(labels)]))


def sensitivity(labels: Integers, probabilities: Floats, *, threshold: float) -> float:
    """Share of the people with PD whose probability is the threshold or more; NaN of nobody."""
    return _share(probabilities[labels == 1] >= threshold)


def specificity(labels: Integers, probabilities: Floats, *, threshold: float) -> float:
    """Share of the people without PD whose probability is below the threshold; NaN of nobody."""
    return _share(probabilities[labels == 0] < threshold)


def _share(answers: Booleans) -> float:
    return float(answers.mean()) if len(answers) else float("nan")


def macro_f1(labels: Integers, predicted: Integers) -> float:
    """Unweighted mean of F1 over the classes that occur."""
    values = []
    for c in np.unique(labels):
        hit = ((labels == c) & (predicted == c)).sum()
        values.append(2 * hit / max((labels == c).sum() + (predicted == c).sum(), 1))
    return float(np.mean(values))


def quadratic_kappa(labels: Integers, predicted: Integers, classes: int) -> float:
    """Cohen's kappa with quadratic weights."""
    table = np.zeros((classes, classes))
    np.add.at(table, (labels, predicted), 1)
    away = (np.arange(classes)[:, None] - np.arange(classes)[None]) ** 2
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(1 - (away * table).sum() / (away * chance).sum())


def brier(labels: Integers, probabilities: Floats) -> float:
    return float(np.mean((probabilities - labels) ** 2))


def brier_skill(labels: Integers, probabilities: Floats) -> float:
    """Share of the constant predictor's Brier score that is gained; 0 for the constant itself, NaN
    when a class is absent (a small resample: then a constant is always right)."""
    constant = brier(labels, np.full(len(labels), labels.mean()))
    return 1 - brier(labels, probabilities) / constant if constant > 0 else float("nan")


def calibration_error(labels: Integers, probabilities: Floats, *, bins: int = 10) -> float:
    """Expected calibration error over bins of equal numbers of people."""
    parts = np.array_split(np.argsort(probabilities, kind="stable"), bins)
    gaps = [abs(labels[p].mean() - probabilities[p].mean()) * len(p) for p in parts if len(p)]
    return float(sum(gaps) / len(labels))


def risk_coverage(
    labels: Integers, probabilities: Floats, uncertainty: Floats, *, threshold: float,
    coverages: Sequence[float] = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5),
) -> list[tuple[float, float]]:  # fmt: skip
    """Balanced error among the most certain share of people, for each coverage."""
    order = np.argsort(uncertainty, kind="stable")
    result = []
    for coverage in coverages:
        kept = order[: max(round(coverage * len(order)), 1)]
        predicted = (probabilities[kept] >= threshold).astype(np.int64)
        result.append((coverage, 1 - balanced_accuracy(labels[kept], predicted)))
    return result


def subject_resamples(
    subjects: npt.NDArray[np.str_], *, seed: int = 0, count: int = BOOTSTRAPS
) -> list[Integers]:
    """Row numbers of ``count`` bootstrap samples of subjects (all rows of a drawn subject)."""
    names, code = np.unique(subjects, return_inverse=True)
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(len(names) + 1))
    rows = [order[starts[i] : starts[i + 1]] for i in range(len(names))]
    generator = np.random.default_rng(seed)
    if all(len(r) == 1 for r in rows):
        return [order[generator.integers(len(names), size=len(names))] for _ in range(count)]
    return [
        np.concatenate([rows[i] for i in generator.integers(len(names), size=len(names))])
        for _ in range(count)
    ]


def mean_over_repeats(metric: Callable[[Floats], float], scores: Floats) -> float:
    """Mean of a figure over repeats. ``scores`` (R, N) or (N,)."""
    return float(np.mean([metric(row) for row in np.atleast_2d(scores)]))


def bootstrap(
    metric: Callable[[Integers, Floats], float],
    labels: Integers,
    scores: Floats,
    resamples: Sequence[Integers],
    rows: Booleans | None = None,
) -> Interval:
    """A figure with its interval. ``rows`` restricts it to some people."""
    values = _resampled(metric, labels, scores, resamples, rows)
    return _interval(values)


def paired(
    metric: Callable[[Integers, Floats], float],
    labels: Integers,
    first: Floats,
    second: Floats,
    resamples: Sequence[Integers],
    rows: Booleans | None = None,
) -> Interval:
    """First minus second, on the same resampled subjects."""
    a = _resampled(metric, labels, first, resamples, rows)
    b = _resampled(metric, labels, second, resamples, rows)
    return _interval(a - b)


def _resampled(
    metric: Callable[[Integers, Floats], float],
    labels: Integers,
    scores: Floats,
    resamples: Sequence[Integers],
    rows: Booleans | None,
) -> Floats:
    """The figure on everybody first, then on each resample."""
    keep = np.ones(len(labels), dtype=bool) if rows is None else rows
    everybody = np.arange(len(labels))
    table = np.atleast_2d(scores)

    def figure(sample: Integers) -> float:
        sample = sample[keep[sample]]
        return mean_over_repeats(lambda row: metric(labels[sample], row), table[:, sample])

    return np.array([figure(everybody), *(figure(sample) for sample in resamples)])


def _interval(values: Floats) -> Interval:
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return Interval(float(values[0]), float(low), float(high))


@dataclass(frozen=True)
class Group:
    """AUROC within one group and its variance (Hanley & McNeil)."""

    name: str
    positive: int
    negative: int
    auroc: float

    @property
    def variance(self) -> float:
        a = min(max(self.auroc, 1e-3), 1 - 1e-3)
        q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
        top = a * (1 - a) + (self.positive - 1) * (q1 - a * a) + (self.negative - 1) * (q2 - a * a)
        return float(top / (self.positive * self.negative))


def within_groups(
    labels: Integers, scores: Floats, groups: npt.NDArray[np.str_], *, at_least: int = 40
) -> list[Group]:
    """AUROC inside each group that has enough of both classes."""
    found = []
    for name in np.unique(groups):
        rows = groups == name
        positive = int((labels[rows] == 1).sum())
        negative = int((labels[rows] == 0).sum())
        if min(positive, negative) >= at_least:
            value = auroc(labels[rows], scores[rows])
            found.append(Group(str(name), positive, negative, value))
    return found


def random_effects(groups: Sequence[Group]) -> Interval:
    """Mean of within-group AUROCs (DerSimonian & Laird 1986) with its 95 % interval."""
    value = np.array([g.auroc for g in groups])
    within = np.array([g.variance for g in groups])
    fixed = 1 / within
    centre = (fixed * value).sum() / fixed.sum()
    spread = (fixed * (value - centre) ** 2).sum()
    scale = fixed.sum() - (fixed**2).sum() / fixed.sum()
    between = max(0.0, (spread - (len(groups) - 1)) / scale) if scale > 0 else 0.0
    weights = 1 / (within + between)
    mean = float((weights * value).sum() / weights.sum())
    half = float(norm.ppf(0.975) / np.sqrt(weights.sum()))
    return Interval(mean, mean - half, mean + half)
