"""The CLIP intensity source as it is served: a directory in, curves out.

A source directory is self-contained: ``source.json`` (architecture, preprocessing, text classes,
what it was trained on) and ``source.safetensors`` (image tower, temporal transformer, scales and
the text embeddings, computed once; no text tower and no tokenizer is needed any more).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ml.errors import SourceError
from ml.intensity import together
from ml.intensity.encoder import FrameEncoder, Precision, device_of
from ml.intensity.network import IntensityNetwork, masked_median
from ml.intensity.network_config import NetworkConfig
from ml.intensity.source import (
    ClipMaterial,
    FloatArray,
    IntensityCurve,
    Material,
    RestReference,
    SourceIdentity,
    digest_of,
    need,
)
from ml.intensity.weights import Preprocess, build
from ml.measuring.smoothing import local_line
from ml.part import PartFiles
from vocabulary.expressions import Expression

NAME = "clip"
# Of the rule from scores to a curve. Raised with every change of it and its constants (they are
# part of the digest): a bundle trained on curves by another rule is then told so.
VERSION = "2"
MADE = "that a network reads from the pictures"
FILES = PartFiles("source", "a CLIP source")
# Without a rest clip this share of the clip, its calmest part, stands in for the rest.
_CALM_QUANTILE = 0.2
SMOOTH_S = 0.2  # of the curve; frames are encoded every 0.1 s
LIMITS = together.RestLimits(
    most_shift=0.1,
    floor_wavers=1.5,
    least_floor=0.01,
    most_floor=0.15,
    stands_out_wavers=2.0,
    most_stands_out=0.3,
)
# The image tower alone is served; open_clip builds towers in pairs, so the other is made tiny.
_NO_TEXT = {"context_length": 8, "vocab_size": 16, "width": 8, "heads": 1, "layers": 1}


@dataclass(frozen=True, eq=False)
class ClipSource:
    """Meets ``source.IntensitySource``; ``encoder`` meets ``ml.measuring.measurement.CropEncoder``.

    ``saved_for``: the version of the curve's rule when it was trained; curves are by this code's.
    """

    identity: SourceIdentity
    encoder: FrameEncoder
    network: IntensityNetwork
    text: Tensor
    card: Mapping[str, Any]
    saved_for: str = VERSION

    @property
    def material(self) -> Material:
        return Material.EMBEDDINGS

    def knows(self, expression: str) -> bool:
        """The expressions it was trained for, and rest."""
        return expression in self.network.config.classes

    def curve(self, clip: ClipMaterial, rest: ClipMaterial | None) -> IntensityCurve:
        """See ``IntensitySource.curve``. Of a rest clip: the mean over all expressions."""
        delta, calm = self._delta(clip), None
        if rest is not None and rest.has(Material.EMBEDDINGS):
            calm = self._delta(rest)
            everyone = torch.ones(calm.shape[:2], dtype=torch.bool)
            reference, zero = RestReference.REST_CLIP, masked_median(calm, everyone)
        else:
            reference = RestReference.SAME_CLIP
            zero = delta.quantile(_CALM_QUANTILE, dim=1, keepdim=True)
        times = np.asarray(clip.embedding_timestamps, dtype=np.float64)
        course = self._course(clip, delta, zero)
        if clip.expression == Expression.REST:
            intensity = np.maximum(course, 0.0)
        elif calm is None or rest is None:
            intensity = together.above_rest(course, None, LIMITS)
        else:
            rested = self._course(replace(rest, expression=clip.expression), calm, zero)
            intensity = together.above_rest(course, rested, LIMITS)
        return IntensityCurve(
            clip.expression, times, intensity, self.identity, reference, smoothed_s=SMOOTH_S
        )

    def _course(self, clip: ClipMaterial, delta: Tensor, zero: Tensor) -> FloatArray:
        """(T,) smoothed signed intensity of the clip's expression over ``zero``."""
        with torch.inference_mode():
            signed = self.network.signed_intensity(delta, zero)[0].double().numpy()
        expressions = self.network.config.expressions
        if clip.expression == Expression.REST:
            own = np.maximum(signed, 0.0).mean(axis=1)
        elif clip.expression in expressions:
            own = signed[:, expressions.index(clip.expression)]
        else:
            raise SourceError(f"this CLIP source was not trained for {clip.expression!r}")
        times = np.asarray(clip.embedding_timestamps, dtype=np.float64)
        return local_line(times, own[:, None], SMOOTH_S)[:, 0]

    def _delta(self, clip: ClipMaterial) -> Tensor:
        """(1, T, E) scores over the neutral of one clip."""
        need(self.identity, clip, Material.EMBEDDINGS)
        if clip.embeddings_by != self.encoder.digest:
            raise SourceError(
                f"the clip {clip.expression!r} was encoded by another image tower than the one of"
                f" this source; measure it again"
            )
        frames = _tensor(cast(FloatArray, clip.embeddings))
        times = _tensor(cast(FloatArray, clip.embedding_timestamps))
        mask = torch.ones(times.shape, dtype=torch.bool)
        with torch.inference_mode():
            return self.network(frames, times, mask, self.text).delta


def _tensor(values: FloatArray) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32)).unsqueeze(0)


@dataclass(frozen=True, eq=False)
class SourceParts:
    """What training hands over to be served."""

    visual: nn.Module
    model_cfg: Mapping[str, Any]
    preprocess: Preprocess
    network: IntensityNetwork
    text: Tensor
    precision: Precision
    rate: float
    card: Mapping[str, Any]


def save(folder: Path, parts: SourceParts) -> None:
    """Writes a source directory; the tower is stored in the precision it is served in."""
    dtype = torch.bfloat16 if parts.precision == "bf16" else torch.float32
    tensors = {f"visual.{k}": _stored(v, dtype) for k, v in parts.visual.state_dict().items()}
    network = parts.network.state_dict().items()
    tensors |= {f"network.{k}": _stored(v, torch.float32) for k, v in network}
    tensors["text"] = _stored(parts.text, torch.float32)
    cfg = parts.model_cfg
    settings = {
        "name": NAME,
        "version": VERSION,
        "tower": {k: cfg[k] for k in ("embed_dim", "vision_cfg", "quick_gelu")},
        "preprocess": {
            "size": parts.preprocess.size,
            "mean": list(parts.preprocess.mean),
            "std": list(parts.preprocess.std),
        },
        "precision": parts.precision,
        "rate": parts.rate,
        "network": parts.network.config.to_json(),
        "card": dict(parts.card),
    }
    FILES.write(folder, settings, tensors)


def load(folder: Path | None, device: str = "cpu") -> ClipSource:
    """A source directory, checked; ``device`` a setting as for ``encoder.device_of``. Raises
    :class:`WeightsError` naming the file at fault."""
    if folder is None:
        raise SourceError(f"the {NAME} source has weights: name the directory that holds them")
    device = device_of(device)
    settings, tensors = FILES.read(folder)
    with FILES.reading(folder):
        network = IntensityNetwork(NetworkConfig.from_json(settings["network"]))
        seen = settings["preprocess"]
        preprocess = Preprocess(seen["size"], tuple(seen["mean"]), tuple(seen["std"]))
        tower = {**settings["tower"], "text_cfg": _NO_TEXT}
        precision: Precision = settings["precision"]
        rate = float(settings["rate"])
        saved_for, card = str(settings["version"]), settings["card"]
    visual = cast(nn.Module, cast(Any, build(tower, folder / FILES.settings)).visual)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    visual = visual.to(device=device, dtype=dtype)
    FILES.fill(visual, tensors, folder, "visual.")
    FILES.fill(network, tensors, folder, "network.")
    with FILES.reading(folder):
        text = tensors["text"]
    weights = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    encoder_digest = hashlib.sha256(f"{weights}:encoder".encode()).hexdigest()
    digest = digest_of({"weights": weights, "curve": [SMOOTH_S, *vars(LIMITS).values()]})
    encoder = FrameEncoder(
        visual, preprocess, network.config.embed_dim, encoder_digest, precision, device, rate
    )
    identity = SourceIdentity(NAME, VERSION, digest)
    return ClipSource(identity, encoder, network, text, card, saved_for)


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
