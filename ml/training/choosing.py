"""Which kind of fusion is trained: the one that does best on training people held out."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml.metrics import auroc
from ml.scoring.calibration import subset_key
from ml.scoring.classifier import Classifier, ClassifierSpec, crossfit_plan, train_classifier
from ml.scoring.fusion import Fusion, FusionConfig

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def attention_spec(
    expressions: Sequence[str], *, members: int = 3, **fusion: object
) -> ClassifierSpec:
    config = FusionConfig(tuple(expressions), **{"dropout": 0.2, **fusion})  # type: ignore[arg-type]
    return ClassifierSpec(config, members=members)


def fusion_candidates(expressions: tuple[str, ...]) -> tuple[ClassifierSpec, ...]:
    """The kinds of attention among which held-out training people choose: one head, several, or a
    step of self-attention between the expressions first (narrower, for a like number of weights).
    """
    return (
        attention_spec(expressions),
        attention_spec(expressions, fusion=Fusion.MULTIHEAD),
        attention_spec(expressions, fusion=Fusion.TRANSFORMER, width=20),
    )


def best_classifier(
    specs: Sequence[ClassifierSpec], z: Floats, labels: Integers, groups: Sequence[str]
) -> tuple[Classifier, Floats]:
    """Train every specification and keep the one with the highest AUROC on people that its members
    left out; with their held-out log-odds (N,)."""
    tried = []
    for spec in specs:
        classifier = train_classifier(spec, z, labels, groups)
        odds = held_out_odds(classifier, z, labels, groups)
        tried.append((auroc(labels, odds), classifier, odds))
    _, classifier, odds = max(tried, key=lambda one: one[0])
    return classifier, odds


def held_out_odds(
    classifier: Classifier, z: Floats, labels: Integers, groups: Sequence[str]
) -> Floats:
    """Calibrated log-odds of training people by the members that left them out. (N,)."""
    fold, _, _, _ = crossfit_plan(labels, groups, classifier.spec)
    by_fold = classifier.by_fold(classifier.members(z, present_in(z))[0])
    key = subset_key(classifier.spec.fusion.expressions)
    return classifier.temperatures[key].apply(by_fold[fold, np.arange(len(labels))])


def present_in(z: Floats) -> npt.NDArray[np.bool_]:
    return np.isfinite(z).any(axis=-1)
