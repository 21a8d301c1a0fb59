"""Phantom people as sessions: thousands by closed form for the LSTM, some drawn and filmed.

The drawn face's signals follow in closed form from its programme (``ml.severity.drawn``), so that
a training cohort costs a minute. Both kinds go through the same source, signs and sampling; how
far the shortcut agrees with filmed and measured faces is a figure of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.assessment import session_curves
from ml.diagnosis.sampling import SessionCurves, stack
from ml.diagnosis.summary import feature_row, summarise
from ml.expressions import Expression
from ml.geometry import SIGNALS
from ml.intensity.source import IntensitySource
from ml.measurement import Measurement, series
from ml.phantom.capture import Capture
from ml.phantom.grades import GradeConfig, draw_subject
from ml.phantom.oracle import p_pd, seen
from ml.phantom.performance import Performance, perform
from ml.severity.drawn import JITTER, drawn_signals

LONGEST = 12.0
_DECIMALS = 7


@dataclass(frozen=True, eq=False)
class People:
    """N people: curves for the LSTM, curve statistics (N, F) with NaN, PD (N,), and what the
    oracle says of each (N,) from what was programmed."""

    curves: tuple[SessionCurves, ...]
    features: npt.NDArray[np.float64]
    pd: npt.NDArray[np.int64]
    oracle: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pd)


def closed_form_people(
    config: GradeConfig,
    source: IntensitySource,
    expressions: Sequence[str],
    *,
    count: int,
    seed: int,
    seconds: float,
    fps: float,
) -> People:
    """People whose signals are computed, with the measuring noise of FaceMesh added."""
    rows = []
    film = Capture(fps=fps)
    for number in range(count):
        person = draw_subject(config, number, seed)
        rng = np.random.default_rng([seed, 0xC10, number])
        measured, truths = {}, []
        for name in (Expression.REST, *(Expression(e) for e in expressions)):
            shown = perform(
                name, program=person.program(name), identity=person.identity, capture=film,
                seed=int(rng.integers(2**31)), seconds=seconds,
            )  # fmt: skip
            measured[str(name)] = computed(shown, rng)
            truths.append(shown.truth())
        rows.append((measured, int(person.pd), p_pd(seen(truths), config)))
    return gather(rows, source, expressions)


def gather(
    rows: Iterable[tuple[Mapping[str, Measurement], int, float]],
    source: IntensitySource,
    expressions: Sequence[str],
) -> People:
    """(measurements by expression, PD, oracle's probability) of each person → arrays."""
    curves, features, pd, oracle = [], [], [], []
    for measured, label, probability in rows:
        usable = {e: m for e, m in measured.items() if m.state == "measured"}
        found = session_curves(usable, source)
        posed = {e: found[e] for e in expressions if e in found}
        curves.append(stack(posed, expressions, LONGEST))
        row = feature_row(summarise(usable, found), expressions)
        features.append([np.nan if value is None else value for value in row.values()])
        pd.append(label)
        oracle.append(probability)
    return People(tuple(curves), np.array(features), np.array(pd), np.array(oracle))


def computed(shown: Performance, rng: np.random.Generator) -> Measurement:
    """What measuring this performance would give: exact signals and FaceMesh's usual noise."""
    signals = drawn_signals(shown)
    signals = signals + JITTER * rng.standard_normal(signals.shape)
    return Measurement(
        expression=str(shown.expression),
        state="measured",
        timestamps=tuple(shown.times.tolist()),
        signals={name: series(signals[:, i], _DECIMALS) for i, name in enumerate(SIGNALS)},
        cues=shown.cues,
    )
