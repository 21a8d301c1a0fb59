"""The CLIP-based dynamic expression network: frame embeddings and words become intensity scores.

Shapes: B clips, T frames (padded, masked), D embedding width, E expressions, classes = neutral + E.

    h_t      = x_t + temporal transformer of [clip token, x_1 … x_T]      a token per frame is kept
    s_c(t)   = cos(h_t, text_c)
    Δ_e(t)   = s_e(t) − s_neutral(t)
    I_e(t)   = clip(2 σ((Δ_e(t) − median over rest of Δ_e) / τ_e) − 1, 0, 1),   τ_e learned

Re-implemented from the abstract of arXiv 2512.09276 and the recipe of DFER-CLIP; the intensity
formula is our choice (METHOD). Training, losses and files live elsewhere.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.intensity.network_config import NetworkConfig


@dataclass(frozen=True)
class Scores:
    """What the network says of a batch of clips.

    ``delta`` (B, T, E): cosine of each expression minus that of the neutral, per frame.
    ``class_cosines`` (B, classes): of the clip token, neutral first.
    """

    delta: Tensor
    class_cosines: Tensor


class TemporalTransformer(nn.Module):
    """Frames look at each other; each keeps a token of its own, and one token stands for the clip.

    Positions are learned per time (0.1 s a step by default) and read at the frames' true
    timestamps by linear interpolation, so frame drops do not shift what follows.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.temporal_width
        self.rate = config.position_rate
        self.enter = nn.Linear(config.embed_dim, width)
        self.leave = nn.Linear(width, config.embed_dim)
        self.clip_token = nn.Parameter(torch.zeros(width))
        self.positions = nn.Parameter(torch.empty(config.positions, width))
        nn.init.normal_(self.positions, std=0.01)
        # Starts as the identity on the frame embeddings: what CLIP knows is kept until data says
        # otherwise.
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        layer = nn.TransformerEncoderLayer(
            width, config.temporal_heads, 4 * width, dropout=0.0, activation="gelu",
            batch_first=True, norm_first=True,
        )  # fmt: skip
        self.encoder = nn.TransformerEncoder(
            layer, config.temporal_depth, enable_nested_tensor=False
        )

    def forward(self, frames: Tensor, times: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) embeddings at (B, T) seconds, (B, T) bool mask of real frames.

        Returns frame tokens (B, T, D) and clip tokens (B, D).
        """
        x = self.enter(frames) + self.position(times)
        clip = self.clip_token.expand(len(x), 1, -1)
        padding = torch.cat([mask.new_zeros(len(mask), 1), ~mask], dim=1)
        x = self.leave(self.encoder(torch.cat([clip, x], dim=1), src_key_padding_mask=padding))
        weights = mask.unsqueeze(-1).to(frames.dtype)
        average = (frames * weights).sum(1) / weights.sum(1).clamp_min(1.0)
        return frames + x[:, 1:], average + x[:, 0]

    def position(self, times: Tensor) -> Tensor:
        """Learned positions (B, T, width) at ``times`` (B, T) seconds since the clip's start."""
        last = len(self.positions) - 1
        steps = times * self.rate
        # A clip longer than the table is squeezed into it as a whole: order and ratios survive.
        over = (steps.amax(dim=1, keepdim=True) / last).clamp_min(1.0)
        steps = (steps / over).clamp(0.0, float(last))
        low = steps.floor().long().clamp_max(last - 1)
        part = (steps - low).unsqueeze(-1)
        return self.positions[low] * (1 - part) + self.positions[low + 1] * part


class IntensityNetwork(nn.Module):
    """Everything behind the image encoder: temporal transformer, scores, learned scales τ_e.

    Text embeddings come in as (classes, D): from the prompt learner while training, from the
    stored table while serving.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.temporal = TemporalTransformer(config)
        start = torch.full((len(config.expressions),), config.initial_tau)
        self.log_tau = nn.Parameter(start.log())

    @property
    def tau(self) -> Tensor:
        """(E,) learned intensity scales, always above 0."""
        return self.log_tau.exp()

    def forward(self, frames: Tensor, times: Tensor, mask: Tensor, text: Tensor) -> Scores:
        """(B, T, D) embeddings, (B, T) seconds, (B, T) bool, (classes, D) text → scores."""
        tokens, clip = self.temporal(functional.normalize(frames, dim=-1), times, mask)
        words = functional.normalize(text, dim=-1)
        cosines = functional.normalize(tokens, dim=-1) @ words.T
        class_cosines = functional.normalize(clip, dim=-1) @ words.T
        return Scores(delta=cosines[..., 1:] - cosines[..., :1], class_cosines=class_cosines)

    def signed_intensity(self, delta: Tensor, rest_median: Tensor) -> Tensor:
        """2 σ((Δ − rest) / τ) − 1 in (−1, 1), before the clip at 0; shapes broadcast over E.

        Training reads this one, because the clipped curve has no gradient below rest.
        """
        return 2 * torch.sigmoid((delta - rest_median) / self.tau) - 1


def masked_median(values: Tensor, mask: Tensor) -> Tensor:
    """Median over real frames: (B, T, E) and (B, T) bool → (B, 1, E). Even counts take the lower.

    Raises ``ValueError`` when a row has no real frame.
    """
    counts = mask.sum(dim=1)
    if bool((counts == 0).any()):
        raise ValueError("a rest clip without a single frame has no median")
    filled = values.masked_fill(~mask.unsqueeze(-1), float("inf"))
    ordered = filled.sort(dim=1).values
    middle = ((counts - 1) // 2).view(-1, 1, 1).expand(-1, 1, values.shape[-1])
    return ordered.gather(1, middle)
