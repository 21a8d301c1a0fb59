"""Text classes with learned context: [start][context × 8][descriptor][end] per expression.

The context tokens are learned per class in the word-embedding space (class-specific CoOp); the
descriptor's words keep their pretrained embeddings. While serving nothing here runs: the text
embeddings are computed once and stored (``IntensityNetwork.cache_text``).
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ml.torch_compat import prepare_torchvision
from ml.training.clip_source.towers import TextTower
from vocabulary.expressions import Expression

# One word-piece in CLIP's vocabulary; its embedding is replaced by a learned context token.
_PLACEHOLDER = "x"
# Spread of the context's start values: that of CLIP's own word embeddings.
_CONTEXT_STD = 0.02


class PromptLearner(nn.Module):
    """Builds the token embeddings of every class and sends them through the text tower."""

    tokens: Tensor
    frozen_embeddings: Tensor

    def __init__(self, tower: TextTower, classes: Sequence[str], context_tokens: int) -> None:
        super().__init__()
        self.context_tokens = context_tokens
        tokens = tokenise(classes, context_tokens, tower.context_length)
        with torch.no_grad():
            embedded = tower.token_embedding(tokens).float()
        # Words are no parameters here: only the context and (when unlocked) the tower learn.
        self.register_buffer("tokens", tokens, persistent=False)
        self.register_buffer("frozen_embeddings", embedded, persistent=False)
        width = embedded.shape[-1]
        self.context = nn.Parameter(torch.empty(len(classes), context_tokens, width))
        nn.init.normal_(self.context, std=_CONTEXT_STD)

    def forward(self, tower: TextTower) -> Tensor:
        """Text embeddings (classes, embed_dim), not normalised."""
        start = self.frozen_embeddings[:, :1]
        words = self.frozen_embeddings[:, 1 + self.context_tokens :]
        embedded = torch.cat([start, self.context, words], dim=1)
        return tower(embedded, self.tokens)


def tokenise(classes: Sequence[str], context_tokens: int, context_length: int) -> Tensor:
    """Token ids (classes, context_length) int64 of placeholder context + descriptor.

    Raises ``ValueError`` when a descriptor does not fit the tower's context length: a sentence
    that is silently cut loses its end token's meaning.
    """
    prepare_torchvision()
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer = SimpleTokenizer(context_length=context_length)
    rows = []
    for name in classes:
        sentence = " ".join([_PLACEHOLDER] * context_tokens + [Expression(name).entry.descriptor])
        pieces = len(cast(list[int], tokenizer.encode(sentence))) + 2  # start and end tokens
        if pieces > context_length:
            raise ValueError(
                f"the words for {name!r} take {pieces} tokens with their context;"
                f" the text tower holds {context_length}"
            )
        rows.append(tokenizer([sentence])[0])
    return torch.stack(rows)
