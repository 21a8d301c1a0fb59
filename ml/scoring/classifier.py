"""A calibrated ensemble of fusion members: what a bundle carries to say "probability of PD".

Members are cross-fitted: those of fold k never saw fold k's people, so the same training run
gives honest out-of-fold log-odds for calibration and prediction sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import StratifiedGroupKFold

from ml.errors import ConfigError
from ml.scoring.balance import PRESETS, Balance
from ml.scoring.calibration import CrossConformal, Temperature, fit_temperature, subset_key
from ml.scoring.ensemble import Examples, Parameters, Progress, Schedule, fit, run
from ml.scoring.fusion import FusionConfig
from ml.scoring.whitening import Whitening

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ClassifierSpec:
    """Everything that decides a training run, apart from the data."""

    fusion: FusionConfig
    balance: Balance = PRESETS["adaptive"]
    schedule: Schedule = Schedule()  # noqa: RUF009 (frozen, so sharing it is safe)
    folds: int = 5
    members: int = 3  # per fold
    whiten: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not (2 <= self.folds <= 100 and 1 <= self.members <= 100 and self.seed >= 0):
            raise ConfigError("folds must be 2 to 100, members 1 to 100, seed 0 or more")


@dataclass(frozen=True, eq=False)
class Classifier:
    """``parameters`` stacked (M, …), ``fold_of`` (M,) which fold a member left out."""

    spec: ClassifierSpec
    parameters: Parameters
    whitening: Whitening
    fold_of: Integers
    prevalence: float
    temperatures: dict[str, Temperature] = field(default_factory=dict)
    conformal: dict[str, CrossConformal] = field(default_factory=dict)

    def members(self, z: Floats, present: Booleans) -> tuple[Floats, Floats]:
        """Raw log-odds (M, N) and attention (M, N, K). ``z`` (N, K, F) NaN missing."""
        tokens = self.whitening.tokens(z)
        scores, attention = run(
            self.spec.fusion, self.parameters, tokens, torch.from_numpy(present)
        )
        odds = torch.logsumexp(scores[..., 1:], dim=-1) - scores[..., 0]
        return odds.numpy().astype(np.float64), attention.numpy().astype(np.float64)

    def by_fold(self, member_odds: Floats) -> Floats:
        """(M, N) → (folds, N): the mean of each fold's members."""
        return np.stack(
            [
                by_person(member_odds[self.fold_of == k]).mean(axis=-1)
                for k in range(self.spec.folds)
            ]
        )


def by_person(members: Floats) -> Floats:
    """(M, N, …) → (N, …, M), a person's members side by side in memory: a sum over them is then
    taken in one order, however many people there are."""
    return np.ascontiguousarray(np.moveaxis(members, 0, -1))


def subsets(expressions: Sequence[str]) -> list[tuple[int, ...]]:
    """Every non-empty set of expressions, as positions."""
    places = range(len(expressions))
    return [c for size in range(1, len(expressions) + 1) for c in combinations(places, size)]


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
    *,
    progress: Progress | None = None,
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
        progress=progress,
    )
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
