"""Measured-like signals without drawing: what FaceMesh would read on a phantom, predicted.

``signals.json`` holds two small networks, fitted once to drawn and measured frames
(``experiments/drawing``), from a frame's channels and the identity's proportions to the seven
signals and to the corners of the mouth, with the spread of what they cannot explain: a shift per
person, and noise per frame. A simulated clip costs milliseconds, so training can see thousands of
people. The file states how its clip statistics agree with measured clips of people that were not
used for fitting. Everything here is about phantoms, not people.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import ConfigError
from ml.features import column
from ml.measuring.geometry import CORNERS, SIGNALS, stats
from ml.phantom.channels import CHANNELS, INDEX
from ml.phantom.cohort import CohortSpec, programme
from ml.phantom.identity import Identity
from ml.phantom.performance import Performance

Floats = npt.NDArray[np.float64]

MODEL_FILE = Path(__file__).with_name("signals.json")
# What the network sees beside the channels. Skin and glasses matter: FaceMesh reads them too.
PROPORTIONS = (
    "face_width", "face_length", "jaw_width", "chin", "eye_width", "eye_height", "brow_height",
    "brow_thickness", "nose_width", "nose_length", "mouth_width", "mouth_height", "lip_fullness",
)  # fmt: skip
# Channels move with the head's pose too, but shifts do not change distances between landmarks.
# Closed lips read 0.002 and open ones 0.3: this signal is fitted as a logarithm.
LOGGED = np.array([signal == "mouth-open" for signal in SIGNALS])
_UNSEEN = frozenset({"shift_x", "shift_y", "scale"})
USED = tuple(INDEX[name] for name in CHANNELS if name not in _UNSEEN)


@dataclass(frozen=True, eq=False)
class SignalModel:
    """``layers``: (weights (in, out), bias (out,)) with tanh between; inputs are standardised.
    The K outputs, seven signals or two corners, are on the fitted scale (``to_fitted``).

    ``shift`` (K, K) covariance of a person's constant deviation; ``noise`` (K,) standard deviation
    per frame; ``limits`` (2, K) least and greatest value that was ever measured.
    """

    layers: tuple[tuple[Floats, Floats], ...]
    mean: Floats
    scale: Floats
    shift: Floats
    noise: Floats
    limits: Floats
    figures: dict[str, Any]

    def predict(self, inputs: Floats) -> Floats:
        """Inputs (T, F) to outputs (T, K) on the fitted scale, nothing unexplained added."""
        values = (inputs - self.mean) / self.scale
        for k, (weights, bias) in enumerate(self.layers):
            values = values @ weights + bias
            if k < len(self.layers) - 1:
                values = np.tanh(values)
        return values


@dataclass(frozen=True, eq=False)
class SignalModels:
    """The networks of ``signals.json``: of the seven signals, and of the corners of the mouth."""

    signals: SignalModel
    corners: SignalModel


@cache
def load_models(path: Path = MODEL_FILE) -> SignalModels:
    """Raises :class:`ConfigError` naming the file when it is missing or does not fit this code."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise ConfigError(f"{path}: cannot be read as JSON: {fault}") from fault
    names = [data.get(part) for part in ("inputs", "signals")], data.get("corners", {}).get("names")
    if names != ([input_names(), list(SIGNALS)], list(CORNERS)):
        raise ConfigError(
            f"{path}: made for other channels or signals; run:"
            " python -m experiments drawing fit-signals"
        )
    return SignalModels(_model(data), _model(data["corners"]))


def _model(data: dict[str, Any]) -> SignalModel:
    return SignalModel(
        layers=tuple((np.array(w), np.array(b)) for w, b in data["layers"]),
        mean=np.array(data["mean"]),
        scale=np.array(data["scale"]),
        shift=np.array(data["shift"]),
        noise=np.array(data["noise"]),
        limits=np.array(data["limits"]),
        figures=data.get("figures", {}),
    )


def input_names() -> list[str]:
    return [*(CHANNELS[i] for i in USED), *PROPORTIONS, "skin", "glasses"]


def inputs_of(channels: npt.NDArray[Any], person: Identity) -> Floats:
    """The network's inputs (T, F) for frames (T, C) of one person."""
    own = [float(getattr(person, name)) for name in PROPORTIONS]
    own += [float(person.skin), float(person.glasses)]
    constant = np.broadcast_to(np.array(own), (len(channels), len(own)))
    return np.concatenate([np.asarray(channels, np.float64)[:, USED], constant], axis=1)


def simulate(
    performance: Performance, person_seed: Sequence[int], model: SignalModel | None = None
) -> Floats:
    """Signals (T, 7) as FaceMesh would read them, with the unexplained part drawn at random:
    the person's shift from ``person_seed`` (the same in all their clips), the noise from the clip.
    """
    net = model or load_models().signals
    seeds = (*person_seed, 0x516A), (performance.seed, 0xF0A5)
    return from_fitted(_read(net, performance, *seeds))


def simulate_corners(performance: Performance, person_seed: Sequence[int]) -> Floats:
    """Corners of the mouth (T, 2), as :func:`simulate` gives the signals."""
    net = load_models().corners
    return _read(net, performance, (*person_seed, 0xC0A7), (performance.seed, 0xF0A6))


def _read(
    net: SignalModel, performance: Performance, person: Sequence[int], clip: Sequence[int]
) -> Floats:
    """(T, K) on the fitted scale, within what was ever measured."""
    width = len(net.noise)
    shift = np.random.default_rng(person).multivariate_normal(
        np.zeros(width), net.shift, method="svd"
    )
    values = net.predict(inputs_of(performance.channels, performance.identity)) + shift
    values += net.noise * np.random.default_rng(clip).standard_normal(values.shape)
    return np.clip(values, *net.limits)


def to_fitted(values: Floats) -> Floats:
    """Signals (T, 7) on the scale of the fit: the logarithm where ``LOGGED``."""
    return np.where(LOGGED, np.log(np.maximum(values, 1e-4)), values)


def from_fitted(values: Floats) -> Floats:
    return np.where(LOGGED, np.exp(np.where(LOGGED, values, 0.0)), values)


def cohort_rows(
    spec: CohortSpec, start: int = 0, model: SignalModel | None = None
) -> list[dict[str, Any]]:
    """A feature table of simulated people ``start`` to ``spec.subjects``: the same people, programs
    and seeds as ``cohort.write_cohort(spec)`` would draw. Columns: subject, protocol, pd, grade,
    then ``<expression>_<signal>_mean`` and ``_var``."""
    rows = []
    for number in range(start, spec.subjects):
        row: dict[str, Any] = {}
        for expression in spec.expressions:
            person, performance = programme(spec, number, expression)
            if not row:
                row = {
                    "subject": person.name,
                    "protocol": "phantom-simulated",
                    "pd": int(person.pd),
                    "grade": person.grade,
                }
            measured = stats(simulate(performance, (spec.seed, number), model))
            for signal, (mean, variance) in measured.items():
                row[column(expression, signal, "mean")] = round(mean, 6)
                row[column(expression, signal, "var")] = float(f"{variance:.6g}")
        rows.append(row)
    return rows
