"""Training and running many small fusion models at once: folds, bags and seeds as one batch.

One member is :class:`ml.scoring.fusion.FusionModel`; M members are stacked along a leading axis
and trained together on the whole cohort, each with its own sample weights (0 = not its own).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from ml.errors import ConfigError
from ml.progress import advance
from ml.scoring.balance import (
    Balance,
    balanced_loss,
    class_counts,
    class_difficulty_weights,
    distribution_weights,
    logit_offsets,
    recall_of,
)
from ml.scoring.fusion import FusionConfig, FusionModel
from ml.scoring.heads import log_probabilities

Parameters = dict[str, Tensor]

BLOCK = 32  # people scored in one pass
STEPS = "training steps"


@dataclass(frozen=True)
class Schedule:
    """How a member is trained: AdamW on batches drawn by sample weight, one-cycle learning rate."""

    steps: int = 500
    batch: int = 96
    learning_rate: float = 0.03
    weight_decay: float = 0.1
    expression_dropout: float = 0.15
    check_every: int = 8

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.check_every) < 1 or self.learning_rate <= 0:
            raise ConfigError("steps, batch and check_every must be 1 or more, learning_rate > 0")
        if not (0 <= self.expression_dropout < 1 and self.weight_decay >= 0):
            raise ConfigError("expression_dropout must be from 0 to below 1, weight_decay >= 0")


@dataclass(frozen=True, eq=False)
class Examples:
    """N samples. ``tokens`` (N, K, F), or (G, N, K, F) when groups of members normalise
    differently, 0 where missing; ``group`` (M,) which of the G each member reads; ``present``
    (N, K) bool; ``labels`` (N,) int64."""

    tokens: Tensor
    present: Tensor
    labels: Tensor
    group: Tensor | None = None

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens (M, B, K, F), present (M, B, K) and labels (M, B) of rows (M, B)."""
        if self.group is None:
            tokens = self.tokens[rows]
        else:
            tokens = self.tokens[self.group.unsqueeze(1), rows]
        return tokens, self.present[rows], self.labels[rows]


def initial(config: FusionConfig, members: int, seed: int) -> Parameters:
    """Freshly drawn parameters of M members, each tensor with a leading M."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        models = [FusionModel(config) for _ in range(members)]
    parameters, _ = stack_module_state(models)
    return {name: value.detach().clone() for name, value in parameters.items()}


def _runner(config: FusionConfig, *, training: bool) -> Callable[..., tuple[Tensor, Tensor]]:
    model = FusionModel(config).train(training)

    def one(parameters: Parameters, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        output = functional_call(model, parameters, (tokens, present))
        return output.logits, output.attention

    return vmap(one, in_dims=(0, 0, 0), randomness="different")


def run(
    config: FusionConfig, parameters: Parameters, tokens: Tensor, present: Tensor
) -> tuple[Tensor, Tensor]:
    """Log-probabilities (M, N, C) and attention (M, N, K) of every member on every sample.

    ``tokens`` (N, K, F), ``present`` (N, K). People are taken in blocks of one size, filled up with
    nobody: float sums in another order for another number of people would else give a person other
    last digits beside others than alone.
    """
    members = next(iter(parameters.values())).shape[0]
    forward = _runner(config, training=False)
    logits, attention = [], []
    with torch.no_grad():
        for start in range(0, len(tokens), BLOCK):
            here = [_filled(part[start : start + BLOCK]) for part in (tokens, present)]
            found = forward(parameters, *(part.expand(members, *part.shape) for part in here))
            logits.append(found[0])
            attention.append(found[1])
    if not logits:
        none = torch.zeros(members, 0)
        return none.unsqueeze(-1).expand(-1, -1, config.classes), none.unsqueeze(-1).expand(
            -1, -1, tokens.shape[1]
        )
    scores = log_probabilities(config.head, torch.cat(logits, dim=1)[:, : len(tokens)])
    return scores, torch.cat(attention, dim=1)[:, : len(tokens)]


def _filled(part: Tensor) -> Tensor:
    """A block of BLOCK rows, the missing ones zero."""
    block = part.new_zeros((BLOCK, *part.shape[1:]))
    block[: len(part)] = part
    return block


def fit(
    config: FusionConfig,
    balance: Balance,
    schedule: Schedule,
    examples: Examples,
    weights: Tensor,
    inner: Tensor,
    *,
    seed: int,
) -> Parameters:
    """Train M members. ``weights`` (M, N): how often a member draws a sample, 0 = never;
    ``inner`` (M, N): its inner validation split, disjoint from what it draws, for class recall."""
    members = weights.shape[0]
    parameters = initial(config, members, seed)
    for value in parameters.values():
        value.requires_grad_(True)
    generator = torch.Generator().manual_seed(seed)
    counts = class_counts(examples.labels, weights, config.classes)
    omega = distribution_weights(balance, counts)
    offsets = logit_offsets(balance, counts).unsqueeze(1)
    recall = torch.full_like(counts, 0.5)
    forward = _runner(config, training=True)
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.learning_rate, total_steps=schedule.steps
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for step in range(schedule.steps):
            drawn = torch.multinomial(weights, schedule.batch, True, generator=generator)
            tokens, present, labels = examples.batch(drawn)
            kept = _drop_expressions(present, schedule, generator)
            logits, _ = forward(parameters, tokens, kept)
            scores = torch.log_softmax(log_probabilities(config.head, logits) + offsets, dim=-1)
            loss = -scores.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
            delta = class_difficulty_weights(balance, recall)
            total = balanced_loss(balance, loss, labels, omega, delta).mean(dim=1).sum()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            cycle.step()
            if balance.class_difficulty > 0 and step % schedule.check_every == 0:
                drawn = torch.multinomial(inner, schedule.batch, True, generator=generator)
                fresh = _inner_recall(config, parameters, examples, drawn)
                recall = balance.momentum * recall + (1 - balance.momentum) * fresh
            advance(STEPS)
    return {name: value.detach() for name, value in parameters.items()}


def _drop_expressions(present: Tensor, schedule: Schedule, generator: torch.Generator) -> Tensor:
    """Hides some expressions of a batch (M, B, K), so that a member copes with missing ones."""
    drawn = torch.rand(present.shape, generator=generator)
    kept = present & (drawn >= schedule.expression_dropout)
    # Never hide everything: keep the full row where nothing was left.
    return torch.where(kept.any(dim=-1, keepdim=True), kept, present)


def _inner_recall(
    config: FusionConfig, parameters: Parameters, examples: Examples, rows: Tensor
) -> Tensor:
    """(M, C) recall of each member on rows (M, B) of its inner validation split."""
    frozen = {name: value.detach() for name, value in parameters.items()}
    tokens, present, labels = examples.batch(rows)
    with torch.no_grad():
        logits, _ = _runner(config, training=False)(frozen, tokens, present)
    predicted = log_probabilities(config.head, logits).argmax(dim=-1)
    return recall_of(labels, predicted, config.classes)
