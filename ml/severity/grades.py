"""MDS-UPDRS 3.2 grades from drawn people only: experimental, for clinicians, never for patients.

An ordinal fusion ensemble learns grades from normal scores of a phantom cohort whose grades were
programmed from the item's text, and is served on normal scores of real people. It sees only the
signals that mean the same on a drawn and on a real face: those the hypomimia index names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from ml.features import columns_of
from ml.norms import Norms
from ml.severity.balance import PRESETS
from ml.severity.ensemble import Examples, Parameters, Progress, Schedule, fit, run
from ml.severity.index import INDEX_WEIGHTS
from ml.severity.model import FusionConfig, Head

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

CLASSES = 5
SCORE_CLIP = 4.0
DRAWN_CLIP = 8.0
NOISE_SHARE = 0.5
PHANTOM_SCHEDULE = Schedule(steps=400, batch=128, expression_dropout=0.4)
EXPERIMENTAL = "trained_on_drawn_faces_only"


@dataclass(frozen=True)
class GradeSpec:
    """What decides a training run on phantoms."""

    fusion: FusionConfig
    balance: str = "adaptive"
    schedule: Schedule = PHANTOM_SCHEDULE
    members: int = 4
    subjects: int = 2500
    seed: int = 20


def grade_fusion(expressions: tuple[str, ...], head: Head = Head.CORN) -> FusionConfig:
    return FusionConfig(expressions, width=16, head=head, classes=CLASSES)


@dataclass(frozen=True, eq=False)
class GradeModel:
    """``parameters`` stacked (M, …); ``scale`` and ``bias`` (5,) undo what re-weighting did to the
    distribution, fitted on drawn people that no member trained on."""

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


def shared_signals(expressions: tuple[str, ...]) -> Booleans:
    """(K, 14): which normal scores the grade model may see."""
    return np.stack([INDEX_WEIGHTS[e] != 0 for e in expressions])


def grade_tokens(z: Floats, expressions: tuple[str, ...]) -> torch.Tensor:
    """Normal scores of the shared signals, drawn in softly at ±4 so that extremes keep their order;
    0 where missing or not shared."""
    drawn_in = SCORE_CLIP * np.tanh(np.nan_to_num(z) / SCORE_CLIP)
    scores = drawn_in * shared_signals(expressions)
    return torch.from_numpy(scores.astype(np.float32))


def raw_log_probabilities(
    config: FusionConfig, parameters: Parameters, z: Floats, present: Booleans
) -> Floats:
    """(N, 5) log of the members' mean probabilities."""
    tokens = grade_tokens(z, config.expressions)
    log_p, _ = run(config, parameters, tokens, torch.from_numpy(present))
    return np.asarray(logsumexp(log_p.numpy().astype(np.float64), axis=0) - np.log(len(log_p)))


def drawn_scores(
    raw: Floats, pd: Integers, expressions: tuple[str, ...], likeness: Floats, *, seed: int
) -> Floats:
    """Drawn people's normal scores against the drawn people without PD, (N, K, 14), made as
    unreliable as real ones.

    Two sessions of one person agree with a rank correlation of about a half in the public smile
    table: half of a real score's variance is the day and the face, not the grade. That half is
    added here, correlated between signals as it is among real people without PD (``likeness``,
    (K·14, K·14); no label of PD enters).
    """
    columns = [name for e in expressions for name in columns_of(e)]
    without = raw[pd == 0]
    norms = Norms.fit(columns, without.reshape(len(without), -1), reference="drawn, without PD")
    z = np.clip(norms.z_tokens(expressions, raw), -DRAWN_CLIP, DRAWN_CLIP)
    generator = np.random.default_rng(seed)
    noise = generator.multivariate_normal(np.zeros(len(likeness)), likeness, size=len(raw))
    share = NOISE_SHARE
    return np.asarray(np.sqrt(1 - share) * z + np.sqrt(share) * noise.reshape(z.shape))


def likeness_of(z: Floats) -> Floats:
    """(K·14, K·14) correlation of normal scores among people without PD. ``z`` (N, K, 14)."""
    complete = z[np.isfinite(z).all(axis=(1, 2))]
    flat = np.clip(complete, -SCORE_CLIP, SCORE_CLIP).reshape(len(complete), -1)
    return np.asarray(np.corrcoef(flat.T))


def train_grades(
    spec: GradeSpec,
    z: Floats,
    grade: Integers,
    trained_on: Mapping[str, Any],
    *,
    progress: Progress | None = None,
) -> GradeModel:
    """Members on four fifths of the drawn people, the distribution's scale on the last fifth."""
    generator = np.random.default_rng(spec.seed)
    held = generator.random(len(grade)) < 0.2
    present = np.ones(z.shape[:2], dtype=bool)
    weights = np.tile(~held, (spec.members, 1)).astype(np.float32)
    inner = np.zeros_like(weights)
    for m in range(spec.members):
        chosen = generator.permutation(np.flatnonzero(~held))[: int((~held).sum() / 6)]
        weights[m, chosen], inner[m, chosen] = 0.0, 1.0
    examples = Examples(
        grade_tokens(z, spec.fusion.expressions), torch.from_numpy(present), torch.from_numpy(grade)
    )
    parameters = fit(
        spec.fusion,
        PRESETS[spec.balance],
        spec.schedule,
        examples,
        torch.from_numpy(weights),
        torch.from_numpy(inner),
        seed=spec.seed,
        progress=progress,
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
