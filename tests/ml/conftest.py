"""Clips for the measuring tests, written for real: a public-domain portrait, and drawn faces."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import data

from ml import phantom
from ml.measurement import Measurement
from ml.pipeline import measure_clip

Picture = npt.NDArray[np.uint8]
MILLISECOND = Fraction(1, 1000)


def write_video(
    path: Path,
    pictures: Iterable[Picture],
    times: Sequence[float],
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Encodes pictures (H, W, 3) at exactly these times (s, whole milliseconds)."""
    with av.open(str(path), "w") as output:
        stream = None
        for picture, t in zip(pictures, times, strict=True):
            if stream is None:
                quick = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {}
                stream = output.add_stream(codec, rate=30, options=quick | (options or {}))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = MILLISECOND
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(t * 1000), MILLISECOND
            output.mux(stream.encode(frame))
        if stream is not None:
            output.mux(stream.encode())
    return path


def even_times(seconds: float, fps: float = 30.0) -> list[float]:
    return [round(i / fps, 3) for i in range(round(seconds * fps))]


@pytest.fixture(scope="session")
def portrait() -> Picture:
    """(480, 640, 3): scikit-image's picture of Eileen Collins (NASA, public domain)."""
    return np.ascontiguousarray(cv2.resize(data.astronaut(), (640, 640))[:480])


@pytest.fixture(scope="session")
def close_up(portrait: Picture) -> Picture:
    """(480, 480, 3): the same face, larger."""
    return np.ascontiguousarray(cv2.resize(portrait[40:300, 180:440], (480, 480)))


@pytest.fixture(scope="session")
def portrait_clip(tmp_path_factory: pytest.TempPathFactory, portrait: Picture) -> Path:
    """1.5 s of the portrait with camera noise: a real face that does not move."""
    rng = np.random.default_rng(0)
    times = even_times(1.5)
    noisy = (
        np.clip(portrait + rng.normal(0, 2, portrait.shape), 0, 255).astype(np.uint8) for _ in times
    )
    return write_video(tmp_path_factory.mktemp("clips") / "portrait.mp4", noisy, times)


Drawn = tuple[Measurement, phantom.Performance]
Draw = Callable[..., Drawn]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """Draws, encodes and measures a phantom clip: ``drawn("smile", seed=1, amplitude=0.5)``."""
    folder = tmp_path_factory.mktemp("phantoms")
    known: dict[str, Drawn] = {}

    def draw(
        expression: str,
        *,
        seed: int = 1,
        seconds: float = 6.0,
        capture: phantom.Capture | None = None,
        identity: phantom.Identity | None = None,
        **program: float,
    ) -> Drawn:
        plan = phantom.Program(**{"repetitions": 2, **program})  # type: ignore[arg-type]
        performance = phantom.perform(
            expression, seed=seed, seconds=seconds, program=plan, capture=capture, identity=identity
        )
        key = f"{expression}-{seed}-{seconds}-{plan}-{capture}-{identity}"
        if key not in known:
            path = folder / f"{len(known)}.mp4"
            phantom.write_clip(path, performance)
            measured = measure_clip(path, expression=expression, cues=performance.cues)
            known[key] = (measured, performance)
        return known[key]

    return draw
