"""Fusion of one token per expression into class logits: attention and its plainer relatives.

α = softmax over the present expressions of wᵀ tanh(W h_k);  F = Σ α_k h_k;  head(F) → logits.
Re-implemented from the abstract of arXiv 2510.17373; every unknown is a configuration value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ml.errors import ConfigError
from ml.features import TOKEN_WIDTH
from ml.settings import Settings


class Fusion(StrEnum):
    ATTENTION = "attention"
    MULTIHEAD = "multihead"
    TRANSFORMER = "transformer"
    MEAN = "mean"
    CONCATENATION = "concatenation"


class FusionKind(NamedTuple):
    """One kind of fusion: all that is known of it.

    ``words``: as the card begins; ``pool``: makes the module that fuses (B, K, D) tokens to
    (B, D), or to (B, K · D) where ``per_expression``, and says what weight each had; ``mix``: one
    that lets the tokens see each other first; ``shape``: settings of :class:`FusionConfig` that the
    recipe gives this kind; ``candidate``: one of those among which held-out training people choose.
    """

    words: str
    pool: "Callable[[FusionConfig], nn.Module]"
    mix: "Callable[[FusionConfig], nn.Module] | None" = None
    per_expression: bool = False
    shape: Mapping[str, int] = MappingProxyType({})
    candidate: bool = False


class Head(StrEnum):
    SOFTMAX = "softmax"
    CORN = "corn"


@dataclass(frozen=True)
class FusionConfig(Settings):
    """Shape of one member of the ensemble. ``expressions`` fixes the order of the tokens."""

    expressions: tuple[str, ...]
    token_width: int = TOKEN_WIDTH
    width: int = 32
    fusion: Fusion = Fusion.ATTENTION
    heads: int = 4
    head: Head = Head.SOFTMAX
    classes: int = 2
    dropout: float = 0.1
    input_dropout: float = 0.1

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 1024 and self.heads >= 1 and self.classes >= 2):
            raise ConfigError("width must be 1 to 1024, heads 1 or more, classes 2 or more")
        if not (0 <= self.dropout < 1 and 0 <= self.input_dropout < 1):
            raise ConfigError("dropout and input_dropout must be from 0 to below 1")

        if self.fusion is Fusion.MULTIHEAD and self.width % self.heads:
            raise ConfigError("width must be a multiple of heads")

    @property
    def kind(self) -> FusionKind:
        return FUSIONS[self.fusion]

    @property
    def outputs(self) -> int:
        """CORN has one conditional per threshold, softmax one logit per class."""
        return self.classes - 1 if self.head is Head.CORN else self.classes


class FusionOutput(NamedTuple):
    """``logits`` (B, outputs) and ``attention`` (B, K), which sums to 1 over present tokens."""

    logits: Tensor
    attention: Tensor


def masked_softmax(scores: Tensor, present: Tensor) -> Tensor:
    """Softmax over the last axis among present places; all zero where nothing is present."""
    lowest = torch.finfo(scores.dtype).min
    weights = torch.softmax(torch.where(present, scores, lowest), dim=-1)
    return torch.where(present, weights, torch.zeros_like(weights))


class AttentionPool(nn.Module):
    """(B, K, D) tokens → (B, D) pooled, with one or several attention heads over the tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, width)
        self.score = nn.Linear(width, heads, bias=False)
        self.heads = heads

    def forward(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.score(torch.tanh(self.key(tokens))).transpose(-1, -2)  # (B, heads, K)
        weights = masked_softmax(scores, present.unsqueeze(-2).expand_as(scores))
        # Each head weighs its own slice of the width. A sum of products: these matrices are too
        # small for a batched matrix product to pay.
        slices = tokens.unflatten(-1, (self.heads, -1))  # (B, K, heads, D / heads)
        pooled = (weights.transpose(-1, -2).unsqueeze(-1) * slices).sum(dim=-3)
        return pooled.flatten(-2), weights.mean(dim=-2)


class SelfAttention(nn.Module):
    """One residual self-attention step among the tokens (transformer fusion)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.scale = width**-0.5

    def forward(self, tokens: Tensor, present: Tensor) -> Tensor:
        query, key, value = self.mix(self.norm(tokens)).chunk(3, dim=-1)
        scores = query @ key.transpose(-1, -2) * self.scale
        weights = masked_softmax(scores, present.unsqueeze(-2).expand_as(scores))
        return tokens + self.out(weights @ value)


class MeanPool(nn.Module):
    """(B, K, D) → (B, D): every present token alike."""

    def forward(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        even = evenly(present, tokens)
        return (even.unsqueeze(-1) * tokens).sum(dim=-2), even


class Concatenation(nn.Module):
    """(B, K, D) → (B, K · D): side by side, 0 where missing."""

    def forward(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        return tokens.flatten(-2), evenly(present, tokens)


def evenly(present: Tensor, tokens: Tensor) -> Tensor:
    """(B, K) the same weight for every present token."""
    share = present.to(tokens.dtype)
    return share / share.sum(dim=-1, keepdim=True).clamp(min=1)


FUSIONS: Mapping[Fusion, FusionKind] = {
    Fusion.ATTENTION: FusionKind(
        "Attention fusion", lambda c: AttentionPool(c.width, 1), candidate=True
    ),
    Fusion.MULTIHEAD: FusionKind(
        "Multi-head attention fusion", lambda c: AttentionPool(c.width, c.heads), candidate=True
    ),
    # Narrower, for a like number of weights.
    Fusion.TRANSFORMER: FusionKind(
        "Transformer fusion",
        lambda c: AttentionPool(c.width, 1),
        mix=lambda c: SelfAttention(c.width),
        shape={"width": 20},
        candidate=True,
    ),
    Fusion.MEAN: FusionKind("Fusion by the mean", lambda _: MeanPool()),
    Fusion.CONCATENATION: FusionKind(
        "Fusion by concatenation", lambda _: Concatenation(), per_expression=True
    ),
}


class FusionModel(nn.Module):
    """Tokens of K expressions → class logits and the weight each expression had."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.config = config
        count, width = len(config.expressions), config.width
        # One projection per expression: a raised brow means another thing in surprise than in
        # disgust. The bias is the learned expression embedding.
        self.project = nn.Parameter(torch.empty(count, config.token_width, width))
        self.embed = nn.Parameter(torch.zeros(count, width))
        nn.init.normal_(self.project, std=config.token_width**-0.5)
        nn.init.normal_(self.embed, std=0.1)
        self.drop_input = nn.Dropout(config.input_dropout)
        self.drop = nn.Dropout(config.dropout)
        kind = config.kind
        self.pool = kind.pool(config)
        self.mix = None if kind.mix is None else kind.mix(config)
        fused = width * count if kind.per_expression else width
        self.head = nn.Linear(fused, config.outputs)

    def forward(self, tokens: Tensor, present: Tensor) -> FusionOutput:
        """``tokens`` (B, K, F) with 0 where missing, ``present`` (B, K) bool."""
        by_expression = self.drop_input(tokens).transpose(-3, -2)  # (K, B, F)
        hidden = (by_expression @ self.project).transpose(-3, -2) + self.embed
        hidden = self.drop(nn.functional.gelu(hidden)) * present.unsqueeze(-1)
        if self.mix is not None:
            hidden = self.mix(hidden, present)
        fused, attention = self.pool(hidden, present)
        return FusionOutput(self.head(self.drop(fused)), attention)


def parameter_count(config: FusionConfig) -> int:
    """Learned numbers of one member."""
    return sum(p.numel() for p in FusionModel(config).parameters())
