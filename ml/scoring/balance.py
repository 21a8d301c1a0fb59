"""Class balancing: the adaptive strategy of METHOD in three separate terms, and its relatives.

Loss of a sample: L = ω_y · δ_y · (1 − p_y)^γ · CE, with
- ω (distribution): from the effective number of samples, (1 − β)/(1 − β^n_c), mean 1 (Cui 2019);
- δ (difficulty of the class): max(1 − r_c, 0.05)^τ, mean 1, r_c a moving average of the class's
  recall on an inner validation split (training recall saturates);
- (1 − p_y)^γ (difficulty of the sample; Lin 2017).

All functions work on M models at once: a leading axis M everywhere.
"""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from ml.errors import ConfigError

RECALL_FLOOR = 0.05


class Distribution(StrEnum):
    """How the class counts enter."""

    NONE = "none"
    INVERSE = "inverse-frequency"
    EFFECTIVE = "effective-number"
    LOGIT_ADJUSTMENT = "logit-adjustment"


@dataclass(frozen=True)
class Balance:
    """Which terms are on. Zero exponents and ``NONE`` switch a term off."""

    distribution: Distribution = Distribution.NONE
    beta: float = 0.999
    class_difficulty: float = 0.0
    sample_difficulty: float = 0.0
    adjustment: float = 1.0
    momentum: float = 0.9

    def __post_init__(self) -> None:
        if not (0 <= self.beta < 1 and 0 <= self.momentum < 1):
            raise ConfigError("beta and momentum must be from 0 to below 1")
        if min(self.class_difficulty, self.sample_difficulty, self.adjustment) < 0:
            raise ConfigError("the exponents of the balancing terms must be 0 or more")


PRESETS: dict[str, Balance] = {
    "plain CE": Balance(),
    "adaptive": Balance(Distribution.EFFECTIVE, class_difficulty=0.5, sample_difficulty=1.0),
    "adaptive without distribution": Balance(class_difficulty=0.5, sample_difficulty=1.0),
    "adaptive without class difficulty": Balance(Distribution.EFFECTIVE, sample_difficulty=1.0),
    "adaptive without sample difficulty": Balance(Distribution.EFFECTIVE, class_difficulty=0.5),
    "inverse frequency": Balance(Distribution.INVERSE),
    "focal": Balance(sample_difficulty=2.0),
    "CB-focal": Balance(Distribution.EFFECTIVE, sample_difficulty=2.0),
    "CDB": Balance(class_difficulty=1.0),
    "logit adjustment": Balance(Distribution.LOGIT_ADJUSTMENT),
}


def class_counts(labels: Tensor, weights: Tensor, classes: int) -> Tensor:
    """Weighted count of each class. labels (N,), weights (M, N) → (M, C)."""
    return weights @ torch.nn.functional.one_hot(labels, classes).to(weights.dtype)


def distribution_weights(balance: Balance, counts: Tensor) -> Tensor:
    """ω of each class, mean 1 over classes. (M, C) → (M, C)."""
    safe = counts.clamp(min=1.0)
    if balance.distribution is Distribution.INVERSE:
        raw = 1.0 / safe
    elif balance.distribution is Distribution.EFFECTIVE:
        raw = (1.0 - balance.beta) / (1.0 - balance.beta**safe)
    else:
        return torch.ones_like(safe)
    return raw / raw.mean(dim=-1, keepdim=True)


def logit_offsets(balance: Balance, counts: Tensor) -> Tensor:
    """Added to class log-odds while training (Menon 2021): log prior. (M, C) → (M, C)."""
    if balance.distribution is not Distribution.LOGIT_ADJUSTMENT:
        return torch.zeros_like(counts)
    prior = counts.clamp(min=1.0)
    return balance.adjustment * torch.log(prior / prior.sum(dim=-1, keepdim=True))


def class_difficulty_weights(balance: Balance, recall: Tensor) -> Tensor:
    """δ of each class from its recall, mean 1 over classes. (M, C) → (M, C)."""
    raw = (1.0 - recall).clamp(min=RECALL_FLOOR) ** balance.class_difficulty
    return raw / raw.mean(dim=-1, keepdim=True)


def balanced_loss(
    balance: Balance, loss: Tensor, labels: Tensor, omega: Tensor, delta: Tensor
) -> Tensor:
    """ω_y · δ_y · (1 − p_y)^γ · CE. ``loss`` and ``labels`` (M, B), CE = −log p_y; ω, δ (M, C);
    → (M, B)."""
    factor = (omega * delta).gather(1, labels)
    if balance.sample_difficulty > 0:
        hard = (1.0 - torch.exp(-loss)).clamp(min=1e-6)
        factor = factor * hard**balance.sample_difficulty
    return factor * loss


def recall_of(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Recall of each class, ½ for one that was not drawn. labels, predicted (M, B) → (M, C)."""
    onehot = torch.nn.functional.one_hot(labels, classes).float()
    hits = ((predicted == labels).unsqueeze(-1) * onehot).sum(dim=1)
    drawn = onehot.sum(dim=1)
    return torch.where(drawn > 0, hits / drawn.clamp(min=1.0), torch.full_like(hits, 0.5))
