"""Every public figure of the severity model, computed in one run of ``experiments results``."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.public.balancing import Balancing, balancing
from experiments.public.comparisons import (
    MethodRow,
    Study,
    age_alone,
    method_row,
    official_smile,
    prediction_sets,
    study_of,
    subgroups,
    transfer,
    within_protocols,
)
from experiments.public.kept_scores import cached_cross_predict
from experiments.public.methods import ablation_methods, main_methods
from experiments.public.other_studies import Elsewhere, measured_elsewhere
from experiments.public.protocol import Outcome
from experiments.public.tables import PUBLIC_EXPRESSIONS, PublicData
from experiments.public.travel import travelled
from ml.metrics import Interval, auroc, paired, risk_coverage
from ml.scoring.calibration import probability
from ml.scoring.scorer import Scorer
from vocabulary.travel import Travel

logger = logging.getLogger(__name__)

FUSION = "fusion, kind chosen inside"
SVM = "RBF SVM"
PLAIN_CE = "fusion, plain CE"


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything the report words."""

    study: Study
    methods: list[MethodRow]
    best_single: str
    over_single: tuple[Interval, Interval]
    balancing: Balancing
    chosen: list[str]
    ablation: list[MethodRow]
    sets: list[dict[str, Any]]
    risk: dict[str, list[tuple[float, float]]]
    groups: list[tuple[str, int, int, Interval]]
    transfer: list[tuple[str, float, float]]
    official: dict[str, Any]
    within: dict[str, Any]
    elsewhere: list[Elsewhere]
    travel: Travel
    repeats: tuple[int, int]


def risk_curves(study: Study, fusion: Outcome) -> dict[str, list[tuple[float, float]]]:
    """Risk–coverage when abstaining by either kind of uncertainty, on the first repeat."""
    labels = study.cohort.pd
    prior = float(labels.mean())
    uncertainty = {
        "members disagree": fusion.spread[0],
        "near the threshold": -np.abs(fusion.log_odds[0] - np.log(prior / (1 - prior))),
    }
    return {
        name: risk_coverage(labels, probability(fusion.log_odds[0]), values, threshold=prior)
        for name, values in uncertainty.items()
    }


def compute(
    data: PublicData, scorer: Scorer, cache: Path, *, repeats: int, ablation_repeats: int
) -> Findings:
    """Run everything; minutes on two cores, seconds when the cache still holds the scores."""
    study = study_of(data)
    labels = study.cohort.pd
    logger.info("methods")
    found = cached_cross_predict(cache, study.material, main_methods(PUBLIC_EXPRESSIONS), repeats)
    found["age alone"] = age_alone(study, repeats)
    logger.info("ablation")
    ablated = cached_cross_predict(
        cache, study.material, ablation_methods(PUBLIC_EXPRESSIONS), ablation_repeats
    )
    logger.info("bootstrap over subjects")
    methods = [
        method_row(study, name, outcome, None if name == SVM else found[SVM])
        for name, outcome in found.items()
    ]
    singles = {n: o for n, o in found.items() if n.startswith("fusion, ") and n.endswith("only")}
    best = max(singles, key=lambda n: np.mean([auroc(labels, r) for r in singles[n].log_odds]))
    over = [
        paired(auroc, labels, found[FUSION].log_odds, singles[best].log_odds, study.resamples, rows)
        for rows in (None, study.home)
    ]
    plain = ablated["balance: plain CE"]
    ablation = [
        method_row(study, name, o, None if o is plain else plain, full=False)
        for name, o in ablated.items()
    ]
    fusion = found[FUSION]
    logger.info("transfer, official split, within protocols")
    return Findings(
        study,
        methods,
        best,
        (over[0], over[1]),
        balancing(study, fusion, found[PLAIN_CE]),
        fusion.chosen,
        ablation,
        prediction_sets(study, fusion),
        risk_curves(study, fusion),
        subgroups(study, fusion),
        transfer(study),
        official_smile(data),
        within_protocols(data, scorer),
        measured_elsewhere(data, scorer),
        travelled(data, scorer),
        (repeats, ablation_repeats),
    )
