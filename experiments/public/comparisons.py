"""One function for each table of the public figures: computed here, run by ``results``."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.public.methods import Averaged, Baseline, FusionMethod, plain_norm_index
from experiments.public.protocol import Material, Method, Outcome
from experiments.public.shipped import shipped_cohort
from experiments.public.tables import HOME_PROTOCOL, PUBLIC_EXPRESSIONS, PublicData
from ml.cohort.table import Cohort
from ml.metrics import (
    Group,
    Interval,
    auroc,
    balanced_accuracy,
    bootstrap,
    brier_skill,
    calibration_error,
    macro_f1,
    paired,
    random_effects,
    subject_resamples,
    within_groups,
)
from ml.scoring.calibration import probability
from ml.scoring.fusion import Fusion
from ml.scoring.scorer import ALPHA, Scorer
from ml.training.fusion import fusion_spec

INDEX = "hypomimia index"

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Study:
    """The three-expression cohort as the methods and the tables need it."""

    cohort: Cohort
    material: Material
    home: Booleans
    age: Floats
    sex: npt.NDArray[np.str_]
    resamples: list[npt.NDArray[np.int64]]


def study_of(data: PublicData) -> Study:
    """People with at least one usable expression; age and sex joined from the smile table."""
    raw = data.three.tokens(PUBLIC_EXPRESSIONS)
    cohort = data.three.take(np.isfinite(raw).any(axis=(1, 2)))
    material = Material(
        cohort.tokens(PUBLIC_EXPRESSIONS), cohort.pd, cohort.subject, PUBLIC_EXPRESSIONS
    )
    about = {
        str(s): (a, str(x))
        for s, a, x in zip(data.smile.subject, data.smile.age, data.smile.sex, strict=True)
    }
    known = [about.get(str(s), (float("nan"), "")) for s in cohort.subject]
    return Study(
        cohort,
        material,
        cohort.protocol == HOME_PROTOCOL,
        np.array([a for a, _ in known]),
        np.array([x for _, x in known]),
        subject_resamples(cohort.subject),
    )


@dataclass(frozen=True)
class MethodRow:
    """One line of a table of methods."""

    name: str
    pooled: Interval
    home: Interval
    clinic: Interval
    against: Interval | None
    against_home: Interval | None
    macro_f1: float | None
    balanced_accuracy: float | None
    brier_skill: float | None
    ece: float | None


def method_row(
    study: Study, name: str, outcome: Outcome, reference: Outcome | None, *, full: bool = True
) -> MethodRow:
    """Figures of one method; differences are to ``reference`` on the same people."""
    labels, scores = study.cohort.pd, outcome.log_odds
    resamples = study.resamples if full else study.resamples[:300]
    against = against_home = None
    if reference is not None:
        other = reference.log_odds[: len(scores)]
        against = paired(auroc, labels, scores, other, resamples)
        against_home = paired(auroc, labels, scores, other, resamples, study.home)
    decided = outcome.thresholded.any()
    probabilities = probability(scores)
    calibrated = outcome.p_values.min() < 1 or name == "constant"

    def mean(metric: Callable[..., float], table: Floats) -> float:
        return float(np.mean([metric(labels, row) for row in table]))

    return MethodRow(
        name,
        bootstrap(auroc, labels, scores, resamples),
        bootstrap(auroc, labels, scores, resamples, study.home),
        bootstrap(auroc, labels, scores, resamples, ~study.home),
        against,
        against_home,
        mean(macro_f1, outcome.thresholded.astype(np.int64)) if decided else None,
        mean(balanced_accuracy, outcome.thresholded.astype(np.int64)) if decided else None,
        mean(brier_skill, probabilities) if calibrated else None,
        mean(calibration_error, probabilities) if calibrated else None,
    )


def age_alone(study: Study, repeats: int) -> Outcome:
    """Age as the score (median where unknown): what every model must be compared with."""
    age = np.where(np.isfinite(study.age), study.age, np.nanmedian(study.age))
    table = np.tile(age, (repeats, 1))
    zero = np.zeros_like(table)
    return Outcome(table, zero, np.ones((*table.shape, 2)), zero, np.zeros((*table.shape, 3)))


def prediction_sets(study: Study, outcome: Outcome) -> list[dict[str, Any]]:
    """Coverage and size of the sets at α = 0.1, per class and per protocol."""
    rows = []
    inside = outcome.p_values > ALPHA
    labels = study.cohort.pd
    for group, keep in (
        ("all", np.ones(len(labels), bool)), ("home", study.home), ("clinic", ~study.home)
    ):  # fmt: skip
        covered = np.take_along_axis(inside, labels[None, :, None].repeat(len(inside), 0), 2)[
            ..., 0
        ]
        rows.append(
            {
                "group": group,
                "no PD": float(covered[:, keep & (labels == 0)].mean()),
                "PD": float(covered[:, keep & (labels == 1)].mean()),
                "both": float(inside[:, keep].all(axis=-1).mean()),
                "neither": float((~inside[:, keep].any(axis=-1)).mean()),
            }
        )
    return rows


def subgroups(study: Study, outcome: Outcome) -> list[tuple[str, int, int, Interval]]:
    """AUROC by age band, sex and recruitment protocol."""
    labels, age, sex = study.cohort.pd, study.age, study.sex
    groups = {
        "age below 60": age < 60,
        "age 60 to 69": (age >= 60) & (age < 70),
        "age 70 and above": age >= 70,
        "age unknown": ~np.isfinite(age),
        "women": sex == "female",
        "men": sex == "male",
        "sex unknown": ~np.isin(sex, ["female", "male"]),
        "recorded at home": study.home,
        "recorded in a clinic": ~study.home,
    }
    rows = []
    for name, keep in groups.items():
        positive, negative = int((labels[keep] == 1).sum()), int((labels[keep] == 0).sum())
        if min(positive, negative) >= 10:
            figure = bootstrap(auroc, labels, outcome.log_odds, study.resamples, keep)
            rows.append((name, positive, negative, figure))
    return rows


def transfer(study: Study) -> list[tuple[str, float, float]]:
    """Trained at home and tested in the clinic, and the reverse: (direction, fusion, SVM)."""
    spec = fusion_spec(PUBLIC_EXPRESSIONS, Fusion.MULTIHEAD, members=1)
    rows = []
    for name, train, test in (
        ("home → clinic", study.home, ~study.home), ("clinic → home", ~study.home, study.home)
    ):  # fmt: skip
        here, there = np.flatnonzero(train), np.flatnonzero(test)
        z = study.material.normal_scores(here)
        methods: tuple[Method, ...] = (FusionMethod((spec,)), Baseline("svm"))
        figures = [
            auroc(study.cohort.pd[there], method(study.material, z, here, there).log_odds)
            for method in methods
        ]
        rows.append((name, figures[0], figures[1]))
    return rows


def official_smile(data: PublicData) -> dict[str, Any]:
    """The smile table's own split: train and dev train, test scores, its subjects nowhere else."""
    cohort = smile_sessions(data)
    m = Material(cohort.tokens(("smile",)), cohort.pd, cohort.subject, ("smile",))
    outside = np.array([s not in data.official_test for s in cohort.subject])
    train, test = np.flatnonzero(outside), np.flatnonzero(cohort.split == "test")
    z = m.normal_scores(train)
    spec = fusion_spec(("smile",), Fusion.MULTIHEAD)
    fusion, not_whitened = FusionMethod((spec,)), FusionMethod((replace(spec, whiten=False),))
    svm = Baseline("svm", "z")
    wider = fusion_spec(("smile",), Fusion.MULTIHEAD, width=64)
    methods: dict[str, Method] = {
        "fusion, smile only": fusion,
        "RBF SVM": Baseline("svm"),
        "RBF SVM on normal scores": svm,
        "logistic regression": Baseline("logistic"),
        "attempt: fusion averaged with the SVM on normal scores": Averaged((fusion, svm)),
        "attempt: fusion, whitened and not whitened averaged": Averaged((fusion, not_whitened)),
        "attempt: fusion, twice as wide": FusionMethod((wider,)),
    }
    scores = {name: method(m, z, train, test).log_odds for name, method in methods.items()}
    labels = cohort.pd[test]
    resamples = subject_resamples(cohort.subject[test])
    return {
        "train_sessions": len(train),
        "test_sessions": len(test),
        "test_pd": int(labels.sum()),
        "methods": {n: bootstrap(auroc, labels, s, resamples) for n, s in scores.items()},
        "difference": paired(
            auroc, labels, scores["fusion, smile only"], scores["RBF SVM"], resamples
        ),
    }


@dataclass(frozen=True, eq=False)
class WithinProtocol:
    """One score's AUROC for PD inside each protocol of the smile table, and their mean."""

    name: str
    groups: list[Group]
    mean: Interval


def smile_sessions(data: PublicData) -> Cohort:
    """The smile table's sessions with something usable."""
    raw = data.smile.tokens(("smile",))
    return data.smile.take(np.isfinite(raw).any(axis=(1, 2)))


def within_protocols(data: PublicData, scorer: Scorer) -> dict[str, Any]:
    """Index, expected grade (drawn people only) and METHOD's plain norm index on smile."""
    cohort = smile_sessions(data)
    scores_of = scorer.score(cohort.records())
    z = scorer.tokens(cohort.records())
    smile = scorer.expressions.index("smile")

    def numbers(field: str) -> Floats:
        values = [getattr(score, field) for score in scores_of]
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)

    scores = {
        "plain norm index": plain_norm_index(z[:, smile]),
        INDEX: numbers("hypomimia_index"),
        "expected grade (drawn people only)": numbers("severity_expected"),
    }
    rows = []
    for name, values in scores.items():
        groups = within_groups(cohort.pd, values, cohort.protocol)
        rows.append(WithinProtocol(name, groups, random_effects(groups)))
    resamples = subject_resamples(cohort.subject, count=500)
    differences = {
        name: mean_difference(cohort, values, scores["plain norm index"], resamples)
        for name, values in scores.items()
        if name != "plain norm index"
    }
    seen = np.isin(cohort.subject, shipped_cohort(data).subject)
    return {
        "rows": rows,
        "differences": differences,
        "sessions": len(cohort),
        "in_norms": int((seen & (cohort.pd == 0)).sum()),
    }


def mean_difference(
    cohort: Cohort,
    first: Floats,
    second: Floats,
    resamples: list[npt.NDArray[np.int64]],
    *,
    at_least: int = 40,
) -> Interval:
    """Paired bootstrap over subjects of the difference of the random-effects means, over protocols
    with ``at_least`` of each class."""
    kept = [g.name for g in within_groups(cohort.pd, second, cohort.protocol, at_least=at_least)]

    def mean(values: Floats, rows: npt.NDArray[np.int64]) -> float:
        rows = rows[np.isin(cohort.protocol[rows], kept)]
        found = within_groups(cohort.pd[rows], values[rows], cohort.protocol[rows], at_least=10)
        return random_effects(found).value

    everybody = np.arange(len(cohort))
    drawn = [mean(first, rows) - mean(second, rows) for rows in (everybody, *resamples)]
    low, high = np.quantile(drawn[1:], [0.025, 0.975])
    return Interval(drawn[0], float(low), float(high))
