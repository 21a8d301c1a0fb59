"""A CLIP small enough to train on drawn faces in minutes, from random weights.

It exercises the very code that a pretrained CLIP runs through and shows that this code learns.
It has seen drawn faces only and is of no use for people: it never ships.
"""

from pathlib import Path
from typing import Any

import torch

from ml.intensity.network_config import NetworkConfig
from ml.intensity.weights import WEIGHTS_FILE, build, save
from ml.training.clip_source.losses import LossWeights
from ml.training.clip_source.run_settings import Rates, TrainConfig
from ml.training.clip_source.train import train
from vocabulary.expressions import Expression

VERSION = 2  # of the settings below: another run is another folder

# The text tower is real but small; the image tower is CLIP's smallest kind, a residual network,
# because a vision transformer needs far more pictures to learn from nothing.
ARCHITECTURE: dict[str, Any] = {
    "embed_dim": 64,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "head_width": 32},
    "text_cfg": {
        "context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2,
    },
}  # fmt: skip
PREPROCESS = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}


def train_tiny_clip(
    cohort: Path, out: Path, cache: Path, *, expressions: tuple[str, ...], epochs: int, seed: int
) -> Path:
    """Trains on the cohort's people (or goes on with it); returns the source's directory."""
    weights = out / "random-weights"
    if not (weights / WEIGHTS_FILE).is_file():
        torch.manual_seed(seed)
        config = {"model_cfg": ARCHITECTURE, "preprocess_cfg": PREPROCESS}
        save(weights, build(ARCHITECTURE, weights), config, "random/phantom-tiny")
    settings = TrainConfig(
        cohort=str(cohort),
        weights=f"local-dir:{weights}",
        network=NetworkConfig(
            embed_dim=ARCHITECTURE["embed_dim"],
            expressions=tuple(e for e in expressions if e != Expression.REST),
            temporal_width=64,
            temporal_heads=4,
            temperature=0.05,
            initial_tau=0.1,
        ),
        loss=LossWeights(expression=0.1, intensity=1.0, shape=0.3, rest=0.2, smoothness=0.0),
        rates=Rates(image=2e-3, temporal=2e-3, prompt=2e-3),
        image_blocks=-1,
        optimiser="adamw",
        weight_decay=0.02,
        epochs=epochs,
        batch=8,
        frames=24,
        rest_frames=12,
        light=0.4,
        noise=14.0,
        flip=True,
        precision="fp32",
        splits=("train", "test"),  # the held-out people are another cohort
        watch=(),
        seed=seed,
    )
    return train(settings, out / "run", cache)
