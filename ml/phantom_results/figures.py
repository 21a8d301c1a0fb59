"""The figures on phantoms, each with an interval by bootstrap over people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml import movement
from ml.assessment import session_curves
from ml.diagnosis.measured import Session
from ml.diagnosis.model import DiagnosisModel
from ml.evaluate import Interval, auroc, subject_resamples
from ml.expressions import Expression
from ml.intensity.source import IntensityCurve, IntensitySource
from ml.phantom_results.people import People

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
    unusable = 1 - len(clips) / max(asked, 1)
    return ConditionFigures(tuple(clips), np.array(pooled), unusable, len(sessions))


def _pair(curve: IntensityCurve, truth: Mapping[str, object]) -> tuple[Floats, Floats]:
    """Curve and programmed intensity at the frames where the source saw the face."""
    known = np.isfinite(curve.intensity)
    times, programmed = (np.asarray(truth[key], np.float64) for key in ("t", "intensity"))
    return np.asarray(curve.intensity[known]), np.interp(curve.t[known], times, programmed)


def _latency_error(curve: IntensityCurve, truth: Mapping[str, object]) -> float | None:
    """Seconds between the measured and the programmed latency (medians over repetitions)."""
    cues, onsets = (np.asarray(truth[key], np.float64) for key in ("cues_s", "onsets_s"))
    found = movement.latencies(
        movement.repetitions(curve.t, curve.intensity, curve.smoothed_s), tuple(cues)
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


@dataclass(frozen=True)
class ModelFigures:
    """Accuracy, AUROC, and both as a share of the oracle's on the same people."""

    accuracy: Interval
    auroc: Interval
    share: Interval
    people: int


def model_figures(labels: npt.NDArray[np.int64], scores: Floats, oracle: Floats) -> ModelFigures:
    """Scores are probabilities, called PD above one half. Resamples are shared with the oracle."""
    rows = subject_resamples(np.arange(len(labels)).astype(np.str_))

    def accuracy(sample: npt.NDArray[np.int64], of: Floats) -> float:
        return float(((of[sample] > 0.5) == labels[sample]).mean())

    everybody = np.arange(len(labels))

    def interval(figure: Callable[[npt.NDArray[np.int64]], float]) -> Interval:
        low, high = np.nanquantile([figure(sample) for sample in rows], [0.025, 0.975])
        return Interval(figure(everybody), float(low), float(high))

    return ModelFigures(
        accuracy=interval(lambda s: accuracy(s, scores)),
        auroc=interval(lambda s: auroc(labels[s], scores[s])),
        share=interval(lambda s: accuracy(s, scores) / accuracy(s, oracle)),
        people=len(labels),
    )


def diagnosis_scores(train: People, model: DiagnosisModel, test: People) -> dict[str, Floats]:
    """Probabilities of the test people by each model that stands in the table."""
    statistics = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=1000),
    )
    statistics.fit(train.features, train.pd)
    return {
        "constant": np.full(len(test), float(train.pd.mean())),
        "logistic regression on curve statistics": statistics.predict_proba(test.features)[:, 1],
        "LSTM": model.ask_all(test.curves)[0],
        "oracle": test.oracle,
    }
