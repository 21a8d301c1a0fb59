"""Writes one film in the many ways that people's devices write theirs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Change = Callable[[Picture], Picture]

#: Of the sensor: standard deviation in grey levels.
NOISE = 2.0
_CLOCK = Fraction(1, 90_000)
#: A negative speed is kept; a positive one libvpx lowers where the machine is busy.
VP8 = {"deadline": "realtime", "cpu-used": "-8", "b": "4M"}


@dataclass(frozen=True, eq=False)
class Film:
    """``pictures`` (H, W, 3) uint8, upright, one per entry of ``times`` (s)."""

    pictures: Sequence[Picture]
    times: Sequence[float]

    def changed(self, change: Change) -> "Film":
        return replace(self, pictures=[change(one) for one in self.pictures])

    def every(self, step: int) -> "Film":
        return Film(self.pictures[::step], self.times[::step])


@dataclass(frozen=True, eq=False)
class Scene:
    """A performance before any camera: ``pictures`` (960, 1280, 3) uint8 without noise, at
    ``rate`` a second. ``noise``: which noise the sensors that look at it have."""

    pictures: Sequence[Picture]
    rate: float
    noise: int = 0

    def filmed(
        self, width: int = 640, height: int = 480, *, tilt: float = 0.0, again: int = 0
    ) -> Film:
        """By a camera of so many pixels (square or not), held at a slant of ``tilt`` degrees,
        counter-clockwise; ``again`` another number for other noise of the sensor.

        Each picture is taken from the large one at once, so that no camera's picture is smoother
        than another's."""
        rng = np.random.default_rng(self.noise + again)
        pictures = [_noisy(_taken(one, width, height, tilt), rng) for one in self.pictures]
        return Film(pictures, [number / self.rate for number in range(len(pictures))])


def _taken(scene: Picture, width: int, height: int, tilt: float) -> Picture:
    if tilt:
        size = scene.shape[1::-1]
        turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), tilt, 1.0)
        border = cv2.BORDER_REPLICATE
        turned = cv2.warpAffine(scene, turn, size, flags=cv2.INTER_CUBIC, borderMode=border)
        scene = np.asarray(turned, np.uint8)
    smaller = width * height < scene.shape[0] * scene.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(scene, (width, height), interpolation=method), np.uint8)


def _noisy(picture: Picture, rng: np.random.Generator) -> Picture:
    noise = np.zeros(picture.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    # Each of the three said by itself: a scalar reaches the first channel only.
    cv2.randn(noise, np.zeros(3), np.full(3, NOISE))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Encoding:
    """``rate``: frames a second that the stream claims; where ``clock`` is None the pictures are
    given whole steps of it. ``aspect``: of one pixel; ``matrix``: a, b, c, d of the track header.
    """

    codec: str = "libx264"
    options: dict[str, str] | None = None
    pixels: str = "yuv420p"
    rate: int = 30
    clock: Fraction | None = _CLOCK
    aspect: Fraction | None = None
    bits: int | None = None
    matrix: tuple[int, int, int, int] | None = None


def write(path: Path, film: Film, how: Encoding) -> Path:
    with av.open(str(path), "w") as output:
        made = output.add_stream(how.codec, rate=how.rate, options=_options(how))
        stream = cast(av.VideoStream, made)
        stream.height, stream.width = film.pictures[0].shape[:2]
        stream.pix_fmt = how.pixels
        if how.bits:
            stream.bit_rate = how.bits
        if how.aspect:
            stream.codec_context.sample_aspect_ratio = how.aspect
        clock = how.clock or Fraction(1, how.rate)
        stream.codec_context.time_base = clock
        for picture, t in zip(film.pictures, film.times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(t / clock), clock
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    if how.matrix:
        set_matrix(path, how.matrix)
    return path


def _options(how: Encoding) -> dict[str, str]:
    usual = {
        "libx264": {"crf": "18", "preset": "veryfast"},
        "libvpx": VP8,
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "-8", "crf": "20", "b": "0"},
    }
    return usual.get(how.codec, {}) | (how.options or {})


def write_resized(path: Path, films: Sequence[Film]) -> Path:
    """One VP8 track whose pictures change size from film to film, as a browser's recorder goes on
    when a phone is turned: a new encoder from the first picture of the new size on."""
    millisecond = Fraction(1, 1000)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libvpx", rate=30)
        stream.height, stream.width = films[0].pictures[0].shape[:2]
        for film in films:
            encoder: Any = av.CodecContext.create("libvpx", "w")
            encoder.height, encoder.width = film.pictures[0].shape[:2]
            encoder.pix_fmt, encoder.time_base = "yuv420p", millisecond
            encoder.options = VP8 | {"lag-in-frames": "0"}
            for packet in _packets(encoder, film, millisecond):
                packet.stream, packet.time_base = stream, millisecond
                output.mux(packet)
    return path


def _packets(encoder: Any, film: Film, clock: Fraction) -> Iterator[Any]:
    for picture, t in zip(film.pictures, film.times, strict=True):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(t / clock), clock
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Writes a, b, c, d of the first track header's matrix (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    head = data.index(b"tkhd")
    at = head + 4 + (52 if data[head + 4] else 40)
    a, b, c, d = (int(one * 65536).to_bytes(4, "big", signed=True) for one in matrix)
    data[at : at + 20] = a + b + bytes(4) + c + d
    path.write_bytes(data)


def quarter_turns(turns: int) -> Change:
    return lambda one: np.ascontiguousarray(np.rot90(one, turns))


def mirror(one: Picture) -> Picture:
    return np.ascontiguousarray(one[:, ::-1])


def upright_format(one: Picture) -> Picture:
    """The middle of a wide picture on a high one: what the same phone sees when it is turned."""
    height, width = one.shape[:2]
    side = (width - height) // 2
    middle = one[:, side : width - side]
    return np.asarray(cv2.copyMakeBorder(middle, side, side, 0, 0, cv2.BORDER_REPLICATE), np.uint8)
