"""A CLIP small enough to train in a test, with the real tokenizer, and moving squares as faces.

The tiny cohort needs no face finder: its examples are made of coloured pictures in which a bar
grows with the intensity, one colour per expression.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.intensity.network_config import NetworkConfig
from ml.intensity.weights import build, save
from ml.torch_compat import prepare_torchvision
from ml.training.clip_source.examples import Example, Pair

prepare_torchvision()  # before any test module imports open_clip

TINY: dict[str, Any] = {
    "embed_dim": 32,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8, "head_width": 32},
    "text_cfg": {
        "context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2,
    },
}  # fmt: skip
PREPROCESS = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}
NETWORK = NetworkConfig(
    embed_dim=32,
    expressions=("smile", "surprise"),
    temporal_width=32,
    temporal_heads=4,
    positions=64,
    temperature=0.1,
)


@pytest.fixture
def tiny_config() -> dict[str, Any]:
    return {"model_cfg": copy.deepcopy(TINY), "preprocess_cfg": dict(PREPROCESS)}


@pytest.fixture(scope="session")
def saved_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "tiny"
    torch.manual_seed(1)
    save(folder, build(TINY, folder), {"model_cfg": TINY, "preprocess_cfg": PREPROCESS}, "tiny/x")
    return folder


@pytest.fixture
def tiny_weights(saved_tiny: Path, tmp_path: Path) -> Path:
    """A weights directory of this test's own, free to be damaged."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    for file in saved_tiny.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def picture_pairs(people: int, seed: int, frames: int = 24) -> list[Pair]:
    """Drawn pictures: a bar whose length is the intensity, its colour the expression."""
    rng = np.random.default_rng(seed)
    pairs = []
    for person in range(people):
        tone = rng.uniform(60, 180, 3)
        rest = _example(f"p{person}", "rest", np.zeros(frames), tone, rng)
        for expression in NETWORK.expressions:
            curve = rng.uniform(0.3, 1.5) * np.sin(np.linspace(0, np.pi * 2, frames)) ** 2
            pairs.append(Pair(_example(f"p{person}", expression, curve, tone, rng), rest))
        pairs.append(Pair(rest, rest))
    return pairs


def _example(
    subject: str, expression: str, curve: Any, tone: Any, rng: np.random.Generator
) -> Example:
    frames = np.empty((len(curve), 32, 32, 3), np.float64)
    frames[:] = tone
    channel = 0 if expression == "smile" else 2
    for frame, value in zip(frames, curve, strict=True):
        length = round(16 * float(value))
        frame[20:28, 4 : 4 + length] = 0
        frame[20:28, 4 : 4 + length, channel] = 255
    frames += rng.normal(0, 4, frames.shape)
    times = (np.arange(len(curve)) / 10).astype(np.float32)
    pictures = frames.clip(0, 255).astype(np.uint8)
    return Example(subject, expression, times, pictures, np.asarray(curve, np.float32))
