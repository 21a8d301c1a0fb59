"""A calibrated ensemble of fusion members: what a bundle carries to say "probability of PD".

Members are cross-fitted: those of fold k never saw fold k's people, so the same training run
gives honest out-of-fold log-odds for calibration and prediction sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch

from ml.errors import ConfigError
from ml.scoring.balance import PRESETS, Balance
from ml.scoring.calibration import CrossConformal, Temperature
from ml.scoring.ensemble import Parameters, Schedule, run
from ml.scoring.fusion import FusionConfig
from ml.scoring.whitening import Whitening
from ml.settings import Settings

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ClassifierSpec(Settings):
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
