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
from ml.measuring.clip import measure_clip
from ml.measuring.measurement import Measurement

Picture = npt.NDArray[np.uint8]
MILLISECOND = Fraction(1, 1000)
#: A negative speed is kept; libvpx takes a positive one for a wish and lowers the pictures' quality
#: where the machine is busy, so that one film is measured otherwise from run to run.
VP8 = {"deadline": "realtime", "cpu-used": "-8", "b": "4M"}


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
                quick = VP8 if codec == "libvpx" else {}
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


def write_resized(path: Path, film: Sequence[Picture], fps: float) -> Path:
    """VP8 whose pictures change size, as a browser's recorder writes it: one track, a new encoder
    from the first picture of the new size on."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libvpx", rate=int(fps))
        stream.height, stream.width = film[0].shape[:2]
        encoder, shape = None, None
        for number, picture in enumerate(film):
            if picture.shape != shape:
                if encoder is not None:
                    _mux(output, stream, encoder.encode(None))
                shape = picture.shape
                encoder = av.CodecContext.create("libvpx", "w")
                encoder.height, encoder.width = shape[:2]
                encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 1000)
                encoder.options = VP8 | {"lag-in-frames": "0"}
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(1000 * number / fps), Fraction(1, 1000)
            assert encoder is not None
            _mux(output, stream, encoder.encode(frame))
        assert encoder is not None
        _mux(output, stream, encoder.encode(None))
    return path


def _mux(
    output: av.container.OutputContainer, stream: av.VideoStream, packets: list[av.Packet]
) -> None:
    for packet in packets:
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        output.mux(packet)


def even_times(seconds: float, fps: float = 30.0) -> list[float]:
    return [round(i / fps, 3) for i in range(round(seconds * fps))]


@pytest.fixture(scope="session")
def portrait() -> Picture:
    """(480, 640, 3): scikit-image's picture of Eileen Collins (NASA, public domain)."""
    return np.ascontiguousarray(cv2.resize(data.astronaut()[:240, 64:384], (640, 480)))


@pytest.fixture(scope="session")
def close_up(portrait: Picture) -> Picture:
    """(480, 480, 3): the same face, larger."""
    return np.ascontiguousarray(cv2.resize(portrait[20:440, 110:530], (480, 480)))


@pytest.fixture(scope="session")
def portrait_film(portrait: Picture) -> list[Picture]:
    """1.5 s at 30 per second of the portrait in a hand-held, slightly noisy camera: a real face
    that does not move. (Held quite still, an encoder freezes its own artefacts into the face.)"""
    rng = np.random.default_rng(0)
    height, width = portrait.shape[:2]
    film = []
    for t in even_times(1.5):
        zoom = 1 + 0.02 * np.sin(2 * t)
        held = np.array([[zoom, 0, 8 * np.sin(1.3 * t)], [0, zoom, 6 * np.cos(1.7 * t)]])
        seen = cv2.warpAffine(portrait, held, (width, height), borderMode=cv2.BORDER_REFLECT)
        film.append(np.clip(seen + rng.normal(0, 2, seen.shape), 0, 255).astype(np.uint8))
    return film


@pytest.fixture(scope="session")
def portrait_clip(tmp_path_factory: pytest.TempPathFactory, portrait_film: list[Picture]) -> Path:
    path = tmp_path_factory.mktemp("clips") / "portrait.mp4"
    return write_video(path, portrait_film, even_times(1.5))


# Enough for every sign, and a third of the pictures to draw.
SMALL_CAMERA = phantom.Capture(width=480, height=360, fps=20.0)

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
        film = capture or SMALL_CAMERA
        plan = phantom.Program(**{"repetitions": 2, **program})  # type: ignore[arg-type]
        performance = phantom.perform(
            expression, seed=seed, seconds=seconds, program=plan, capture=film, identity=identity
        )
        key = f"{expression}-{seed}-{seconds}-{plan}-{film}-{identity}"
        if key not in known:
            path = folder / f"{len(known)}.mp4"
            phantom.write_clip(path, performance)
            measured = measure_clip(path, expression=expression, cues=performance.cues)
            known[key] = (measured, performance)
        return known[key]

    return draw
