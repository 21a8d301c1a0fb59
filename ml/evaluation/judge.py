"""A bundle judged on a labelled cohort: figures with intervals, by group, with what they must beat.

Uses :meth:`ml.scoring.bundle.Bundle.score`, the same path as the service.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.cohort.table import UNKNOWN, Cohort, split_hash
from ml.errors import CohortError
from ml.evaluation.seen import unseen
from ml.measuring.layouts import check_same
from ml.metrics import (
    Interval,
    auroc,
    balanced_accuracy,
    bootstrap,
    brier,
    brier_skill,
    calibration_error,
    macro_f1,
    paired,
    quadratic_kappa,
    random_effects,
    risk_coverage,
    sensitivity,
    specificity,
    subject_resamples,
    within_groups,
)
from ml.scoring.bundle import Bundle
from ml.scoring.curve_token import Curves

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.str_]
SMALLEST_GROUP = 10
#: Beside the prevalence at training: fixed here, so that nobody judged has chosen one.
THRESHOLDS = (0.2, 0.3, 0.5, 0.7)


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of N labelled rows, each (N,); NaN where nothing could be computed.

    ``low`` and ``high`` of the probability's interval; ``abstained``: why the score is not to be
    relied on, "" where it is; ``covered``: the prediction set holds the label; ``both``: it holds
    both. ``prevalence`` at training: the threshold, chosen on nobody judged here. ``split``: which
    rows were judged, in words. ``simple``: the simplest model's probability, where it was trained
    beside.
    """

    cohort: Cohort
    index: Floats
    grade: Floats
    p_pd: Floats
    low: Floats
    high: Floats
    abstained: Strings
    covered: Booleans
    both: Booleans
    prevalence: float
    split: str
    simple: Floats | None = None

    @property
    def width(self) -> Floats:
        """Of the probability's interval; 1 where there is none."""
        return np.nan_to_num(self.high - self.low, nan=1.0)


PER_ROW = ("index", "grade", "p_pd", "low", "high", "abstained", "covered", "both")


def judge(bundle: Bundle, cohort: Cohort, curves: Mapping[int, Curves] | None = None) -> Judged:
    """Score the rows whose split is ``test``, or all where no row is. Raises CohortError where no
    row has a PD label or a grade. ``curves``: those of a cohort of clips, by the row's line."""
    check_same(cohort.layout, str(bundle.metadata.get("layout", "")), bundle.name, cohort.name)
    split = "all rows: none is marked as test"
    if (cohort.split == "test").any():
        split = "the rows whose split is test"
        cohort = cohort.take(cohort.split == "test")
    cohort = cohort.take((cohort.pd != UNKNOWN) | (cohort.grade != UNKNOWN))
    if not len(cohort):
        raise CohortError("no row to evaluate has a PD label or a grade", file=cohort.name)
    return scored(bundle, unseen(bundle, cohort), curves, split)


def scored(
    bundle: Bundle, cohort: Cohort, curves: Mapping[int, Curves] | None, split: str
) -> Judged:
    """Every row; ``split``: which rows these are, in words."""
    recorded = None if curves is None else [curves.get(int(line)) for line in cohort.line]
    scores = bundle.score(cohort.records(), None, recorded)

    def numbers(field: str) -> Floats:
        values = [getattr(score, field) for score in scores]
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)

    names = ("no_pd", "pd")
    intervals = np.array([s.p_pd_interval or (np.nan, np.nan) for s in scores], dtype=np.float64)
    return Judged(
        cohort,
        numbers("hypomimia_index"),
        numbers("severity_expected"),
        numbers("p_pd"),
        intervals[:, 0],
        intervals[:, 1],
        np.array([s.abstained or "" for s in scores], dtype=np.str_),
        np.array(
            [p != UNKNOWN and names[p] in s.prediction_set
             for p, s in zip(cohort.pd, scores, strict=True)], dtype=bool),
        np.array([len(s.prediction_set) == 2 for s in scores], dtype=bool),
        float(bundle.metadata["prevalence"]),
        split,
    )  # fmt: skip


def figures(judged: Judged) -> dict[str, Any]:
    """Everything the page shows, as plain JSON."""
    cohort = judged.cohort
    result: dict[str, Any] = {
        "rows": len(cohort),
        "subjects": len(set(cohort.subject)),
        "split": judged.split,
        "split_hash": split_hash([str(s) for s in cohort.subject]),
        "unscorable": float(np.isnan(judged.p_pd).mean()),
        "abstained": float((judged.abstained != "").mean()),
        "abstentions": dict(sorted(Counter(str(why) for why in judged.abstained if why).items())),
    }
    rows = (cohort.pd != UNKNOWN) & np.isfinite(judged.p_pd)
    if len(np.unique(cohort.pd[rows])) == 2:
        result["pd"] = _pd_figures(judged, rows)
    graded = (cohort.grade != UNKNOWN) & np.isfinite(judged.index)
    if len(np.unique(cohort.grade[graded])) >= 2:
        result["grades"] = _grade_figures(judged, graded)
    return result


def _pd_figures(judged: Judged, rows: Booleans) -> dict[str, Any]:
    cohort = judged.cohort
    labels, p, index = cohort.pd[rows], judged.p_pd[rows], judged.index[rows]
    resamples = subject_resamples(cohort.subject[rows])
    covered = judged.covered[rows]
    threshold = judged.prevalence

    def interval(metric: Callable[[Integers, Floats], float]) -> dict[str, float]:
        return bootstrap(metric, labels, p, resamples).to_json()

    def answered(metric: Callable[[Integers, Integers], float]) -> dict[str, float]:
        return interval(lambda y, s: metric(y, (s >= threshold).astype(np.int64)))

    result: dict[str, Any] = {
        "with_pd": int(labels.sum()),
        "without_pd": int((1 - labels).sum()),
        "people_with_pd": len(set(cohort.subject[rows][labels == 1])),
        "people_without_pd": len(set(cohort.subject[rows][labels == 0])),
        "threshold": threshold,
        "at_thresholds": [
            {
                "threshold": at,
                "sensitivity": interval(partial(sensitivity, threshold=at)),
                "specificity": interval(partial(specificity, threshold=at)),
            }
            for at in sorted({threshold, *THRESHOLDS})
        ],
        "auroc": interval(auroc),
        "balanced_accuracy": answered(balanced_accuracy),
        "macro_f1": answered(macro_f1),
        "brier": interval(brier),
        "brier_skill": interval(brier_skill),
        "ece": interval(calibration_error),
        "coverage_no_pd": float(covered[labels == 0].mean()),
        "coverage_pd": float(covered[labels == 1].mean()),
        "both_classes_left": float(judged.both[rows].mean()),
        "risk_coverage": risk_coverage(labels, p, judged.width[rows], threshold=threshold),
        "subgroups": _by_group(judged, rows, resamples),
        "calibration_curve": calibration_curve(labels, p),
        "roc": roc(labels, p),
    }
    has_index = np.isfinite(index)
    if len(np.unique(labels[has_index])) == 2:  # of anger, sadness and fear there is none
        result["auroc_index"] = bootstrap(auroc, labels, index, resamples, has_index).to_json()
        result["difference_index"] = paired(auroc, labels, p, index, resamples, has_index).to_json()
    if judged.simple is not None:
        simple = judged.simple[rows]
        result["auroc_simple"] = bootstrap(auroc, labels, simple, resamples).to_json()
        result["difference_simple"] = paired(auroc, labels, p, simple, resamples).to_json()
    groups = within_groups(labels, p, cohort.protocol[rows], at_least=SMALLEST_GROUP)
    if len(groups) > 1:
        result["auroc_within_protocols"] = random_effects(groups).to_json()
    return result


def _by_group(
    judged: Judged, rows: Booleans, resamples: Sequence[Integers]
) -> dict[str, dict[str, Any]]:
    """AUROC, and whether the probability fits, of each group with enough of both labels."""
    labels, p = judged.cohort.pd[rows], judged.p_pd[rows]
    found: dict[str, dict[str, Any]] = {}
    for name, keep in subgroups(judged.cohort).items():
        inside = keep[rows]
        positive = int((labels[inside] == 1).sum())
        negative = int((labels[inside] == 0).sum())
        if min(positive, negative) >= SMALLEST_GROUP:
            found[name] = {
                "with_pd": positive,
                "without_pd": negative,
                "auroc": bootstrap(auroc, labels, p, resamples, inside).to_json(),
                "mean_probability": float(p[inside].mean()),
                "share_with_pd": float(labels[inside].mean()),
            }
    return found


def _grade_figures(judged: Judged, rows: Booleans) -> dict[str, Any]:
    cohort = judged.cohort
    grade = cohort.grade[rows]
    resamples = subject_resamples(cohort.subject[rows])
    result: dict[str, Any] = {}
    for name, values in (("hypomimia_index", judged.index), ("severity_expected", judged.grade)):
        score = values[rows]
        if not np.isfinite(score).all():
            continue
        for least in (1, 2, 3):
            labels = (grade >= least).astype(np.int64)
            if min(labels.sum(), len(labels) - labels.sum()) >= SMALLEST_GROUP:
                figure: Interval = bootstrap(auroc, labels, score, resamples)
                result[f"{name}_auroc_grade_{least}_or_more"] = figure.to_json()
        if name == "severity_expected":
            rounded = np.clip(np.round(score), 0, 4)
            kappa: Interval = bootstrap(
                lambda y, s: quadratic_kappa(y, s.astype(np.int64), 5), grade, rounded, resamples
            )
            result["quadratic_kappa"] = kappa.to_json()
    return result


def subgroups(cohort: Cohort) -> dict[str, Booleans]:
    """Rows by age band, sex and protocol."""
    age = cohort.age
    groups = {
        "age below 60": age < 60,
        "age 60 to 69": (age >= 60) & (age < 70),
        "age 70 and above": age >= 70,
    }
    groups |= {f"sex {s}": cohort.sex == s for s in np.unique(cohort.sex) if s}
    groups |= {f"protocol {p}": cohort.protocol == p for p in np.unique(cohort.protocol) if p}
    return groups


def calibration_curve(
    labels: Integers, p: Floats, *, bins: int = 10
) -> list[tuple[float, float, int]]:
    """(mean probability, share with PD, people) over bins of equal numbers of people."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return [(float(p[b].mean()), float(labels[b].mean()), len(b)) for b in parts if len(b)]


def roc(labels: Integers, p: Floats) -> list[tuple[float, float]]:
    """(false positive rate, sensitivity) from strict to lax."""
    order = np.argsort(-p, kind="stable")
    hits, misses = np.cumsum(labels[order]), np.cumsum(1 - labels[order])
    step = max(1, len(order) // 200)
    points = zip(misses[::step] / misses[-1], hits[::step] / hits[-1], strict=True)
    return [(0.0, 0.0), *((float(x), float(y)) for x, y in points), (1.0, 1.0)]
