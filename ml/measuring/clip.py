"""One clip becomes one measurement: ``measure_clip``, whatever the file holds."""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import ClipUnusable, WrongUse
from ml.measuring import (
    completeness,
    face,
    framing,
    geometry,
    loops,
    orientation,
    quality,
    shown,
    stillness,
    subject,
    video,
)
from ml.measuring.measurement import CropEncoder, Embeddings, Measurement, series
from ml.measuring.orientation import Orientation
from ml.measuring.video import Announced, Decoding, Limits
from vocabulary.expressions import EXPRESSIONS, is_expression
from vocabulary.reasons import UnusableReason

Picture = npt.NDArray[np.uint8]

MEASURER = "mimia-face-mesh"
MEASURER_VERSION = "4"
SIGNAL_DECIMALS = 7
TIME_DECIMALS = 6
_LIBRARIES = ("mediapipe", "av", "opencv-contrib-python", "numpy")


@cache
def measurer_digest(encoder: str | None = None) -> str:
    """SHA-256 (hex) of all that decides a measurement: the constants, the libraries and, for a
    source that reads embeddings, the digest of its ``encoder``."""
    decides = {
        "name": MEASURER,
        "version": MEASURER_VERSION,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "pairs": {**geometry.PAIRS, **geometry.CORNER_PAIRS},
        "iris": geometry.IRIS_CENTRES,
        "aspect": geometry.TABLE_ASPECT,
        "mesh": (face.MAX_FACES, face.MIN_CONFIDENCE, "static", "refined"),
        "eyes": geometry.EYE_CORNERS,
        "orientation": _limits(orientation),
        "stillness": _limits(stillness),
        "loops": _limits(loops),
        "framing": _limits(framing),
        "subject": (subject.MAX_STEP, subject.MAX_GROWTH),
        "picture": (shown.LONGEST_SIDE, video.FORMATS),
        "gates": _limits(quality),
        "completeness": _limits(completeness),
        "encoder": encoder,
        "decimals": (SIGNAL_DECIMALS, TIME_DECIMALS),
    }
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _limits(module: ModuleType) -> dict[str, Any]:
    """A module's constants; those that begin with an underscore decide nothing."""
    return {n: v for n, v in vars(module).items() if n.isupper() and not n.startswith("_")}


def measurer(encoder: str | None = None) -> dict[str, str]:
    """Who measures; ``encoder`` is there only for a measurement that holds embeddings."""
    digest = measurer_digest(encoder)
    found = {"name": MEASURER, "version": MEASURER_VERSION, "digest": digest}
    return found if encoder is None else {**found, "encoder": encoder}


def measure_clip(
    path: Path,
    *,
    expression: str,
    announced: Announced | None = None,
    limits: Limits | None = None,
    cues: Iterable[float] | None = None,
    encoder: CropEncoder | None = None,
) -> Measurement:
    """Measures one clip. A bad clip is a result (state ``unusable`` with its reason).

    ``cues``: seconds in the clip at which the person was prompted to make the expression.
    ``encoder``: given where the bundle's intensity source reads embeddings. Raises
    :class:`WrongUse` for an unknown expression or a path that is no file, and only our own faults
    beyond that, never for what a file holds.
    """
    if not is_expression(expression):
        raise WrongUse(f"no expression {expression!r}; one of: {', '.join(EXPRESSIONS)}")
    if not path.is_file():
        raise WrongUse(f"no such file: {path}")
    limits = limits or Limits()
    take = _Take(encoder)
    begin = perf_counter()
    reason, detail = None, ""
    prompts = None if cues is None else tuple(float(cue) for cue in cues if math.isfinite(cue))
    try:
        completeness.check_size(path, announced)
        take.watch(path, limits)
        completeness.check(path, take.decoding, announced, prompts or ())
    except ClipUnusable as unusable:
        reason, detail = unusable.reason, unusable.detail
    return take.measurement(expression, reason, detail, prompts, limits, begin)


@dataclass
class _Take:
    """One pass over one clip: frames in, times, landmarks, light and stage timings out."""

    encoder: CropEncoder | None = None
    orientation: Orientation = field(default_factory=Orientation)
    decoding: Decoding = field(default_factory=Decoding)
    watcher: quality.Watcher = field(default_factory=quality.Watcher)
    times: list[float] = field(default_factory=list)
    aspects: list[float] = field(default_factory=list)
    faces: list[face.Faces] = field(default_factory=list)
    crops: list[tuple[int, list[Picture]]] = field(default_factory=list)
    mirrored: bool = False
    decode_s: float = 0.0
    mesh_s: float = 0.0

    def watch(self, path: Path, limits: Limits) -> None:
        before = perf_counter()
        tracker = face.tracker()
        self.orientation = orientation.of_clip(path, limits)
        self.mesh_s = perf_counter() - before
        before = perf_counter()
        for frame in video.frames(path, limits, self.decoding):
            picture = self.orientation.upright(frame.stored)
            decoded = perf_counter()
            faces = tracker.find(picture)
            self.mesh_s += perf_counter() - decoded
            self.decode_s += decoded - before
            self.watcher.see(frame.t, picture, faces)
            if self.encoder is not None and faces.found:
                self._keep_crops(frame.t, picture, faces, self.encoder.rate)
            self.times.append(frame.t)
            self.aspects.append(picture.shape[1] / picture.shape[0])
            self.faces.append(faces)
            self.mirrored = frame.mirrored
            before = perf_counter()
        self.decode_s += perf_counter() - before

    def _keep_crops(self, t: float, picture: Picture, faces: face.Faces, rate: float) -> None:
        """Of the first frame at or after each point of the encoder's grid."""
        last = self.times[self.crops[-1][0]] if self.crops else None
        if last is None or int(t * rate) > int(last * rate):
            found = [face.aligned_crop(picture, landmarks) for landmarks in faces.found]
            self.crops.append((len(self.times), found))

    def seen(self) -> quality.Seen:
        """Whose face it is, once every frame was looked at."""
        aspects = np.array(self.aspects)
        squared = [
            [geometry.square(one[None], aspect)[0] for one in faces.found]
            for faces, aspect in zip(self.faces, self.aspects, strict=True)
        ]
        whose = subject.follow(squared, self.aspects)
        blank = np.full((face.LANDMARKS, 3), np.nan)
        points = [
            blank if which is None else faces[which]
            for faces, which in zip(squared, whose, strict=True)
        ]
        return quality.Seen(
            times=np.array(self.times),
            points=np.stack(points) if points else np.empty((0, face.LANDMARKS, 3)),
            aspects=aspects,
            whose=whose,
            widths=[[face.width(one) for one in faces.found] for faces in self.faces],
        )

    def _embeddings(self, whose: Sequence[int | None]) -> Embeddings | None:
        kept = [
            (self.times[number], found[which])
            for number, found in self.crops
            if (which := whose[number]) is not None
        ]
        if self.encoder is None or not kept:
            return None
        vectors = self.encoder.encode(np.stack([crop for _, crop in kept]))
        return Embeddings(
            timestamps=tuple(round(t, TIME_DECIMALS) for t, _ in kept),
            vectors=tuple(tuple(float(x) for x in vector) for vector in vectors),
            digest=self.encoder.digest,
        )

    def measurement(
        self,
        expression: str,
        reason: UnusableReason | None,
        detail: str,
        cues: tuple[float, ...] | None,
        limits: Limits,
        begin: float,
    ) -> Measurement:
        geometry_begin = perf_counter()
        seen = self.seen()
        signals, corners = geometry.signals(seen.points), geometry.corners(seen.points)
        if self.mirrored:
            signals = signals[:, geometry.exchanged(geometry.SIGNALS)]
            corners = corners[:, geometry.exchanged(geometry.CORNERS)]
        capture = quality.summarise(self.watcher, seen, self.decoding, self.orientation)
        if reason is None:
            try:
                quality.check(capture, limits.min_seconds)
            except ClipUnusable as unusable:
                reason, detail = unusable.reason, unusable.detail
        end = perf_counter()
        embeddings = self._embeddings(seen.whose) if reason is None else None
        return Measurement(
            expression=expression,
            state="measured" if reason is None else "unusable",
            reason=reason,
            detail=detail,
            quality=capture,
            timestamps=tuple(np.round(seen.times, TIME_DECIMALS).tolist()),
            signals=_columns(signals, geometry.SIGNALS),
            corners=_columns(corners, geometry.CORNERS),
            stats=_stats(signals),
            embeddings=embeddings,
            cues=cues,
            timing={
                "decode_s": round(self.decode_s, 6),
                "mesh_s": round(self.mesh_s, 6),
                "geometry_s": round(end - geometry_begin, 6),
                "embed_s": round(perf_counter() - end, 6),
                "total_s": round(perf_counter() - begin, 6),
            },
            measurer=measurer(self.encoder.digest if self.encoder else None),
        )


def _columns(
    values: npt.NDArray[np.floating[Any]], names: Sequence[str]
) -> dict[str, tuple[float | None, ...]]:
    return {name: series(values[:, i], SIGNAL_DECIMALS) for i, name in enumerate(names)}


def _stats(signals: npt.NDArray[np.floating[Any]]) -> dict[str, float]:
    """Plain numbers to ten decimals (variances are as small as 1e-6); empty without a face."""
    named: dict[str, float] = {}
    for name, (mean, variance) in geometry.stats(signals).items():
        if math.isfinite(mean):
            named |= {f"{name}_mean": round(mean, 10), f"{name}_var": round(variance, 10)}
    return named
