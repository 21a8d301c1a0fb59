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
    blendshapes,
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
from ml.measuring.blendshapes import BlendshapeReader, Scores
from ml.measuring.grid import Grid
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
def measurer_digest(encoder: str | None = None, shapes: str | None = None) -> str:
    """SHA-256 (hex) of all that decides a measurement: the constants, the libraries and, for a
    source that reads embeddings, the digest of its ``encoder``, and that of the model of
    blendshapes (``shapes``) where there was one."""
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
    if shapes is not None:
        decides["blendshapes"] = (shapes, blendshapes.RATE)
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _limits(module: ModuleType) -> dict[str, Any]:
    """A module's constants; those that begin with an underscore decide nothing."""
    return {n: v for n, v in vars(module).items() if n.isupper() and not n.startswith("_")}


def measurer(encoder: str | None = None, shapes: str | None = None) -> dict[str, str]:
    """Who measures; ``encoder`` is there only for a measurement that holds embeddings,
    ``blendshapes`` where these were read."""
    digest = measurer_digest(encoder, shapes)
    found = {"name": MEASURER, "version": MEASURER_VERSION, "digest": digest}
    also = {"encoder": encoder, "blendshapes": shapes}
    return found | {name: value for name, value in also.items() if value is not None}


def measure_clip(
    path: Path,
    *,
    expression: str,
    announced: Announced | None = None,
    limits: Limits | None = None,
    cues: Iterable[float] | None = None,
    encoder: CropEncoder | None = None,
    shapes: BlendshapeReader | None = None,
) -> Measurement:
    """Measures one clip. A bad clip is a result (state ``unusable`` with its reason).

    ``cues``: seconds in the clip at which the person was prompted to make the expression.
    ``encoder``: given where the bundle's intensity source reads embeddings; ``shapes``: where there
    is a model of blendshapes (``ml.measuring.blendshapes.reader``). Raises
    :class:`WrongUse` for an unknown expression or a path that is no file, and only our own faults
    beyond that, never for what a file holds.
    """
    if not is_expression(expression):
        raise WrongUse(f"no expression {expression!r}; one of: {', '.join(EXPRESSIONS)}")
    if not path.is_file():
        raise WrongUse(f"no such file: {path}")
    limits = limits or Limits()
    take = _Take(encoder, shapes)
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
    shapes: BlendshapeReader | None = None
    orientation: Orientation = field(default_factory=Orientation)
    decoding: Decoding = field(default_factory=Decoding)
    watcher: quality.Watcher = field(default_factory=quality.Watcher)
    times: list[float] = field(default_factory=list)
    aspects: list[float] = field(default_factory=list)
    faces: list[face.Faces] = field(default_factory=list)
    crops: Grid[Picture] = field(default_factory=Grid)
    read: Grid[Scores | None] = field(default_factory=Grid)
    mirrored: bool = False
    decode_s: float = 0.0
    mesh_s: float = 0.0
    shapes_s: float = 0.0

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
            if faces.found:
                self._look_again(frame.t, picture, faces)
            self.times.append(frame.t)
            self.aspects.append(picture.shape[1] / picture.shape[0])
            self.faces.append(faces)
            self.mirrored = frame.mirrored
            before = perf_counter()
        self.decode_s += perf_counter() - before

    def _look_again(self, t: float, picture: Picture, faces: face.Faces) -> None:
        """Of some of the frames: the crops for the encoder, and the blendshapes."""
        if self.encoder is not None and self.crops.is_due(t, self.encoder.rate):
            self.crops.keep(len(self.times), t, _crops(picture, faces))
        if self.shapes is not None and self.read.is_due(t, self.shapes.rate):
            before = perf_counter()
            scores = [self.shapes.read(crop) for crop in _crops(picture, faces)]
            self.read.keep(len(self.times), t, scores)
            self.shapes_s += perf_counter() - before

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
        kept = self.crops.of(whose)
        if self.encoder is None or not kept:
            return None
        vectors = self.encoder.encode(np.stack([crop for _, crop in kept]))
        return _packed([t for t, _ in kept], vectors, self.encoder.digest)

    def _blendshapes(self, whose: Sequence[int | None]) -> Embeddings | None:
        kept = [(t, scores) for t, scores in self.read.of(whose) if scores is not None]
        if self.shapes is None or not kept:
            return None
        # As they are stored: what was read back is what was measured.
        vectors = np.stack([scores for _, scores in kept]).astype(np.float16)
        return _packed([t for t, _ in kept], vectors, self.shapes.digest)

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
            blendshapes=self._blendshapes(seen.whose) if reason is None else None,
            cues=cues,
            timing={
                "decode_s": round(self.decode_s, 6),
                "mesh_s": round(self.mesh_s, 6),
                "blendshapes_s": round(self.shapes_s, 6),
                "geometry_s": round(end - geometry_begin, 6),
                "embed_s": round(perf_counter() - end, 6),
                "total_s": round(perf_counter() - begin, 6),
            },
            measurer=measurer(
                self.encoder.digest if self.encoder else None,
                self.shapes.digest if self.shapes else None,
            ),
        )


def _packed(
    times: Sequence[float], vectors: npt.NDArray[np.floating[Any]], digest: str
) -> Embeddings:
    return Embeddings(
        timestamps=tuple(round(t, TIME_DECIMALS) for t in times),
        vectors=tuple(tuple(float(x) for x in vector) for vector in vectors),
        digest=digest,
    )


def _crops(picture: Picture, faces: face.Faces) -> list[Picture]:
    return [face.aligned_crop(picture, landmarks) for landmarks in faces.found]


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
