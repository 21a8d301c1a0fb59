"""The one interface of every intensity source: measured clip + the person's own rest → curve.

Each later stage (signs, LSTM, fusion) reads :class:`IntensityCurve` and nothing of what made it,
so the house runs with CLIP weights present or absent. A curve carries the identity of its source,
and a model is trained and served on one source, never on a mixture (:func:`one_source`).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from ml.errors import SourceError
from ml.measuring.measurement import CropEncoder
from vocabulary.assessment import SourceName

FloatArray = npt.NDArray[np.floating[Any]]
T = TypeVar("T")


class Material(StrEnum):
    """What a source reads of a measured clip."""

    SIGNALS = "signals"
    EMBEDDINGS = "embeddings"
    BLENDSHAPES = "blendshapes"


class RestReference(StrEnum):
    """What counted as the face at rest when a curve was made."""

    REST_CLIP = "rest-clip"
    SAME_CLIP = "same-clip"  # no usable rest clip: the calmest part of the clip itself


@dataclass(frozen=True)
class SourceIdentity:
    """Which source made a curve: shown in every output, compared before a model is applied.

    ``digest`` is the SHA-256 of everything that decides the curve (constants, weights): two
    sources with one name and different digests are different sources. ``parts``, for a source whose
    expressions do not depend on each other: by expression, the digest of what decides its curves.
    A model needs no more than those of its own expressions to stay as they were
    (:meth:`still_makes`). ``earlier``: digests of before there were parts, each with the
    expressions whose curves are made otherwise since.
    """

    name: str
    version: str
    digest: str
    parts: Mapping[str, str] = field(default_factory=dict, compare=False)
    earlier: Mapping[str, frozenset[str]] = field(default_factory=dict, compare=False)

    def still_makes(self, trained: "SourceIdentity", expressions: Iterable[str]) -> bool:
        """Whether these expressions' curves are made as by ``trained``, which a model was trained
        on; what was added or changed beside them does not count."""
        same_rule = (self.name, self.version) == (trained.name, trained.version)
        if not trained.parts:
            changed = self.earlier.get(trained.digest)
            still = changed is not None and changed.isdisjoint(expressions)
            return self == trained or (same_rule and still)
        return same_rule and all(
            e in self.parts and self.parts[e] == trained.parts.get(e) for e in expressions
        )

    def to_json(self) -> SourceName:
        return {"name": self.name, "version": self.version, "digest": self.digest}


@dataclass(frozen=True, eq=False)
class ClipMaterial:
    """What measuring one clip left behind, as far as intensity needs it.

    ``timestamps`` (T,) seconds from the start of the clip, strictly increasing.
    ``signals`` (T, 7) in the order of ``ml.measuring.geometry``, NaN rows where no face was found;
    ``corners`` (T, 2) the corners of the mouth likewise, None where they were not measured.
    ``embedding_timestamps`` (E,) seconds and ``embeddings`` (E, D) float32: image-encoder output
    (before the temporal transformer) of the frames that were encoded, often fewer than T; both
    None unless the clip was measured for the CLIP source.
    ``embeddings_by`` is the digest of the encoder that made the embeddings.
    ``blendshape_timestamps`` (B,) seconds and ``blendshapes`` (B, 52) in the order of
    ``ml.measuring.blendshapes``, None unless there was a model for them.
    """

    expression: str
    timestamps: FloatArray
    signals: FloatArray | None = None
    corners: FloatArray | None = None
    embedding_timestamps: FloatArray | None = None
    embeddings: FloatArray | None = None
    embeddings_by: str | None = None
    blendshape_timestamps: FloatArray | None = None
    blendshapes: FloatArray | None = None
    _work: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def of(self, expression: str) -> "ClipMaterial":
        """The same clip as one of another expression; what was prepared of it is shared."""
        other = replace(self, expression=expression)
        object.__setattr__(other, "_work", self._work)
        return other

    def prepared(self, name: str, make: Callable[[], T]) -> T:
        """What a source makes of the clip whatever its expression, made once."""
        if name not in self._work:
            self._work[name] = make()
        return cast(T, self._work[name])

    def has(self, material: Material) -> bool:
        """True when this clip holds at least one row of that material."""
        rows = {
            Material.SIGNALS: self.signals,
            Material.EMBEDDINGS: self.embeddings,
            Material.BLENDSHAPES: self.blendshapes,
        }[material]
        return rows is not None and len(rows) > 0 and bool(np.isfinite(rows).any())


@dataclass(frozen=True, eq=False)
class IntensityCurve:
    """How strongly the clip's expression was shown over time, 0 = the person's own rest.

    ``t`` (N,) seconds at the video's own timestamps; ``intensity`` (N,) 0 or above, NaN where the
    source could not see the face. N is the number of frames the source looked at. What 1 means is
    the source's own: the geometric one counts the median person's movement as 1 and goes beyond,
    the CLIP one saturates at 1. Hence no model mixes sources. ``smoothed_s`` standard deviation
    of the source's smoothing in seconds: who measures times on the curve takes its width off.
    """

    expression: str
    t: FloatArray
    intensity: FloatArray
    source: SourceIdentity
    reference: RestReference
    smoothed_s: float = 0.0

    def __post_init__(self) -> None:
        if self.t.shape != self.intensity.shape or self.t.ndim != 1:
            sizes = f"{self.t.shape} times and {self.intensity.shape} values"
            raise ValueError(f"curve of {self.expression}: {sizes}")


@runtime_checkable
class IntensitySource(Protocol):
    """Makes intensity curves from measured clips. Pure: no files, no video, no state."""

    @property
    def identity(self) -> SourceIdentity: ...

    @property
    def material(self) -> Material:
        """What :class:`ClipMaterial` must hold for this source."""
        ...

    @property
    def encoder(self) -> CropEncoder | None:
        """What looks at a clip's frames while it is measured; None where landmarks will do."""
        ...

    @property
    def saved_for(self) -> str:
        """The version of the curve's rule that its weights were saved for."""
        ...

    def knows(self, expression: str) -> bool:
        """Whether it can tell how strongly this expression is shown."""
        ...

    def curve(self, clip: ClipMaterial, rest: ClipMaterial | None) -> IntensityCurve:
        """Intensity of ``clip.expression`` relative to ``rest``, the same person's rest clip.

        Without a rest clip (missing or unusable) the calmest part of the clip itself stands in,
        and the curve's ``reference`` says so. Of a rest clip itself the curve is that of "any
        expression", near 0 throughout. Raises ``SourceError`` when the clip was not measured
        for this source (see :func:`need`).
        """
        ...


def need(source: SourceIdentity, clip: ClipMaterial, material: Material) -> None:
    """Raises ``SourceError`` when ``clip`` was not measured for ``source``: a caller's fault."""
    if not clip.has(material):
        raise SourceError(
            f"the {source.name} source needs {material.value} of the clip {clip.expression!r},"
            f" which was measured without them; measure it again for this source"
        )


def one_source(curves: Iterable[IntensityCurve]) -> SourceIdentity | None:
    """The source all curves share, None for no curves; raises :class:`SourceError` otherwise."""
    found = {curve.source for curve in curves}
    if len(found) > 1:
        names = ", ".join(sorted(f"{s.name} {s.version} ({s.digest[:8]})" for s in found))
        raise SourceError(f"curves of different intensity sources cannot be mixed: {names}")
    return next(iter(found), None)


def digest_of(constants: Mapping[str, object]) -> str:
    """SHA-256 (hex) of the canonical JSON of what decides a source's curves."""
    canonical = json.dumps(constants, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
