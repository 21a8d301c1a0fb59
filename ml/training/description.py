"""What every bundle says of its model, whoever trained it; its card, rendered before training."""

from collections.abc import Callable, Mapping
from typing import Any

from ml.cohort.table import Cohort
from ml.intensity.geometric import NAME as GEOMETRIC
from ml.scoring.balance import PRESETS
from ml.scoring.classifier import ClassifierSpec
from ml.scoring.fusion import parameter_count
from ml.scoring.scorer import Scorer
from ml.training.card import INTENDED_USE, card
from ml.training.recipe import Recipe, graded_by


def model_metadata(scorer: Scorer) -> dict[str, Any]:
    """Of a trained model."""
    classifier = scorer.classifier
    return _described(
        classifier.spec,
        scorer.expressions,
        classifier.prevalence,
        None if scorer.grades is None else scorer.grades.trained_on,
        None if scorer.curves is None else scorer.curves.model.card,
    )


def check_card(
    name: str, version: str, recipe: Recipe, cohort: Cohort,
    describe: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:  # fmt: skip
    """Renders the card of each candidate: what cannot be told of a model is known before anybody
    trains it. ``describe``: model's metadata → the bundle's."""
    lstm = None
    if recipe.curves is not None:
        lstm = {"network": recipe.curves.network.to_json(), "auroc_out_of_fold": float("nan")}
    prevalence = float((cohort.pd == 1).mean())
    for spec in recipe.candidates:
        model = _described(spec, recipe.expressions, prevalence, graded_by(recipe, cohort), lstm)
        card(name, version, describe(model))


def _described(
    spec: ClassifierSpec,
    expressions: tuple[str, ...],
    prevalence: float,
    grades: Mapping[str, object] | None,
    lstm: Mapping[str, object] | None,
) -> dict[str, Any]:
    """The clips' curves come from the geometric source, unless the caller says another."""
    balance = next((name for name, preset in PRESETS.items() if preset == spec.balance), "own")
    return {
        "intended_use": INTENDED_USE,
        "expressions": list(expressions),
        "prevalence": prevalence,
        "fusion": str(spec.fusion.fusion),
        "balance": balance,
        "intensity_source": GEOMETRIC,
        "parameters": spec.folds * spec.members * parameter_count(spec.fusion),
        "grades": None if grades is None else dict(grades),
        "diagnosis": None if lstm is None else dict(lstm),
    }
