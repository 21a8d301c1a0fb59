"""Throughput of the frame encoder against the bare image tower, measured in the same run.

The bare tower gets ready-made tensors and its answers are thrown away: nothing can be faster with
this model on this machine. Both run ViT-B/32 with random weights, which cost what trained ones do.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ml.intensity.encoder import FrameEncoder, frame_encoder
from ml.intensity.weights import random_clip

ARCHITECTURE = "ViT-B-32"
_CROP = 224
_NOT_MEASURED = "not measured"


def measure(frames: int = 32, rounds: int = 5) -> dict[str, Any]:
    """Frames per second of the encoder and of the bare tower, and their ratio (aim ≥ 0.9).

    ``gpu`` is "not measured" where there is none. Rounds alternate between the two so that a
    busy machine slows both; the fastest round of each counts.
    """
    crops = np.random.default_rng(0).integers(0, 256, (frames, _CROP, _CROP, 3), dtype=np.uint8)
    with torch.inference_mode():
        result: dict[str, Any] = {
            "architecture": ARCHITECTURE,
            "weights": "random",
            "frames": frames,
            "threads": torch.get_num_threads(),
            "cpu_fp32": _compare("fp32", "cpu", crops, rounds),
            "cpu_bf16": _compare("bf16", "cpu", crops, rounds),
            "gpu": _NOT_MEASURED,
        }
        if torch.cuda.is_available():
            clips = [crops] * 16
            result["gpu"] = _compare("bf16", "cuda", np.concatenate(clips), rounds)
            result["gpu"]["clips_per_second"] = result["gpu"]["encoder_fps"] / frames
            result["gpu"]["matmul_share"] = _matmul_share(result["gpu"]["encoder_fps"])
    return result


def _compare(precision: str, device: str, crops: Any, rounds: int) -> dict[str, float]:
    encoder = frame_encoder(random_clip(ARCHITECTURE), precision, device)  # type: ignore[arg-type]
    bare = _bare(encoder, len(crops))
    encoder.encode(crops[:8])
    bare()
    seconds: dict[str, list[float]] = {"bare": [], "encoder": []}
    for _ in range(rounds):
        seconds["bare"].append(_timed(bare))
        seconds["encoder"].append(_timed(lambda: encoder.encode(crops)))
    tower, ours = (len(crops) / min(seconds[name]) for name in ("bare", "encoder"))
    return {
        "tower_fps": round(tower, 2),
        "encoder_fps": round(ours, 2),
        "ratio": round(ours / tower, 3),
    }


def _bare(encoder: FrameEncoder, frames: int) -> Callable[[], None]:
    batch = 16 if encoder.device == "cpu" else 256
    dtype = torch.bfloat16 if encoder.precision == "bf16" else torch.float32
    size = encoder.preprocess.size
    images = torch.randn(batch, 3, size, size, device=encoder.device, dtype=dtype)

    def run() -> None:
        for start in range(0, frames, batch):
            encoder.visual(images[: min(batch, frames - start)])
        _settle(encoder.device)

    return run


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _settle(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _matmul_share(fps: float, flop_per_frame: float = 8.8e9) -> float:
    """Share of the GPU's measured bf16 matrix-multiplication ceiling that the encoder reaches."""
    side = 8192
    a = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    (a @ a).sum().item()
    seconds = _timed(lambda: [(a @ a) for _ in range(10)][-1].sum().item()) / 10
    return round(fps * flop_per_frame / (2 * side**3 / seconds), 3)
