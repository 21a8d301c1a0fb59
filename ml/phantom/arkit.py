"""Natural movement curves from recordings of a performer's blendshapes, read at run time.

The recordings (two range-of-motion takes at 60 Hz; alexdjulin/LiveLinkFace-CSV-Retarget-For-
Motionbuilder, MIT licence) are found through ``MIMIA_DATA`` and never copied. Each stretch in which
the expression's blendshapes rise well above rest and fall back is one *episode*: its own uneven
rise, hold and fall, scaled to peak 1. A phantom plays an episode in place of a minimum-jerk pulse.
"""

import csv
import gzip
import os
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.errors import ConfigError
from vocabulary.expressions import Expression

Floats = npt.NDArray[np.float64]

FOLDER = "arkit-recordings"
RATE_HZ = 60.0
SAMPLES = 121  # per episode, over its own length
_RISEN, _REST = 0.5, 0.12  # shares of the recording's peak
_LONGEST_S = 6.0


def data_folder() -> Path:
    """Where the recordings are. Raises :class:`ConfigError` that says what to set."""
    root = os.environ.get("MIMIA_DATA", "")
    folder = Path(root) / FOLDER
    if not root or not folder.is_dir():
        raise ConfigError(
            "curves from recordings need MIMIA_DATA to name the folder of public data that holds"
            f" {FOLDER}/; use smooth curves otherwise"
        )
    return folder


def episodes(expression: Expression) -> Floats:
    """Every episode of the expression (E, SAMPLES): from 0 to a peak of 1 and back to 0."""
    return _episodes(data_folder(), expression)


@cache
def _episodes(folder: Path, expression: Expression) -> Floats:
    found = []
    for path in sorted(folder.glob("*.csv.gz")):
        found.extend(_cut(_driver(path, expression.entry.blendshapes)))
    if not found:
        raise ConfigError(f"{folder}: no episode of {expression} in the recordings")
    return np.stack(found)


def _driver(path: Path, names: tuple[str, ...]) -> Floats:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return np.array([np.mean([float(row[name] or 0.0) for name in names]) for row in rows])


def _cut(curve: Floats) -> list[Floats]:
    """Stretches above rest that reach half of the recording's peak and are not too long."""
    floor = float(np.quantile(curve, 0.1))
    level = (curve - floor) / max(float(np.quantile(curve, 0.995)) - floor, 1e-6)
    above = np.concatenate([[False], level > _REST, [False]])
    edges = np.flatnonzero(np.diff(above.astype(int)))
    kept = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        whole = start > 0 and end < len(level)  # not cut off by the recording's start or end
        length_fits = 0.25 * RATE_HZ <= end - start <= _LONGEST_S * RATE_HZ
        if whole and length_fits and level[start:end].max() >= _RISEN:
            kept.append(_shape(level[start:end]))
    return kept


def _shape(level: Floats) -> Floats:
    """One episode on ``SAMPLES`` points, its ends brought to exactly 0."""
    at = np.linspace(0, len(level) - 1, SAMPLES)
    shape = np.interp(at, np.arange(len(level)), level)
    ramp = np.clip((shape - _REST) / (shape.max() - _REST), 0.0, None)
    return np.asarray(ramp / ramp.max())


def play(shape: Floats, t: Floats, start: float, length: float) -> Floats:
    """The episode (SAMPLES,) played from ``start`` for ``length`` seconds, at times ``t`` (T,)."""
    progress = (t - start) / length
    return np.interp(progress, np.linspace(0.0, 1.0, SAMPLES), shape, left=0.0, right=0.0)
