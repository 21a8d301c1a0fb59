"""CLIP's two towers taken from open_clip, and which of their parameters may learn.

open_clip's ``lock(unlocked_groups=1)`` leaves only the last projection trainable, far less than
it sounds. Here "the last N blocks" means N transformer blocks plus the norm and projection after
them, and :func:`unlock_image_tower` checks that exactly those are trainable.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

ALL_BLOCKS = -1


class TowerError(ValueError):
    """A tower that cannot do what the configuration asks of it."""


class TextTower(nn.Module):
    """open_clip's text transformer, entered at the word embeddings instead of the token ids."""

    def __init__(self, clip: nn.Module) -> None:
        super().__init__()
        text = cast(Any, getattr(clip, "text", clip))
        missing = [n for n in ("token_embedding", "transformer") if not hasattr(text, n)]
        if missing:
            raise TowerError("this CLIP's text tower is not a CLIP transformer: no word embeddings")
        self.token_embedding: nn.Embedding = text.token_embedding
        self.positional_embedding: nn.Parameter = text.positional_embedding
        self.transformer: nn.Module = text.transformer
        self.ln_final: nn.Module = text.ln_final
        self.text_projection: nn.Module | Tensor = text.text_projection
        self.context_length: int = int(text.positional_embedding.shape[0])
        self.register_buffer("attn_mask", text.attn_mask, persistent=False)
        pool = getattr(text, "text_pool_type", getattr(text, "pool_type", "argmax"))
        if pool != "argmax":
            raise TowerError(f"text towers that pool by {pool!r} are not supported, only argmax")

    def forward(self, embedded: Tensor, tokens: Tensor) -> Tensor:
        """(classes, L, width) word embeddings and (classes, L) ids → (classes, embed_dim).

        The ids only tell where the end token stands: it has the highest id of the vocabulary.
        """
        x = embedded + self.positional_embedding
        x = self.ln_final(self.transformer(x, attn_mask=self.attn_mask))
        x = x[torch.arange(len(x), device=x.device), tokens.argmax(dim=-1)]
        if isinstance(self.text_projection, nn.Linear):
            return cast(Tensor, self.text_projection(x))
        return x @ cast(Tensor, self.text_projection)


@dataclass(frozen=True)
class Trainable:
    """How many parameters of a module may learn, and how many it has."""

    trainable: int
    total: int


def count_trainable(module: nn.Module) -> Trainable:
    sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
    return Trainable(sum(n for n, learns in sizes if learns), sum(n for n, _ in sizes))


def freeze(module: nn.Module) -> None:
    for parameter in module.parameters():
        parameter.requires_grad_(False)


def unlock_image_tower(visual: nn.Module, blocks: int) -> Trainable:
    """Lets the last ``blocks`` transformer blocks learn (0: none, ``ALL_BLOCKS``: the whole tower).

    The norm and projection behind the last block go with it. Raises :class:`TowerError` when the
    tower has no such blocks, or when what became trainable is not what was asked for.
    """
    freeze(visual)
    if blocks == 0:
        wanted: list[nn.Parameter] = []
    elif blocks == ALL_BLOCKS:
        wanted = list(visual.parameters())
    else:
        wanted = _last_blocks(visual, blocks)
    for parameter in wanted:
        parameter.requires_grad_(True)
    found = count_trainable(visual)
    if found.trainable != sum(p.numel() for p in wanted):
        raise TowerError(f"asked for {blocks} unlocked blocks, got {found.trainable} parameters")
    return found


def unlock_text_tower(tower: TextTower, unlocked: bool) -> Trainable:
    """Lets the whole text transformer learn or none of it; word embeddings stay as pretrained."""
    freeze(tower)
    if unlocked:
        for name, parameter in tower.named_parameters():
            parameter.requires_grad_(not name.startswith("token_embedding"))
    return count_trainable(tower)


def _last_blocks(visual: nn.Module, blocks: int) -> list[nn.Parameter]:
    transformer = getattr(visual, "transformer", None)
    stack = getattr(transformer, "resblocks", None)
    if stack is None:
        raise TowerError("only a vision transformer can be unlocked block by block; use 0 or all")
    if not 0 < blocks <= len(stack):
        raise TowerError(f"asked to unlock {blocks} of {len(stack)} image blocks")
    parts: list[nn.Parameter] = []
    for block in list(stack)[-blocks:]:
        parts += list(block.parameters())
    parts += list(cast(nn.Module, cast(Any, visual).ln_post).parameters())
    projection = getattr(visual, "proj", None)
    if isinstance(projection, nn.Parameter):
        parts.append(projection)
    elif isinstance(projection, nn.Module):
        parts += list(projection.parameters())
    return parts
