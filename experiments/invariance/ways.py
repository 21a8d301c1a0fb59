"""The ways in which one performance is filmed. Each is a kind that people's devices were seen to
make: how the device is held, the shape of pictures and pixels, containers, encodings, times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from experiments.invariance.films import (
    Change,
    Encoding,
    Film,
    Scene,
    mirror,
    quarter_turns,
    upright_format,
    write,
    write_resized,
)
from vocabulary.reasons import UnusableReason

Write = Callable[[Path, Scene], Path]


@dataclass(frozen=True)
class Way:
    """``suffix`` of the file; ``exchanged``: what is shown is the mirror image, so the sides are
    too; ``reason``: why it must not be measured, None where it must."""

    name: str
    suffix: str
    write: Write
    exchanged: bool = False
    reason: UnusableReason | None = None


UPRIGHT = Way("upright", ".mp4", lambda path, scene: write(path, scene.filmed(), Encoding()))


def ways() -> Sequence[Way]:
    return [*_again(), *_held(), *_shapes(), *_containers(), *_encodings(), *_times()]


def _changed(change: Change, encoding: Encoding | None = None) -> Write:
    return lambda path, scene: write(path, scene.filmed().changed(change), encoding or Encoding())


def _encoded(encoding: Encoding) -> Write:
    return lambda path, scene: write(path, scene.filmed(), encoding)


def _tilted(degrees: float) -> Write:
    return lambda path, scene: write(path, scene.filmed(tilt=degrees), Encoding())


def _sized(width: int, height: int, aspect: Fraction | None = None) -> Write:
    quick = {"preset": "ultrafast"} if width > 1280 else None
    encoding = Encoding(aspect=aspect, options=quick)
    return lambda path, scene: write(path, scene.filmed(width, height), encoding)


def _again() -> list[Way]:
    """Upright once more, with other noise of the sensor: what is the mesh's own."""

    def filmed(again: int) -> Write:
        return lambda path, scene: write(path, scene.filmed(again=again), Encoding())

    return [Way("filmed again", ".mp4", filmed(again)) for again in range(1, 2)]


#: a, b, c, d of the track header's matrix for what is stored turned by so many quarter turns.
_MATRICES = {1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}


def _held() -> list[Way]:
    found = [Way(f"tilted by {angle}°", ".mp4", _tilted(angle)) for angle in (10, 25, -25)]
    found.append(Way("tilted by 44°", ".mp4", _tilted(44), reason=UnusableReason.TILTED))
    for turns, matrix in _MATRICES.items():
        turned = quarter_turns(turns)
        name = f"turned by {90 * turns}°"
        found.append(
            Way(f"{name}, said by the file", ".mp4", _changed(turned, Encoding(matrix=matrix)))
        )
        found.append(
            Way(
                f"{name} in the pixels",
                ".webm",
                _changed(turned, Encoding("libvpx", bits=4_000_000)),
            )
        )
    mirrored = Encoding(matrix=(-1, 0, 0, 1))
    found.append(Way("mirrored, said by the file", ".mp4", _encoded(mirrored), exchanged=True))
    found.append(Way("mirrored in the pixels", ".mp4", _changed(mirror), exchanged=True))
    return found


#: Stored sizes of the scene's 4:3 with pixels of such a shape.
_OBLONG = {
    Fraction(16, 9): (360, 480),
    Fraction(4, 3): (480, 480),
    Fraction(12, 11): (586, 480),
    Fraction(3, 4): (640, 360),
}


def _shapes() -> list[Way]:
    found = []
    for aspect, size in _OBLONG.items():
        name = f"pixels of {aspect.numerator}:{aspect.denominator}"
        found.append(Way(name, ".mp4", _sized(*size, aspect)))
    for width, height in (
        (2560, 1920),
        (1280, 960),
        (480, 360),
        (320, 240),
        (240, 180),
        (160, 120),
    ):
        found.append(Way(f"{width} × {height}", ".mp4", _sized(width, height)))
    found.append(Way("size changes at half time", ".webm", _turned_at_half_time))
    return found


def _turned_at_half_time(path: Path, scene: Scene) -> Path:
    film = scene.filmed()
    half = len(film.times) // 2
    first = Film(film.pictures[:half], film.times[:half])
    second = Film(film.pictures[half:], film.times[half:])
    return write_resized(path, [first, second.changed(upright_format)])


def _containers() -> list[Way]:
    def stepped(codec: str, pixels: str = "yuv420p") -> Encoding:
        return Encoding(codec, pixels=pixels, clock=None, bits=4_000_000)

    kinds = {
        "webm, VP8": (".webm", Encoding("libvpx", bits=4_000_000)),
        "webm, VP9": (".webm", Encoding("libvpx-vp9")),
        "mkv, H.264": (".mkv", Encoding()),
        "mov, H.264": (".mov", Encoding()),
        "3gp, MPEG-4": (".3gp", stepped("mpeg4")),
        "avi, motion JPEG": (".avi", stepped("mjpeg", "yuvj420p")),
        "avi, H.264 with B-pictures": (
            ".avi",
            Encoding(options={"bf": "3", "b-adapt": "0"}, clock=None),
        ),
        "mpg, MPEG-2": (".mpg", stepped("mpeg2video")),
        "ts, H.264": (".ts", Encoding()),
    }
    return [Way(name, suffix, _encoded(how)) for name, (suffix, how) in kinds.items()]


def _encodings() -> list[Way]:
    kinds = {
        "H.264, crf 28": Encoding(options={"crf": "28"}),
        "H.264, open groups of pictures": Encoding(
            options={"bf": "3", "x264-params": "open-gop=1:keyint=15"}
        ),
        "H.264, 10 bits": Encoding(pixels="yuv420p10le"),
        "H.264, grey": Encoding(pixels="gray"),
    }
    return [Way(name, ".mp4", _encoded(how)) for name, how in kinds.items()]


def _times() -> list[Way]:
    return [
        Way("10 frames a second", ".mp4", _every(2)),
        Way("frames at uneven times", ".webm", _uneven),
        Way("half a second missing", ".webm", lambda path, scene: _gap(path, scene, 0.0, 0.5)),
        Way(
            "a gap of 3 s",
            ".webm",
            lambda path, scene: _gap(path, scene, 3.0, 0.0),
            reason=UnusableReason.TIME_GAP,
        ),
        Way("5 frames a second", ".mp4", _every(4), reason=UnusableReason.LOW_FRAME_RATE),
    ]


def _every(step: int) -> Write:
    return lambda path, scene: write(path, scene.filmed().every(step), Encoding())


def _uneven(path: Path, scene: Scene) -> Path:
    """Every third picture of four is late, as under load; none is lost."""
    film = scene.filmed()
    late = [t + (0.012 if number % 4 == 2 else 0.0) for number, t in enumerate(film.times)]
    return write(path, Film(film.pictures, late), _MILLISECONDS)


def _gap(path: Path, scene: Scene, wait: float, lost: float) -> Path:
    """At half time nothing is recorded for ``lost`` seconds, and the clock runs on for ``wait``."""
    film = scene.filmed()
    half = film.times[-1] / 2
    kept = [
        (one, t if t < half else t + wait)
        for one, t in zip(film.pictures, film.times, strict=True)
        if not half <= t < half + lost
    ]
    return write(path, Film([one for one, _ in kept], [t for _, t in kept]), _MILLISECONDS)


_MILLISECONDS = Encoding("libvpx", clock=Fraction(1, 1000), bits=4_000_000)
