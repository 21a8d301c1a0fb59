"""Is amplitude 1 the healthy median? Drawn people at amplitude 1, measured, beside the medians of
people without PD in the public three-expression table. Run:
``python -m experiments drawing calibration``.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.drawing.signal_fit import measured
from ml.errors import ConfigError
from ml.features import column, parse_value, usable
from ml.measuring.geometry import SIGNALS, stats
from ml.phantom.capture import Capture, draw_capture
from ml.phantom.identity import draw_identity
from ml.phantom.performance import Program, perform
from ml.progress import counted

TABLE = Path("pd-screening-smile") / "smile-disgust-surprise.csv"
COMPARED = ("smile", "disgust", "surprise")


@dataclass(frozen=True)
class Row:
    """One expression's signal: medians drawn and public; the public quartiles."""

    expression: str
    signal: str
    statistic: str
    drawn: float
    public: float
    low: float
    high: float


def calibrate(people: int, fps: float) -> Iterator[Row]:
    """Raises :class:`ConfigError` where MIMIA_DATA does not lead to the public table."""
    public = _public()
    for expression in COMPARED:
        drawn = []
        for number in counted(f"measuring {expression}", range(people), people):
            rng = np.random.default_rng([number, 0xCA1])
            person, film = draw_identity(rng), draw_capture(rng, Capture(fps=fps))
            clip = perform(
                expression, seed=number, identity=person, capture=film, program=Program()
            )
            drawn.append(stats(measured(clip)))
        for signal in SIGNALS:
            for k, statistic in enumerate(("mean", "var")):
                known = public[column(expression, signal, statistic)]
                low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
                own = float(np.median([values[signal][k] for values in drawn]))
                yield Row(expression, signal, statistic, own, middle, low, high)


def _public() -> dict[str, list[float]]:
    """Every feature column's values among people without PD."""
    path = Path(os.environ.get("MIMIA_DATA", "")) / TABLE
    if not os.environ.get("MIMIA_DATA") or not path.is_file():
        raise ConfigError(f"set MIMIA_DATA to the folder of public data that holds {TABLE}")
    columns: dict[str, list[float]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["pd"] != "0":
                continue
            for expression in COMPARED:
                for signal in SIGNALS:
                    for statistic in ("mean", "var"):
                        name = column(expression, signal, statistic)
                        value = parse_value(row[name])
                        if value is not None and usable(statistic, value):
                            columns.setdefault(name, []).append(value)
    return columns
