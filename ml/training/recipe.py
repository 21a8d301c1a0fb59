"""The one recipe: from labelled people to everything that a bundle serves.

What ships, what ``python -m ml train`` makes of a clinic's people and what the results judge are
trained here: norms, whitening, the kind of fusion chosen on held-out people, calibration, index,
grades.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.cohort.table import UNKNOWN, Cohort
from ml.errors import CohortError
from ml.measuring import layouts
from ml.phantom.graded_people import load_config
from ml.scoring.bundle import default_bundle_path, load
from ml.scoring.classifier import ClassifierSpec
from ml.scoring.curve_token import (
    Curves,
    CurveSettings,
    CurveToken,
    crossfit_states,
    fusion_with,
    join,
)
from ml.scoring.drawn_grades import (
    DrawnGrades,
    DrawnSpec,
    drawn_scores,
    learn_grades,
    likeness_of,
)
from ml.scoring.grades import CLASSES, Grades, GradeSpec, train_grades
from ml.scoring.index import HypomimiaIndex
from ml.scoring.norms import MIN_PEOPLE, Norms
from ml.scoring.scorer import Scorer
from ml.scoring.zero_shot import LEAST_OWN
from ml.training.drawn_people import drawn_table
from ml.training.fusion import crossfit_plan, train_fusion
from vocabulary.expressions import Expression

Floats = npt.NDArray[np.float64]

UNSURE = 0.95  # quantile of the members' disagreement over the training people


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, apart from the people.

    ``candidates``: the specifications among which held-out training people choose; ``grades``:
    learnt from drawn people, from the cohort's clinicians, or none; ``curves``: the LSTM whose
    last state is one more token, if there is one; ``reference``: the people without PD, in words.
    """

    candidates: tuple[ClassifierSpec, ...]
    grades: DrawnSpec | GradeSpec | None = None
    curves: CurveSettings | None = None
    reference: str = ""

    @property
    def expressions(self) -> tuple[str, ...]:
        return self.candidates[0].fusion.expressions


@dataclass(frozen=True, eq=False)
class Material:
    """``norms`` (``own``: the cohort's), the rows ``kept`` with a normal score, ``z`` (N, K, F).
    ``few``: people without PD, too few for a covariance of their own."""

    norms: Norms
    own: bool
    kept: Cohort
    z: Floats
    few: bool


def material_of(cohort: Cohort, recipe: Recipe) -> Material:
    """The rows that have something to learn from, on the cohort's own norms where it has enough
    people without PD, else on the shipped ones."""
    shipped = borrowed_norms(cohort, recipe.expressions)
    norms = healthy_norms(cohort, recipe.reference) if shipped is None else shipped
    z = norms.z_tokens(recipe.expressions, cohort.tokens(recipe.expressions))
    rows = np.isfinite(z).any(axis=(1, 2))
    few = shipped is not None or _without_pd(cohort) < 2 * MIN_PEOPLE
    return Material(norms, shipped is None, cohort.take(rows), z[rows], few)


def borrowed_norms(cohort: Cohort, expressions: Sequence[str]) -> Norms | None:
    """The shipped norms where the cohort has too few people without PD for its own, else None.

    They are FaceMesh's and of posed expressions: points of another layout and free speech have the
    norms of their own cohort, however few it has. Raises :class:`CohortError` below ten."""
    without = _without_pd(cohort)
    if without >= 2 * MIN_PEOPLE:
        return None
    if Expression.FREE not in expressions and layouts.has_shipped_norms(cohort.layout):
        return load(default_bundle_path()).norms
    if without < LEAST_OWN:
        what = "free speech" if Expression.FREE in expressions else f"points of {cohort.layout}"
        raise CohortError(
            f"{what} has norms of its own cohort alone, and {without} people without PD to train on"
            f" are too few for any; {LEAST_OWN} are needed",
            file=cohort.name,
        )
    return None


def _without_pd(cohort: Cohort) -> int:
    return len(set(cohort.subject[cohort.pd == 0]))


def healthy_norms(cohort: Cohort, reference: str = "") -> Norms:
    """Norms of the people without PD in a cohort."""
    without_pd = cohort.take(cohort.pd == 0)
    reference = reference or f"people without PD in {Path(cohort.name).name}"
    least = min(MIN_PEOPLE, max(_without_pd(cohort) // 2, LEAST_OWN))
    return Norms.fit(without_pd.columns, without_pd.values, reference=reference, at_least=least)


def train_scorer(
    material: Material,
    recipe: Recipe,
    people: Sequence[Curves] | None = None,
) -> Scorer:
    """Train everything a bundle serves. ``people``: the curves of each row, where the recipe has an
    LSTM. Raises ``CohortError`` where there are too few, ``ConfigError`` where training diverges.
    """
    kept, z, norms = material.kept, material.z, material.norms
    subjects = [str(s) for s in kept.subject]
    specs = recipe.candidates
    if material.few:
        specs = tuple(replace(spec, whiten=False) for spec in specs)
    check_inner(kept, specs)
    tokens, states, curves = z, None, None
    if recipe.curves is not None and people is not None:
        states, curves = curve_token(kept, people, specs[0], recipe.curves)
        tokens = join(z, states)
        specs = tuple(replace(spec, fusion=fusion_with(spec.fusion, tokens)) for spec in specs)
    classifier, _ = train_fusion(specs, tokens, kept.pd, subjects)
    if material.own:
        index = HypomimiaIndex.fit(recipe.expressions, z[kept.pd == 0], reference=norms.reference)
    else:
        index = load(default_bundle_path()).scorer.index
    # A model of one expression would else abstain from everybody.
    enough = min(2, len(recipe.expressions))
    grades = grades_of(recipe, material, index)
    scorer = Scorer(
        norms, index, classifier, float("inf"), enough=enough, grades=grades, curves=curves
    )
    spread = scorer.estimate(z, np.isfinite(z).any(axis=-1), None, states).spread
    return replace(scorer, spread_limit=float(np.nanquantile(spread, UNSURE)))


def curve_token(
    kept: Cohort, people: Sequence[Curves], spec: ClassifierSpec, settings: CurveSettings
) -> tuple[Floats, CurveToken]:
    """Out-of-fold states of the LSTM (N, U), on the folds of the fusion, and the token to serve."""
    fold = crossfit_plan(kept.pd, [str(s) for s in kept.subject], spec)[0]
    return crossfit_states(people, kept.pd, fold, settings)


def check_inner(cohort: Cohort, specs: Sequence[ClassifierSpec]) -> None:
    """Raises ``CohortError`` where a fold has nobody to keep aside for the class difficulty."""
    people = [str(s) for s in cohort.subject]
    for spec in specs:
        inner = crossfit_plan(cohort.pd, people, spec)[2]
        if spec.balance.class_difficulty > 0 and not inner.any(axis=1).all():
            raise CohortError(
                f"{len(set(people))} subjects are too few to keep some of each fold aside for the"
                " class difficulty; set model.balance.class_difficulty to 0, or use fewer folds",
                file=cohort.name,
            )


def graded_by(recipe: Recipe, cohort: Cohort) -> dict[str, object] | None:
    """Who teaches the grades, as a card says it."""
    if isinstance(recipe.grades, DrawnSpec):
        config = load_config()
        return {
            "what": "drawn people only (phantoms); no person's grade",
            "grades": f"{config.name} {config.version}",
            "grades_sha256": config.digest,
            "subjects": recipe.grades.subjects,
            "seed": recipe.grades.seed,
            "experimental": True,
        }
    if recipe.grades is None:
        return None
    return {
        "what": "clinicians' grades of this cohort",
        "grades": "MDS-UPDRS 3.2",
        "people_per_grade": [len(set(cohort.subject[cohort.grade == g])) for g in range(CLASSES)],
        "experimental": False,
    }


def grades_of(recipe: Recipe, material: Material, index: HypomimiaIndex) -> Grades | None:
    """The grade model that the recipe asks for."""
    spec, kept, z = recipe.grades, material.kept, material.z
    trained_on = graded_by(recipe, kept)
    if spec is None or trained_on is None:
        return None
    if isinstance(spec, DrawnSpec):
        return drawn_people_grades(spec, recipe.expressions, index, z[kept.pd == 0], trained_on)
    rows = kept.grade != UNKNOWN
    people = [str(s) for s in kept.subject[rows]]
    return train_grades(spec, z[rows], kept.grade[rows], people, trained_on)


def drawn_people_grades(
    spec: DrawnSpec,
    expressions: tuple[str, ...],
    index: HypomimiaIndex,
    z_without_pd: Floats,
    trained_on: dict[str, object],
) -> DrawnGrades:
    """The experimental grades: drawn people only, as unreliable as the real ones without PD."""
    drawn = drawn_table(load_config(), expressions, subjects=spec.subjects, seed=spec.seed)
    z = drawn_scores(drawn.raw, drawn.pd, expressions, likeness_of(z_without_pd), seed=spec.seed)
    trained_on["people_per_grade"] = [int((drawn.grade == g).sum()) for g in range(CLASSES)]
    return learn_grades(z, drawn.pd, drawn.grade, index, expressions, trained_on)
