"""The image encoder at work: aligned face crops in, one embedding per crop out.

Compute-bound (8.8 GFLOP a frame for ViT-B/32): what helps is bfloat16 *weights* on CPUs that have
the instructions, full batches, and fewer frames. On a GPU frames of several clips share a batch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ml.errors import ConfigError
from ml.intensity.sources import AUTO
from ml.intensity.weights import LoadedClip, Preprocess, normalise

Precision = Literal["fp32", "bf16"]
Crops = npt.NDArray[np.uint8]
Embeddings = npt.NDArray[np.float32]

# Expressions change slower than this; a higher rate costs in proportion (METHOD, "Build").
ENCODED_PER_SECOND = 10.0

# Larger batches gain nothing on a CPU and fill its cache; a GPU wants hundreds.
_BATCH = {"cpu": 16, "cuda": 256}


@dataclass(frozen=True, eq=False)
class FrameEncoder:
    """An image tower with the preprocessing of its weights; ``digest`` identifies both.

    Meets ``ml.measuring.measurement.CropEncoder``.
    """

    visual: nn.Module
    preprocess: Preprocess
    embed_dim: int
    digest: str
    precision: Precision = "fp32"
    device: str = "cpu"
    rate: float = ENCODED_PER_SECOND

    def encode(self, crops: Crops) -> Embeddings:
        """(N, H, W, 3) uint8 RGB crops → (N, D) float32, not normalised."""
        return self.encode_clips([crops])[0]

    def encode_clips(self, clips: Sequence[Crops]) -> list[Embeddings]:
        """One (N_i, D) array per clip; batches run across the clips' borders."""
        lengths = [len(crops) for crops in clips]
        parts = [self._forward(batch) for batch in _batches(clips, _BATCH[self._kind])]
        rows = np.concatenate(parts) if parts else np.zeros((0, self.embed_dim), np.float32)
        return np.split(rows, np.cumsum(lengths)[:-1])

    def _forward(self, crops: Crops) -> Embeddings:
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        with torch.inference_mode():
            images = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2).float()
            images = normalise(images, self.preprocess).to(dtype)
            return cast(Embeddings, self.visual(images).float().cpu().numpy())

    @property
    def _kind(self) -> str:
        return "cuda" if self.device.startswith("cuda") else "cpu"


def device_of(setting: str) -> str:
    """``auto``: a GPU where torch finds one, else the CPU. Any other name of a torch device stays
    as it is; raises :class:`ConfigError` for a CUDA device where there is none."""
    if setting == AUTO:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if setting.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"the image encoder's device is {setting}, but torch finds no CUDA here")
    return setting


def frame_encoder(
    clip: LoadedClip, precision: Precision = "fp32", device: str = "cpu"
) -> FrameEncoder:
    """The encoder of checked weights. Converts the tower in place: give it a model of its own."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    visual = cast(Any, clip.model).visual.to(device=device, dtype=dtype).eval()
    return FrameEncoder(visual, clip.preprocess, clip.embed_dim, clip.digest, precision, device)


def _batches(clips: Iterable[Crops], size: int) -> Iterator[Crops]:
    """Batches of at most ``size`` crops, full ones except the last, in order."""
    waiting: list[Crops] = []
    count = 0
    for crops in clips:
        while len(crops):
            taken = crops[: size - count]
            waiting.append(taken)
            count += len(taken)
            crops = crops[len(taken) :]
            if count == size:
                yield np.concatenate(waiting)
                waiting, count = [], 0
    if waiting:
        yield np.concatenate(waiting)
