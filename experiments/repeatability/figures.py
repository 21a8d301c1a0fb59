"""Every figure of how scores repeat, computed in one run of ``experiments repeatability``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from experiments.public.tables import PublicData
from experiments.repeatability.attempts import TRIED, Tried, tried, weights_of
from experiments.repeatability.held_out import alarms, coverage, in_order, simulated_alarms
from experiments.repeatability.persons import Persons, persons
from experiments.repeatability.repeats import Repeats, index_of, with_intervals
from ml.metrics import Interval
from ml.scoring.bundle import Bundle
from ml.scoring.person import GRADE, INDEX, Components, Scale, variance_components

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trial:
    """One score on people who were not learnt from."""

    covered: Mapping[str, Interval]
    in_order: Mapping[str, float]
    alarms: Mapping[str, Interval]
    simulated: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Figures:
    """Everything that the page words."""

    bundle: str
    table: str
    sessions_of_people: Mapping[int, int]
    people_with_pd: int
    rows: Mapping[str, tuple[Components, Interval, Interval]]
    trials: Mapping[str, Trial]
    three: Interval
    ways: Mapping[str, tuple[float, Mapping[str, Interval]]]
    persons: Persons
    attempts: Sequence[Tried]
    #: Of the last attempt, in the order of a token.
    weights: Floats


def figures(data: PublicData, bundle: Bundle, found: Repeats) -> Figures:
    _, counts = np.unique(found.subject, return_counts=True)
    sizes, people = np.unique(counts, return_counts=True)
    every = {**found.scores(), **found.columns()}
    return Figures(
        bundle=f"{bundle.name} {bundle.version} ({bundle.digest[:12]})",
        table=data.smile.sha256[:16],
        sessions_of_people=dict(zip(sizes.tolist(), people.tolist(), strict=True)),
        people_with_pd=len(np.unique(found.subject[found.pd == 1])),
        rows={name: with_intervals(values, found) for name, values in every.items()},
        trials={
            "hypomimia index": _trial(found, found.index, INDEX),
            "expected grade": _trial(found, found.grade, GRADE),
        },
        three=_measured_three(found),
        ways=_ways(found),
        persons=persons(
            data.smile,
            index_of(data, bundle),
            variance_components(found.index, found.subject),
        ),
        attempts=tried(data.smile, bundle.scorer),
        weights=weights_of(data.smile, bundle.scorer, TRIED[-1]),
    )


def _ways(found: Repeats) -> dict[str, tuple[float, Mapping[str, Interval]]]:
    """ICC(1) of one session and coverage, where sessions are averaged on other scales."""
    points = INDEX.back(found.index)
    scales = {
        "normal scores, drawn in (as it is)": INDEX,
        "normal scores, not drawn in": Scale(
            lambda index: ndtri(index / 100), lambda score: 100 * ndtr(score), 0.0, 100.0
        ),
        "points of 100": Scale(np.asarray, np.asarray, 0.0, 100.0),
    }
    result: dict[str, tuple[float, Mapping[str, Interval]]] = {}
    for name, scale in scales.items():
        values = scale.into(points)
        icc = variance_components(values, found.subject).icc
        result[name] = (icc, coverage(found, values, scale))
    return result


def _trial(found: Repeats, values: Floats, scale: Scale) -> Trial:
    return Trial(
        coverage(found, values, scale),
        in_order(found, values, scale),
        alarms(found, values, scale),
        simulated_alarms(found, values, scale),
    )


def _measured_three(found: Repeats) -> Interval:
    """Reliability of the mean of three sessions from the people with three or more alone."""
    names, counts = np.unique(found.subject, return_counts=True)
    rows = np.isin(found.subject, names[counts > 2])
    _, icc, _ = with_intervals(found.index[rows], found.take(rows))

    def of_three(one: float) -> float:
        return 3 * one / (1 + 2 * one)

    return Interval(of_three(icc.value), of_three(icc.low), of_three(icc.high))
