"""What measuring one clip leaves behind: a plain value that survives JSON without loss."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from ml.measuring.geometry import SIGNALS
from ml.measuring.quality import Quality
from vocabulary.reasons import UnusableReason

SCHEMA = 1
# How vectors are packed. Blendshapes lie between 0 and 1 and are sure to a hundredth.
_SINGLE, _HALF = "<f4", "<f2"
State = Literal["measured", "unusable"]
Series = tuple[float | None, ...]


@dataclass(frozen=True)
class Embeddings:
    """What another model said of some of the clip's frames: an image encoder's output for the CLIP
    intensity source, or blendshapes.

    ``timestamps`` (E,) seconds, ``vectors`` E tuples of D floats, ``digest`` names the model.
    """

    timestamps: tuple[float, ...]
    vectors: tuple[tuple[float, ...], ...]
    digest: str


@runtime_checkable
class CropEncoder(Protocol):
    """What measuring a clip calls for a source that reads embeddings.

    The measurer hands over the aligned crops of the frames nearest to a grid of ``rate`` per
    second (frames without a face left out) and stores what comes back with their timestamps and
    ``digest`` as ``embeddings_by``.
    """

    @property
    def digest(self) -> str: ...

    @property
    def rate(self) -> float: ...

    def encode(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """(N, 224, 224, 3) uint8 RGB → (N, D) float32."""


@dataclass(frozen=True)
class Measurement:
    """One clip, measured or unusable with a typed reason.

    ``timestamps`` (T,) seconds since the first frame; ``signals`` and ``corners`` map a name to T
    values, None where no face was found; ``stats`` maps ``<signal>_mean`` and ``<signal>_var`` to
    numbers. ``cues`` are seconds in the clip at which the person was prompted to make the
    expression, None where nobody recorded them. ``timing`` in seconds of wall clock. An unusable
    clip keeps what could be seen of it (quality, signals) for whoever looks into the reason.
    ``blendshapes``: 52 for each, None where there was no model for them
    (``ml.measuring.blendshapes``).
    """

    expression: str
    state: State
    reason: UnusableReason | None = None
    detail: str = ""
    quality: Quality = field(default_factory=Quality)
    timestamps: tuple[float, ...] = ()
    signals: Mapping[str, Series] = field(default_factory=dict)
    corners: Mapping[str, Series] = field(default_factory=dict)
    stats: Mapping[str, float] = field(default_factory=dict)
    embeddings: Embeddings | None = None
    blendshapes: Embeddings | None = None
    cues: tuple[float, ...] | None = None
    timing: Mapping[str, float] = field(default_factory=dict)
    measurer: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def signal_table(self) -> npt.NDArray[np.float64]:
        """(T, 7) in the order of ``ml.measuring.geometry.SIGNALS``, NaN where there was no face."""
        return table(self.signals, SIGNALS, len(self.timestamps))

    def features(self) -> dict[str, float]:
        """``<expression>_<signal>_mean|var``: the columns of the public tables."""
        return {f"{self.expression}_{name}": value for name, value in self.stats.items()}

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": self.schema,
            "expression": self.expression,
            "state": self.state,
            "reason": None if self.reason is None else str(self.reason),
            "detail": self.detail,
            "quality": self.quality.to_json(),
            "timestamps": list(self.timestamps),
            "signals": {name: list(series) for name, series in self.signals.items()},
            "corners": {name: list(series) for name, series in self.corners.items()},
            "stats": dict(self.stats),
            "embeddings": _embeddings_json(self.embeddings, _SINGLE),
            "blendshapes": _embeddings_json(self.blendshapes, _HALF),
            "cues": None if self.cues is None else list(self.cues),
            "timing": dict(self.timing),
            "measurer": dict(self.measurer),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_json``; raises ValueError for a schema this code does not know and
        for embeddings that are damaged."""
        if data["schema"] != SCHEMA:
            raise ValueError(f"a measurement of schema {data['schema']}; this code reads {SCHEMA}")
        return cls(
            expression=data["expression"],
            state=data["state"],
            reason=None if data["reason"] is None else UnusableReason(data["reason"]),
            detail=data["detail"],
            quality=Quality.from_json(data["quality"]),
            timestamps=tuple(data["timestamps"]),
            signals={name: tuple(series) for name, series in data["signals"].items()},
            corners={name: tuple(series) for name, series in data["corners"].items()},
            stats=dict(data["stats"]),
            embeddings=_embeddings(data["embeddings"], _SINGLE),
            blendshapes=_embeddings(data.get("blendshapes"), _HALF),
            cues=None if data["cues"] is None else tuple(data["cues"]),
            timing=dict(data["timing"]),
            measurer=dict(data["measurer"]),
        )


def _embeddings_json(kept: Embeddings | None, kind: str) -> dict[str, Any] | None:
    if kept is None:
        return None
    return {
        "timestamps": list(kept.timestamps),
        "vectors": _packed(kept.vectors, kind),
        "digest": kept.digest,
    }


def _embeddings(kept: Mapping[str, Any] | None, kind: str) -> Embeddings | None:
    if kept is None:
        return None
    return Embeddings(
        timestamps=tuple(kept["timestamps"]),
        vectors=_unpacked(kept["vectors"], len(kept["timestamps"]), kind),
        digest=kept["digest"],
    )


def _packed(vectors: Sequence[Sequence[float]], kind: str) -> str:
    """Floats, little-endian, row by row, in base64: a quarter of the decimals' length."""
    return base64.b64encode(np.asarray(vectors, kind).tobytes()).decode("ascii")


def _unpacked(kept: object, rows: int, kind: str) -> tuple[tuple[float, ...], ...]:
    """The inverse of :func:`_packed`. Measurements of before the packing hold plain lists of
    decimals, which are read too. Raises ValueError for what is neither."""
    try:
        if isinstance(kept, list):
            flat = np.array(kept, kind)
        else:
            flat = np.frombuffer(base64.b64decode(str(kept), validate=True), kind)
        return tuple(tuple(row) for row in flat.reshape(rows, -1).tolist())
    except (TypeError, ValueError) as fault:
        raise ValueError(f"the embeddings' vectors cannot be read: {fault}") from fault


def table(
    named: Mapping[str, Series], names: Sequence[str], length: int
) -> npt.NDArray[np.float64]:
    """(T, len(names)) float64 from named series; missing series and None values become NaN."""
    blank: Series = (None,) * length
    columns = [np.array(named.get(name, blank), dtype=np.float64) for name in names]
    return np.stack(columns, axis=1) if columns else np.empty((length, 0))


def series(values: npt.NDArray[np.floating[Any]], decimals: int) -> Series:
    """Rounded floats of a (T,) array, None for NaN: plain JSON types."""
    rounded = np.round(np.asarray(values, np.float64), decimals).tolist()
    return tuple(None if value != value else value for value in rounded)
