"""The loss terms of the intensity network, each apart and each switched by its weight.

Every term is a mean per clip first and a mean over clips after, so that a batch split over several
processes gives the same gradient as the whole batch in one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ml.errors import ConfigError


@dataclass(frozen=True)
class LossWeights:
    """Weight of each term; 0 switches it off.

    ``expression``  cross-entropy of the clip token against the class texts (cosine / temperature)
    ``intensity``   squared error of the signed curve against the truth, clips with a truth only
    ``shape``       1 − Pearson correlation of curve and truth, clips with a moving truth only
    ``rest``        squared intensity of every expression on the person's own rest clip
    ``smoothness``  squared second difference of the curve, per 0.1 s
    """

    expression: float = 1.0
    intensity: float = 1.0
    shape: float = 0.0
    rest: float = 0.1
    smoothness: float = 0.01

    def __post_init__(self) -> None:
        values = vars(self).values()
        if min(values) < 0 or max(values) == 0:
            raise ConfigError("loss weights must be 0 or above, and one of them above 0")


def expression_term(class_cosines: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """(B, classes) cosines and (B,) class numbers → (B,)."""
    return functional.cross_entropy(class_cosines / temperature, labels, reduction="none")


def intensity_term(curve: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Signed curve, truth (1 = healthy median, NaN unknown) and mask, all (B, T) → (B,).

    The target is tanh(truth): since 2 σ(x) − 1 = tanh(x / 2), the score Δ_e − rest then grows in
    proportion to the truth, and nobody who moves more than the median is cut off. A median
    performance reads 0.76.
    """
    known = mask & ~truth.isnan()
    error = (curve - truth.nan_to_num().tanh()).square() * known
    return error.sum(1) / known.sum(1).clamp_min(1)


def shape_term(curve: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """1 − Pearson correlation over known frames, 0 where the truth is unknown or flat; (B,)."""
    known = (mask & ~truth.isnan()).to(curve.dtype)
    count = known.sum(1, keepdim=True).clamp_min(1)
    target = truth.nan_to_num().tanh() * known
    x = (curve - (curve * known).sum(1, keepdim=True) / count) * known
    y = (target - target.sum(1, keepdim=True) / count) * known
    variance = y.square().sum(1)
    correlation = (x * y).sum(1) / (x.square().sum(1) * variance).clamp_min(1e-8).sqrt()
    return torch.where(variance > 1e-3, 1 - correlation, torch.zeros_like(correlation))


def rest_term(signed_rest: Tensor, mask: Tensor) -> Tensor:
    """Signed intensity (B, T, E) of every expression on the rest, and its mask (B, T) → (B,)."""
    weights = mask.unsqueeze(-1).to(signed_rest.dtype)
    frames = (weights.sum((1, 2)) * signed_rest.shape[-1]).clamp_min(1)
    return (signed_rest.square() * weights).sum((1, 2)) / frames


def smoothness_term(curve: Tensor, times: Tensor, mask: Tensor, step: float = 0.1) -> Tensor:
    """Squared change of slope per ``step`` seconds, over true times; curve, times, mask (B, T).

    Frames farther apart than three steps are no neighbours: a gap says nothing about smoothness.
    """
    gap = times.diff(dim=1)
    joined = mask[:, 1:] & mask[:, :-1] & (gap > 0) & (gap <= 3 * step)
    slope = curve.diff(dim=1) / gap.clamp_min(1e-3) * step
    pairs = (joined[:, 1:] & joined[:, :-1]).to(curve.dtype)
    return (slope.diff(dim=1).square() * pairs).sum(1) / pairs.sum(1).clamp_min(1)
