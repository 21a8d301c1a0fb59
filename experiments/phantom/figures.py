"""The figures on phantoms, each with an interval by bootstrap over people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from ml.cohort.clips import Session
from ml.intensity.source import IntensityCurve, IntensitySource
from ml.metrics import Interval, subject_resamples
from ml.scoring.assessment import session_curves
from ml.signs import repetitions
from vocabulary.expressions import Expression

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClipFigure:
    """One clip: rank correlation of its curve with the truth, and the latency's error."""

    subject: str
    expression: str
    spearman: float
    latency_error_s: float | None


@dataclass(frozen=True, eq=False)
class ConditionFigures:
    """One way of filming. ``unusable`` share of the posed clips that were not measured."""

    clips: tuple[ClipFigure, ...]
    pooled: Floats
    unusable: float
    people: int


def condition_figures(
    sessions: Sequence[Session], source: IntensitySource, expressions: Sequence[str]
) -> ConditionFigures:
    clips, asked = [], 0
    values: dict[str, list[tuple[Floats, Floats]]] = {}
    for session in sessions:
        usable = {e: m for e, m in session.measured.items() if m.state == "measured"}
        wanted = {e: m for e, m in usable.items() if e in expressions or e == Expression.REST}
        curves = session_curves(wanted, source)
        for expression in expressions:
            asked += expression in session.measured
            if expression not in curves:
                continue
            curve, truth = curves[expression], session.truth[expression]
            known, programmed = _pair(curve, truth)
            rank = float(spearmanr(known, programmed).statistic)
            latency = _latency_error(curve, truth)
            clips.append(ClipFigure(session.subject, expression, rank, latency))
            values.setdefault(expression, []).append((known, programmed))
    pooled = [
        spearmanr(*map(np.concatenate, zip(*v, strict=True))).statistic for v in values.values()
    ]
    together = np.nan_to_num(np.array(pooled))  # flat curves have no correlation and count as 0
    unusable = 1 - len(clips) / max(asked, 1)
    return ConditionFigures(tuple(clips), together, unusable, len(sessions))


def _pair(curve: IntensityCurve, truth: Mapping[str, object]) -> tuple[Floats, Floats]:
    """Curve and programmed intensity at the frames where the source saw the face."""
    known = np.isfinite(curve.intensity)
    times, programmed = (np.asarray(truth[key], np.float64) for key in ("t", "intensity"))
    return np.asarray(curve.intensity[known]), np.interp(curve.t[known], times, programmed)


def _latency_error(curve: IntensityCurve, truth: Mapping[str, object]) -> float | None:
    """Seconds between the measured and the programmed latency (medians over repetitions)."""
    cues, onsets = (np.asarray(truth[key], np.float64) for key in ("cues_s", "onsets_s"))
    found = repetitions.latencies(
        repetitions.find(curve.t, curve.intensity, curve.smoothed_s), tuple(cues)
    )
    if not found or not len(cues):
        return None
    return float(abs(np.median(found) - np.median(onsets - cues)))


def over_people(
    clips: Sequence[ClipFigure], figure: Callable[[Sequence[ClipFigure]], float]
) -> Interval:
    """A figure of clips with its interval over people."""
    rows = subject_resamples(np.array([clip.subject for clip in clips]))
    values = [figure([clips[i] for i in sample]) for sample in rows]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return Interval(figure(clips), float(low), float(high))


def median_spearman(clips: Sequence[ClipFigure]) -> float:
    """A flat curve has no rank correlation and counts as 0."""
    return float(np.median(np.nan_to_num([clip.spearman for clip in clips])))


def median_latency_error(clips: Sequence[ClipFigure]) -> float:
    known = [clip.latency_error_s for clip in clips if clip.latency_error_s is not None]
    return float(np.median(known)) if known else float("nan")


def paired_loss(
    here: Sequence[ClipFigure],
    home: Sequence[ClipFigure],
    figure: Callable[[Sequence[ClipFigure]], float],
) -> Interval:
    """Which share of the figure at home the same people lose here; one resample serves both. NaN
    where there is nothing to lose."""
    subjects = sorted({clip.subject for clip in home})
    groups = [
        ([c for c in here if c.subject == name], [c for c in home if c.subject == name])
        for name in subjects
    ]

    def loss(sample: Iterable[int]) -> float:
        rows = list(sample)
        found = [clip for row in rows for clip in groups[row][0]]
        before = [clip for row in rows for clip in groups[row][1]]
        whole = figure(before) if before else 0.0
        return 1 - figure(found) / whole if found and whole else float("nan")

    rows = subject_resamples(np.array(subjects))
    low, high = np.nanquantile([loss(sample) for sample in rows], [0.025, 0.975])
    return Interval(loss(range(len(subjects))), float(low), float(high))


@dataclass(frozen=True)
class Agreement:
    """The LSTM's probabilities of the same people read in two ways; intervals over people."""

    people: int
    median_difference: Interval
    same_decision: Interval


def agreement(first: Floats, second: Floats) -> Agreement:
    """Probabilities (N,) of the same people, called PD above one half."""
    rows = subject_resamples(np.arange(len(first)).astype(np.str_))

    def interval(values: Floats, figure: Callable[[Floats], float]) -> Interval:
        low, high = np.quantile([figure(values[sample]) for sample in rows], [0.025, 0.975])
        return Interval(figure(values), float(low), float(high))

    apart, same = np.abs(first - second), ((first > 0.5) == (second > 0.5)).astype(np.float64)
    return Agreement(
        people=len(first),
        median_difference=interval(apart, lambda v: float(np.median(v))),
        same_decision=interval(same, lambda v: float(v.mean())),
    )
