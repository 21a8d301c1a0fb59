"""MDS-UPDRS 3.2 grades learnt from clinicians' grades: an ordinal fusion ensemble on normal scores.

The shipped bundle's grades come from drawn people instead (``ml/scoring/drawn_grades.py``); both
meet :class:`Grades`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from ml.scoring.balance import PRESETS
from ml.scoring.ensemble import Examples, Parameters, Schedule, fit, run
from ml.scoring.fusion import FusionConfig, Head

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

CLASSES = 5
SCORE_CLIP = 4.0
GRADE_SCHEDULE = Schedule(steps=400, batch=128, expression_dropout=0.4)
EXPERIMENTAL = "trained_on_drawn_faces_only"


class Grades(Protocol):
    """A distribution over grades, whoever taught it; ``trained_on`` says who, and whether that
    makes it experimental."""

    @property
    def trained_on(self) -> Mapping[str, Any]: ...

    def distribution(self, z: Floats, present: Booleans) -> Floats:
        """(N, K, 14) normal scores, (N, K) → (N, 5) probabilities, NaN where nothing is known."""
        ...


@dataclass(frozen=True)
class GradeSpec:
    """What decides a training run."""

    fusion: FusionConfig
    balance: str = "adaptive"
    schedule: Schedule = GRADE_SCHEDULE
    members: int = 4
    seed: int = 20


def grade_fusion(expressions: tuple[str, ...], head: Head = Head.CORN) -> FusionConfig:
    return FusionConfig(expressions, width=16, head=head, classes=CLASSES)


@dataclass(frozen=True, eq=False)
class GradeModel:
    """``parameters`` stacked (M, …); ``scale`` and ``bias`` (5,) undo what re-weighting did to the
    distribution, fitted on people that no member trained on."""

    config: FusionConfig
    parameters: Parameters
    scale: float
    bias: Floats
    trained_on: Mapping[str, Any]

    def distribution(self, z: Floats, present: Booleans) -> Floats:
        """(N, K, 14) normal scores → (N, 5) probabilities of the grades; NaN where no expression
        is present."""
        log_p = raw_log_probabilities(self.config, self.parameters, z, present)
        result = np.exp(log_softmax(self.scale * log_p + self.bias, axis=-1))
        result[~present.any(axis=-1)] = np.nan
        return np.asarray(result)


def grade_tokens(z: Floats) -> torch.Tensor:
    """Normal scores, drawn in softly at ±4 so that extremes keep their order; 0 where missing."""
    drawn_in = SCORE_CLIP * np.tanh(np.nan_to_num(z) / SCORE_CLIP)
    return torch.from_numpy(drawn_in.astype(np.float32))


def raw_log_probabilities(
    config: FusionConfig, parameters: Parameters, z: Floats, present: Booleans
) -> Floats:
    """(N, 5) log of the members' mean probabilities."""
    tokens = grade_tokens(z)
    log_p, _ = run(config, parameters, tokens, torch.from_numpy(present))
    return np.asarray(logsumexp(log_p.numpy().astype(np.float64), axis=0) - np.log(len(log_p)))


def held_out(
    people: Sequence[str], members: int, generator: np.random.Generator
) -> tuple[Booleans, Floats32, Floats32]:
    """A fifth of the people, ``held`` (N,); of the others each member keeps its own sixth aside:
    ``weights`` and ``inner`` (members, N). All visits of a person are on the same side."""
    names = np.asarray(people)
    everyone = generator.permutation(np.unique(names))
    count = max(1, len(everyone) // 5)
    held, rest = np.isin(names, everyone[:count]), everyone[count:]
    inner = np.zeros((members, len(names)), dtype=np.float32)
    for m in range(members):
        inner[m] = np.isin(names, generator.permutation(rest)[: max(1, len(rest) // 6)])
    return held, (~held).astype(np.float32) - inner, inner


def train_grades(
    spec: GradeSpec,
    z: Floats,
    grade: Integers,
    people: Sequence[str],
    trained_on: Mapping[str, Any],
) -> GradeModel:
    """Members on four fifths of the ``people`` (N,), the distribution's scale on the last fifth."""
    held, weights, inner = held_out(people, spec.members, np.random.default_rng(spec.seed))
    present = np.isfinite(z).any(axis=-1)
    examples = Examples(grade_tokens(z), torch.from_numpy(present), torch.from_numpy(grade))
    parameters = fit(
        spec.fusion,
        PRESETS[spec.balance],
        spec.schedule,
        examples,
        torch.from_numpy(weights),
        torch.from_numpy(inner),
        seed=spec.seed,
    )
    log_p = raw_log_probabilities(spec.fusion, parameters, z[held], present[held])
    scale, bias = fit_distribution(log_p, grade[held])
    return GradeModel(spec.fusion, parameters, scale, bias, trained_on)


def fit_distribution(log_p: Floats, grade: Integers) -> tuple[float, Floats]:
    """Scale and bias of the log-probabilities by maximum likelihood."""

    def loss(point: Floats) -> float:
        scaled = log_softmax(np.exp(point[0]) * log_p + point[1:], axis=-1)
        chosen = scaled[np.arange(len(grade)), grade]
        return float(-chosen.mean() + 1e-3 * (point**2).sum())

    best = minimize(loss, np.zeros(1 + CLASSES), method="L-BFGS-B")
    return float(np.exp(best.x[0])), np.asarray(best.x[1:])


def expected_grade(distribution: Floats) -> Floats:
    """(N, 5) → (N,) mean grade."""
    return np.asarray(distribution @ np.arange(CLASSES))
