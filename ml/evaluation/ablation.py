"""A training against its variants: what a choice of balancing or fusion gains on held-out people.

Every variant is trained anew in the same outer folds (:mod:`ml.evaluation.nested`), and compared
with the training as it is configured, person by person. AUROC sees no calibration, which balancing
spoils: Brier score and ECE stand beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ml.cohort.table import UNKNOWN
from ml.errors import CohortError
from ml.evaluation.judge import Floats, Integers, Judged
from ml.evaluation.nested import judge_folds, outer_folds
from ml.markdown import render
from ml.metrics import (
    Interval,
    auroc,
    bootstrap,
    brier,
    calibration_error,
    macro_f1,
    paired,
    subject_resamples,
)
from ml.progress import counted
from ml.scoring.balance import PRESETS
from ml.scoring.fusion import FUSIONS
from ml.settings import plain
from ml.training.cohort_to_bundle import read_cohort, source_for
from ml.training.config import TrainingConfig

CONFIGURED = "as configured"


@dataclass(frozen=True)
class Variant:
    """``figures`` of the held-out people; ``differences`` to the training as it is configured,
    paired by person, none for that itself."""

    name: str
    figures: dict[str, Interval]
    differences: dict[str, Interval]


def balancings(config: TrainingConfig) -> Iterator[tuple[str, TrainingConfig]]:
    """Each preset of the class balancing."""
    for name, balance in PRESETS.items():
        yield f"balance: {name}", _with(config, balance=plain(balance))


def fusions(config: TrainingConfig) -> Iterator[tuple[str, TrainingConfig]]:
    """Each kind of fusion, chosen by nobody."""
    given = dict((config.model or {}).get("fusion", {}))
    for kind in FUSIONS:
        yield f"fusion: {kind}", _with(config, fusion={**given, "fusion": str(kind)})


def whitenings(config: TrainingConfig) -> Iterator[tuple[str, TrainingConfig]]:
    for on in (True, False):
        yield f"whitening: {'on' if on else 'off'}", _with(config, whiten=on)


def _with(config: TrainingConfig, **model: Any) -> TrainingConfig:
    return replace(config, model={**(config.model or {}), **model})


VARIED = {"balance": balancings, "fusion": fusions, "whitening": whitenings}


def ablate(
    config: TrainingConfig, over: str, folds: int, cache: Path
) -> tuple[Judged, list[Variant]]:
    """The training as configured, and itself with each variant of ``over`` (a key of
    :data:`VARIED`), on the same outer folds. Raises what the training raises, before the first
    fold: every variant's settings are checked at the start."""
    tried = [(CONFIGURED, config), *VARIED[over](config)]
    for _, one in tried:
        one.recipe()
    source = source_for(config)
    cohort = read_cohort(config, cache, check=lambda known: outer_folds(known, folds, config.seed))
    judged = [
        judge_folds(one, cohort, source, folds, cache)
        for _, one in counted("variants", tried, len(tried))
    ]
    first = judged[0]
    rows = (cohort.pd != UNKNOWN) & np.all([np.isfinite(j.p_pd) for j in judged], axis=0)
    if len(np.unique(cohort.pd[rows])) < 2:
        raise CohortError("no two PD labels among the people scored", file=cohort.name)
    labels = cohort.pd[rows]
    resamples = subject_resamples(cohort.subject[rows])

    def variant(name: str, one: Judged) -> Variant:
        found, differences = {}, {}
        for figure, metric in _metrics(first.prevalence).items():
            found[figure] = bootstrap(metric, labels, one.p_pd[rows], resamples)
            if one is not first:
                differences[figure] = paired(
                    metric, labels, one.p_pd[rows], first.p_pd[rows], resamples
                )
        return Variant(name, found, differences)

    return first, [variant(name, one) for (name, _), one in zip(tried, judged, strict=True)]


def _metrics(threshold: float) -> dict[str, Any]:
    """Figure → function of labels and probabilities. Macro-F1 at one threshold for all, the
    prevalence at training."""
    return {
        "AUROC": auroc,
        "Brier": brier,
        "ECE": calibration_error,
        "macro-F1": partial(_macro_f1, threshold=threshold),
    }


def _macro_f1(labels: Integers, probabilities: Floats, *, threshold: float) -> float:
    return macro_f1(labels, (probabilities >= threshold).astype(np.int64))


def page(
    config: TrainingConfig, over: str, folds: int, judged: Judged, found: list[Variant]
) -> str:
    """The table in Markdown."""
    return render(
        __file__,
        "ablation.md.j2",
        title=f"{config.name} {config.version}",
        over=over,
        folds=folds,
        people=len(set(judged.cohort.subject)),
        visits=len(judged.cohort),
        threshold=judged.prevalence,
        figures=list(found[0].figures),
        variants=found,
    )


def to_json(found: list[Variant]) -> list[dict[str, Any]]:
    return [
        {
            "variant": one.name,
            "figures": {name: value.to_json() for name, value in one.figures.items()},
            "differences": {name: value.to_json() for name, value in one.differences.items()},
        }
        for one in found
    ]
