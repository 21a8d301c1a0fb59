"""A bundle that is served on a CLIP source: a tiny image tower with random weights.

It runs through every line that a pretrained CLIP runs through; its numbers mean nothing.
"""

from pathlib import Path
from typing import Any, cast

import torch

from ml.intensity import clip_source
from ml.intensity.network import IntensityNetwork
from ml.intensity.network_config import NetworkConfig
from ml.intensity.weights import Preprocess, build
from ml.scoring.bundle import default_bundle_path, load, save

TOWER: dict[str, Any] = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 16, "width": 8, "heads": 1, "layers": 1},
}
EXPRESSIONS = ("smile", "disgust", "surprise")


def write_source(folder: Path, seed: int = 0) -> Path:
    """A CLIP source's directory; another seed is another source."""
    torch.manual_seed(seed)
    network = NetworkConfig(
        embed_dim=16, expressions=EXPRESSIONS, temporal_width=16, temporal_heads=2, positions=32
    )
    parts = clip_source.SourceParts(
        visual=cast(Any, build(TOWER, folder)).visual,
        model_cfg=TOWER,
        preprocess=Preprocess(32, (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)),
        network=IntensityNetwork(network),
        text=torch.randn(len(network.classes), 16),
        precision="fp32",
        rate=5.0,
        card={"what": "random weights"},
    )
    clip_source.save(folder, parts)
    return folder


def write_clip_bundle(
    folder: Path, seed: int = 0, *, source: Path | None = None, **metadata: Any
) -> Path:
    """The model that ships, served on a tiny CLIP source (``source``, or a new one) instead of the
    geometric one."""
    source = source or write_source(folder.with_name(f"{folder.name}-source"), seed)
    shipped = load(default_bundle_path())
    named = {
        **shipped.metadata,
        "intensity_source": "clip",
        "intensity_source_digest": clip_source.load(source).identity.digest,
        **metadata,
    }
    save(
        folder,
        name=f"tiny-clip-{seed}",
        version="1",
        metadata=named,
        scorer=shipped.scorer,
        norms=shipped.norms,
        card=shipped.card,
        intensity=source,
    )
    return folder
