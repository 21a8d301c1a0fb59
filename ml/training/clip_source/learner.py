"""The intensity network with everything that may learn, and its loss on a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ml.intensity.network import IntensityNetwork, masked_median
from ml.intensity.network_config import NetworkConfig
from ml.intensity.weights import LoadedClip, normalise
from ml.training.clip_source.examples import Example, Pair
from ml.training.clip_source.losses import (
    LossWeights,
    expression_term,
    intensity_term,
    rest_term,
    shape_term,
    smoothness_term,
)
from ml.training.clip_source.prompts import PromptLearner
from ml.training.clip_source.towers import TextTower, unlock_image_tower, unlock_text_tower


@dataclass(frozen=True, eq=False)
class Padded:
    """B clips of at most T frames: ``frames`` (B, T, D) float or (B, T, S, S, 3) uint8, ``times``
    and ``truth`` (B, T), ``mask`` (B, T) True for real frames."""

    frames: Tensor
    times: Tensor
    truth: Tensor
    mask: Tensor

    def to(self, device: str) -> "Padded":
        return Padded(*(t.to(device) for t in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Batch:
    """Clips, the same people's rests, and the class number of each clip (0 = neutral)."""

    clip: Padded
    rest: Padded
    labels: Tensor

    def to(self, device: str) -> "Batch":
        return Batch(self.clip.to(device), self.rest.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Cut:
    """How a training example is cut from a pair: window lengths in frames, and what varies.

    ``shift_seconds``: windows start anywhere in this span, no moment means anything. ``light``
    standard deviation of the logarithm of a clip's brightness, ``noise`` most grey levels of a
    camera's noise, ``flip`` half of the people mirrored: none of these is an expression. They
    change pictures only, not ready-made embeddings.
    """

    frames: int
    rest_frames: int
    shift_seconds: float
    light: float = 0.0
    noise: float = 0.0
    flip: bool = False


def make_batch(
    pairs: Sequence[Pair], classes: Sequence[str], cut: Cut, seeds: Sequence[Sequence[int]]
) -> Batch:
    """A training batch; everything random about a pair comes from its own seed alone, so a batch
    is the same however many processes share it."""
    clips: list[Example] = []
    rests: list[Example] = []
    for pair, seed in zip(pairs, seeds, strict=True):
        rng = np.random.default_rng(list(seed))
        mirrored = cut.flip and bool(rng.random() < 0.5)
        for part, frames, into in (
            (pair.clip, cut.frames, clips),
            (pair.rest, cut.rest_frames, rests),
        ):
            window = _window(part, frames, cut.shift_seconds, rng)
            into.append(replace(window, frames=_filmed(window.frames, cut, mirrored, rng)))
    labels = torch.tensor([classes.index(pair.clip.expression) for pair in pairs])
    return Batch(pad(clips), pad(rests), labels)


def pad(examples: Sequence[Example]) -> Padded:
    """Examples of different lengths side by side, zeros behind the shorter ones."""
    longest = max(len(e.times) for e in examples)
    shape = (len(examples), longest)
    first = examples[0].frames
    frames = np.zeros((*shape, *first.shape[1:]), dtype=first.dtype)
    times, truth = np.zeros(shape, np.float32), np.full(shape, np.nan, np.float32)
    mask = np.zeros(shape, dtype=bool)
    for row, example in enumerate(examples):
        count = len(example.times)
        frames[row, :count], times[row, :count] = example.frames, example.times
        truth[row, :count], mask[row, :count] = example.truth, True
    return Padded(*(torch.from_numpy(a) for a in (frames, times, truth, mask)))


def _window(example: Example, frames: int, shift: float, rng: np.random.Generator) -> Example:
    """A run of consecutive frames, at times moved as a whole."""
    start = int(rng.integers(0, max(len(example.times) - frames, 0) + 1))
    part = slice(start, start + frames)
    times = example.times[part] - example.times[start]
    moved = (times + rng.uniform(0, shift)).astype(np.float32)
    return Example(
        example.subject, example.expression, moved, example.frames[part], example.truth[part]
    )


def _filmed(
    frames: npt.NDArray[Any], cut: Cut, mirrored: bool, rng: np.random.Generator
) -> npt.NDArray[Any]:
    """The same pictures (T, S, S, 3) uint8 in another light and through another camera; embeddings
    (T, D) as they are."""
    if frames.ndim != 4:
        return frames
    if mirrored:
        frames = frames[:, :, ::-1]
    if cut.light == 0 and cut.noise == 0:
        return frames
    seen = frames * np.float32(np.exp(cut.light * rng.standard_normal()))
    if cut.noise:
        level = np.float32(rng.uniform(0, cut.noise))
        seen += level * rng.standard_normal(seen.shape, np.float32)
    return np.clip(seen, 0, 255).astype(np.uint8)


class Learner(nn.Module):
    """Towers, prompts and network together. ``forward`` gives the loss and its terms."""

    def __init__(
        self,
        clip: LoadedClip,
        config: NetworkConfig,
        weights: LossWeights,
        *,
        image_blocks: int = 0,
        tune_text: bool = False,
    ) -> None:
        super().__init__()
        self.config, self.weights = config, weights
        self.preprocess = clip.preprocess
        self.visual = cast(nn.Module, cast(Any, clip.model).visual)
        self.text_tower = TextTower(clip.model)
        self.prompts = PromptLearner(self.text_tower, config.classes, config.context_tokens)
        self.network = IntensityNetwork(config)
        self.trainable = {
            "image": unlock_image_tower(self.visual, image_blocks),
            "text": unlock_text_tower(self.text_tower, tune_text),
        }

    @property
    def tunes_images(self) -> bool:
        return self.trainable["image"].trainable > 0

    def text(self) -> Tensor:
        """Text embeddings (classes, D) of the present context."""
        return cast(Tensor, self.prompts(self.text_tower))

    def embed(self, padded: Padded) -> Tensor:
        """(B, T, D) frame embeddings; ready-made ones pass through, crops are encoded."""
        if padded.frames.dim() == 3:
            return padded.frames
        images = padded.frames[padded.mask].permute(0, 3, 1, 2).float()
        images = normalise(images, self.preprocess)
        rows = self.visual(images)
        result = rows.new_zeros((*padded.mask.shape, rows.shape[-1]))
        result[padded.mask] = rows
        return result

    def forward(self, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        text = self.text()
        clip, rest = batch.clip, batch.rest
        scores = self.network(self.embed(clip), clip.times, clip.mask, text)
        calm = self.network(self.embed(rest), rest.times, rest.mask, text)
        zero = masked_median(calm.delta, rest.mask)
        signed = self.network.signed_intensity(scores.delta, zero)
        signed_rest = self.network.signed_intensity(calm.delta, zero)
        own = (batch.labels - 1).clamp_min(0).view(-1, 1, 1).expand(-1, signed.shape[1], 1)
        curve = signed.gather(2, own).squeeze(2)
        terms = {
            "expression": expression_term(
                scores.class_cosines, batch.labels, self.config.temperature
            ),
            "intensity": intensity_term(curve, clip.truth, clip.mask),
            "shape": shape_term(curve, clip.truth, clip.mask),
            "rest": rest_term(signed_rest, rest.mask),
            "smoothness": smoothness_term(curve, clip.times, clip.mask),
        }
        # A term of weight 0 is left out, not multiplied by 0: it shall cost and spread nothing.
        active = {name: w for name, w in asdict(self.weights).items() if w > 0}
        total = torch.stack([w * terms[name].mean() for name, w in active.items()]).sum()
        return total, {name: terms[name].mean().detach() for name in active}
