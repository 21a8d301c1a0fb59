"""From the public tables to the bundle that ships: norms, index, ensemble, card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.cohort.head_count import head_count
from ml.cohort.public_data import PUBLIC_EXPRESSIONS, PublicData
from ml.cohort.table import Cohort, split_hash, without_subjects
from ml.intensity.sources import DEFAULT
from ml.phantom.graded_people import load_config
from ml.scoring.balance import PRESETS
from ml.scoring.classifier import ClassifierSpec
from ml.scoring.drawn_grades import (
    DrawnGrades,
    DrawnSpec,
    drawn_scores,
    learn_grades,
    likeness_of,
)
from ml.scoring.grades import CLASSES
from ml.scoring.index import HypomimiaIndex
from ml.scoring.norms import Norms
from ml.scoring.scorer import Scorer
from ml.training.card import INTENDED_USE, LIMITS
from ml.training.choosing import best_classifier, fusion_candidates
from ml.training.drawn_people import drawn_table

Floats = npt.NDArray[np.float64]

REFERENCE = "people without PD in the public three-expression table (tmadnan/PD-Screening-SMILE)"
SHIPPED_SPECS = fusion_candidates(PUBLIC_EXPRESSIONS)


@dataclass(frozen=True)
class Recipe:
    """What to train: the specifications among which held-out training people choose."""

    specs: tuple[ClassifierSpec, ...] = SHIPPED_SPECS
    grades: DrawnSpec | None = DrawnSpec()  # noqa: RUF009 (frozen, so sharing it is safe)
    reference: str = REFERENCE


def healthy_norms(cohort: Cohort, *, reference: str) -> Norms:
    """Norms of the people without PD in a cohort."""
    without_pd = cohort.take(cohort.pd == 0)
    return Norms.fit(without_pd.columns, without_pd.values, reference=reference)


def fit_index(
    norms: Norms, cohort: Cohort, expressions: tuple[str, ...], reference: str
) -> HypomimiaIndex:
    """The hypomimia index with its reference tables from the cohort's people without PD."""
    z = norms.z_tokens(expressions, cohort.take(cohort.pd == 0).tokens(expressions))
    return HypomimiaIndex.fit(expressions, z, reference=reference)


def train_scorer(cohort: Cohort, recipe: Recipe) -> tuple[Scorer, Norms]:
    """Train everything a bundle serves on one labelled cohort."""
    expressions = recipe.specs[0].fusion.expressions
    norms = healthy_norms(cohort, reference=recipe.reference)
    z = norms.z_tokens(expressions, cohort.tokens(expressions))
    usable = np.isfinite(z).any(axis=(1, 2))
    classifier = best_classifier(
        recipe.specs, z[usable], cohort.pd[usable], list(cohort.subject[usable])
    )[0]
    index = fit_index(norms, cohort, expressions, recipe.reference)
    grades = None
    if recipe.grades is not None:
        without_pd = z[usable][cohort.pd[usable] == 0]
        grades = grades_from_drawn_people(recipe.grades, expressions, index, without_pd)
    scorer = Scorer(norms, index, classifier, spread_limit=float("inf"), grades=grades)
    present = np.isfinite(z[usable]).any(axis=-1)
    spread = scorer.estimate(z[usable], present, None).spread
    limit = float(np.nanquantile(spread, 0.95))
    return replace(scorer, spread_limit=limit), norms


def grades_from_drawn_people(
    spec: DrawnSpec, expressions: tuple[str, ...], index: HypomimiaIndex, z_without_pd: Floats
) -> DrawnGrades:
    """The experimental grades: drawn people only, as unreliable as the real ones without PD."""
    config = load_config()
    drawn = drawn_table(config, expressions, subjects=spec.subjects, seed=spec.seed)
    likeness = likeness_of(z_without_pd)
    z = drawn_scores(drawn.raw, drawn.pd, expressions, likeness, seed=spec.seed)
    trained_on = {
        "what": "drawn people only (phantoms); no person's grade",
        "grades": f"{config.name} {config.version}",
        "grades_sha256": config.digest,
        "subjects": spec.subjects,
        "people_per_grade": [int((drawn.grade == g).sum()) for g in range(CLASSES)],
        "seed": spec.seed,
        "experimental": True,
    }
    return learn_grades(z, drawn.pd, drawn.grade, index, expressions, trained_on)


def shipped_cohort(data: PublicData) -> Cohort:
    """Who trains the shipped bundle: everybody outside the smile table's official test split, so
    that anyone can score that split with it."""
    return without_subjects(data.three, set(data.official_test))


def model_metadata(scorer: Scorer) -> dict[str, Any]:
    """What every bundle says of the model itself. The clips' curves come from the geometric
    source: the one that needs nothing but the signals this model reads."""
    spec = scorer.classifier.spec
    balance = next((name for name, preset in PRESETS.items() if preset == spec.balance), "own")
    return {
        "intended_use": INTENDED_USE,
        "expressions": list(scorer.expressions),
        "prevalence": scorer.classifier.prevalence,
        "fusion": str(spec.fusion.fusion),
        "balance": balance,
        "intensity_source": DEFAULT,
        "parameters": sum(v.numel() for v in scorer.classifier.parameters.values()),
        "grades": None if scorer.grades is None else dict(scorer.grades.trained_on),
    }


def shipped_metadata(
    data: PublicData, scorer: Scorer, figures: Mapping[str, object], failures: Sequence[str]
) -> dict[str, Any]:
    """What the shipped bundle says of itself; ``failures`` are those that the figures show."""
    cohort = shipped_cohort(data)
    return {
        **model_metadata(scorer),
        "sources": [
            {
                "name": "tmadnan/PD-Screening-SMILE",
                "licence": "MIT",
                "used_for": "training, norms, calibration",
                "sha256": data.three.sha256,
            }
        ],
        "training": {
            **head_count(cohort),
            "split_hash": split_hash([str(s) for s in cohort.subject]),
            "excluded": "The subjects of the official test split of ROC-HCI/UFNet are in no"
            " training, norm or calibration step, so that split can be scored with this bundle.",
        },
        "limits": [*LIMITS, *failures],
        "figures": dict(figures),
        "details": "`docs/results.md`",
        "evaluated": "nested, by subject, with 95 % intervals; the recipe, not these very weights,"
        " is what cross-validation evaluates",
        "command": "MIMIA_DATA=<the public tables> python -m experiments results --ship",
    }


def data_root(environment: str | None) -> Path:
    """Where ``MIMIA_DATA`` points; raises :class:`ml.errors.WrongUse` when it is not set."""
    from ml.errors import WrongUse

    if not environment:
        raise WrongUse("set MIMIA_DATA to the folder that holds the public tables")
    return Path(environment)
