"""The members of the fusion: cross-fitted, calibrated, and of the kind that does best on training
people held out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import StratifiedGroupKFold

from ml.errors import ConfigError
from ml.metrics import auroc
from ml.progress import following
from ml.scoring.calibration import CrossConformal, fit_temperature, subset_key
from ml.scoring.classifier import Classifier, ClassifierSpec, subsets
from ml.scoring.ensemble import STEPS, Examples, fit
from ml.scoring.fusion import FUSIONS, Fusion, FusionConfig
from ml.scoring.whitening import Whitening

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DROPOUT = 0.2
#: The kinds among which held-out training people choose.
CANDIDATES = tuple(kind for kind, known in FUSIONS.items() if known.candidate)


def shape_of(kind: Fusion) -> dict[str, Any]:
    """What the recipe says of a member of this kind, where a configuration says nothing else."""
    return {"dropout": DROPOUT, **FUSIONS[kind].shape, "fusion": kind}


def fusion_spec(
    expressions: Sequence[str], kind: Fusion = Fusion.ATTENTION, *, members: int = 3, **shape: Any
) -> ClassifierSpec:
    """One kind as the recipe has it."""
    config = FusionConfig(tuple(expressions), **{**shape_of(kind), **shape})
    return ClassifierSpec(config, members=members)


def candidates(expressions: Sequence[str]) -> tuple[ClassifierSpec, ...]:
    return tuple(fusion_spec(expressions, kind) for kind in CANDIDATES)


def train_fusion(
    specs: Sequence[ClassifierSpec],
    z: Floats,
    labels: Integers,
    people: Sequence[str],
) -> tuple[Classifier, Floats]:
    """Train every specification and keep the one with the highest AUROC on people that its members
    left out; with their held-out log-odds (N,). ``z`` (N, K, F) normal scores, NaN missing.
    Raises :class:`ConfigError` when training diverges."""
    tried = []
    with following(STEPS, sum(spec.schedule.steps for spec in specs)):
        for spec in specs:
            classifier = train_classifier(spec, z, labels, people)
            odds = held_out_odds(classifier, z, labels, people)
            tried.append((auroc(labels, odds), classifier, odds))
    _, classifier, odds = max(tried, key=lambda one: one[0])
    return classifier, odds


def held_out_odds(
    classifier: Classifier, z: Floats, labels: Integers, people: Sequence[str]
) -> Floats:
    """Calibrated log-odds of training people by the members that left them out. (N,)."""
    fold, _, _, _ = crossfit_plan(labels, people, classifier.spec)
    by_fold = classifier.by_fold(classifier.members(z, np.isfinite(z).any(axis=-1))[0])
    key = subset_key(classifier.spec.fusion.expressions)
    return classifier.temperatures[key].apply(by_fold[fold, np.arange(len(labels))])


def crossfit_plan(
    labels: Integers, groups: Sequence[str], spec: ClassifierSpec
) -> tuple[Integers, Floats, Floats, Integers]:
    """Who trains on whom: ``fold`` (N,), ``weights`` and ``inner`` (M, N), ``fold_of`` (M,).

    Each member draws its own sixth of its training subjects as the inner validation split.
    """
    splitter = StratifiedGroupKFold(spec.folds, shuffle=True, random_state=spec.seed)
    fold = np.zeros(len(labels), dtype=np.int64)
    names = np.asarray(groups)
    for k, (_, test) in enumerate(splitter.split(names, labels, names)):
        fold[test] = k
    generator = np.random.default_rng(spec.seed)
    weights, inner, fold_of = [], [], []
    for k in range(spec.folds):
        people = np.unique(names[fold != k])
        for _ in range(spec.members):
            held = set(generator.permutation(people)[: len(people) // 6])
            validation = np.array([name in held for name in names]) & (fold != k)
            weights.append((fold != k) & ~validation)
            inner.append(validation)
            fold_of.append(k)
    return fold, np.array(weights, float), np.array(inner, float), np.array(fold_of)


def train_classifier(
    spec: ClassifierSpec,
    z: Floats,
    labels: Integers,
    groups: Sequence[str],
) -> Classifier:
    """Cross-fit the ensemble and calibrate it. ``z`` (N, K, F) normal scores, NaN missing."""
    present = np.isfinite(z).any(axis=-1)
    width = z.shape[-1]
    whitening = Whitening.fit(z[labels == 0]) if spec.whiten else Whitening.none(z.shape[1], width)
    fold, weights, inner, fold_of = crossfit_plan(labels, groups, spec)
    examples = Examples(whitening.tokens(z), torch.from_numpy(present), torch.from_numpy(labels))
    parameters = fit(
        spec.fusion,
        spec.balance,
        spec.schedule,
        examples,
        torch.from_numpy(weights).float(),
        torch.from_numpy(inner).float(),
        seed=spec.seed,
    )
    if not all(torch.isfinite(value).all() for value in parameters.values()):
        raise ConfigError("training diverged: lower model.schedule.learning_rate")
    binary = (labels > 0).astype(np.int64)
    classifier = Classifier(spec, parameters, whitening, fold_of, prevalence=float(binary.mean()))
    return calibrated(classifier, z, binary, fold)


def calibrated(classifier: Classifier, z: Floats, labels: Integers, fold: Integers) -> Classifier:
    """Temperature and conformal scores from out-of-fold log-odds, for each set of expressions."""
    present = np.isfinite(z).any(axis=-1)
    temperatures, conformal = {}, {}
    names = classifier.spec.fusion.expressions
    for places in subsets(names):
        kept = np.zeros_like(present)
        kept[:, list(places)] = present[:, list(places)]
        rows = kept[:, list(places)].all(axis=-1)
        odds = classifier.by_fold(classifier.members(z[rows], kept[rows])[0])
        held_out = odds[fold[rows], np.arange(rows.sum())]
        key = subset_key([names[k] for k in places])
        temperatures[key] = fit_temperature(held_out, labels[rows])
        conformal[key] = CrossConformal.fit(
            held_out, labels[rows], fold[rows], classifier.spec.folds
        )
    return replace(classifier, temperatures=temperatures, conformal=conformal)
