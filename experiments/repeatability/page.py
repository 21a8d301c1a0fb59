"""``docs/results-repeatability.md``: figures of how scores repeat, and the page that words them."""

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from experiments.repeatability.held_out import alarms, coverage, in_order, simulated_alarms
from experiments.repeatability.repeats import Repeats, with_intervals
from ml.cohort.public_data import PublicData
from ml.metrics import Interval
from ml.scoring.bundle import Bundle
from ml.scoring.person import (
    GRADE,
    INDEX,
    Components,
    Reading,
    Scale,
    person_score,
    variance_components,
)

Floats = npt.NDArray[np.float64]

SESSIONS = (1, 2, 3, 5)


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


def page(found: Figures, seconds: float) -> str:
    parts = (
        _head(found, seconds),
        _scores(found),
        _sessions(found),
        *(_held_out(name, trial) for name, trial in found.trials.items()),
    )
    return "\n\n".join(parts) + "\n"


def _head(found: Figures, seconds: float) -> str:
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    people = sum(found.sessions_of_people.values())
    sizes = ", ".join(f"{p} with {n}" for n, p in found.sessions_of_people.items())
    return "\n\n".join(
        [
            "# Repeatability",
            f"Written by `python -m experiments repeatability` on {date} ({platform.machine()},"
            f" {os.cpu_count()} cores, Python {platform.python_version()}; {seconds:.0f} s), bundle"
            f" {found.bundle}. Do not edit by hand.",
            "People with two usable smile sessions or more in the public smile table"
            f" (`{found.table}`): {people}, {found.people_with_pd} of them with PD ({sizes}"
            " sessions). How many days lie between their sessions is unknown, so that real change"
            " counts as noise here, and some were recorded at home once and in a clinic once. They"
            " are smiles alone: how three expressions repeat no public table says. Brackets are"
            " 95 % bootstrap intervals over people. What the band is and why:"
            " [person](decisions/person.md).",
        ]
    )


def _scores(found: Figures) -> str:
    lines = [
        "## One session",
        "",
        "ICC(1) is the share of one session's variance that is the person's own; the standard error"
        " of measurement (SEM) is in the units of the row: normal scores, points, grades, or"
        " probability. The index's normal scores are those that a person's sessions are averaged on"
        " (drawn in beyond the outermost quantile of the norms); those of signals alike.",
        "",
        "| score | ICC(1) | SEM | between people | within |",
        "|---|---|---|---:|---:|",
    ]
    lines += [
        f"| {name} | {icc} | {_short(sem)} | {one.between:.3g} | {one.within:.3g} |"
        for name, (one, icc, sem) in found.rows.items()
    ]
    return "\n".join(lines)


def _short(figure: Interval) -> str:
    return f"{figure.value:.3g} [{figure.low:.3g}, {figure.high:.3g}]"


def _sessions(found: Figures) -> str:
    lines = [
        "## Several sessions",
        "",
        "Reliability of the mean of n sessions, derived from the components (Spearman–Brown), and"
        " half the width of the band of a person whose sessions agree, in the middle of the scale.",
        "",
        "| score | " + " | ".join(f"{n}" for n in SESSIONS) + " |",
        "|---|" + "---|" * len(SESSIONS),
    ]
    for label, scale, name in (
        ("hypomimia index, points", INDEX, "hypomimia index, normal scores"),
        ("expected grade", GRADE, "expected grade"),
    ):
        one = found.rows[name][0]
        cells = [f"{one.reliability(n):.2f}, ± {_half(one, scale, n):.3g}" for n in SESSIONS]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "The people with three sessions or more scatter more than those with two. Measured on them"
        f" alone, the mean of three sessions has a reliability of {found.three}.",
    ]
    lines += [
        "",
        "Where sessions are averaged on another scale, and what the band then holds of people who"
        " were not learnt from (the index; see below):",
        "",
        "| averaged as | ICC(1) | 1 → as many again | 2 or more → as many again |",
        "|---|---|---|---|",
        *(
            f"| {name} | {icc:.3f} | {covered['1 → as many again']} |"
            f" {covered['2 or more → as many again']} |"
            for name, (icc, covered) in found.ways.items()
        ),
    ]
    return "\n".join(lines)


def _half(one: Components, scale: Scale, sessions: int) -> float:
    middle = Reading(float(scale.back(np.array(one.mean))))
    return person_score([middle] * sessions, one, scale, ahead=0).half_width


def _held_out(name: str, trial: Trial) -> str:
    return "\n".join(
        [
            f"## The {name} on people who were not learnt from",
            "",
            "Components from the other nine tenths of the people, five times over; each person"
            " counts once, over all ways of choosing the sessions that came first. Share of people"
            " whose 90 % band from n sessions holds the mean of *as many again* (fewer where there"
            " are no more), and *one* other session; aim .85 to .95:",
            "",
            "| sessions | covered |",
            "|---|---|",
            *(f"| {what} | {figure} |" for what, figure in trial.covered.items()),
            "",
            "In the table's order, each further session counted once: "
            + "; ".join(f"{what} {share:.3f}" for what, share in trial.in_order.items())
            + ". More than one seen session means the people with three or more alone.",
            "",
            "Change that is shown where nobody says that there was any (aim at most .05): public"
            " people held out, "
            + "; ".join(f"{what} {figure}" for what, figure in trial.alarms.items())
            + ". Invented people in whom nothing changes, by the sessions of the two courses:",
            "",
            *_simulated(trial.simulated),
        ]
    )


def _simulated(shares: Mapping[str, Mapping[str, float]]) -> Sequence[str]:
    sizes = list(next(iter(shares.values())))
    words = {"normal": "normally", "as public": "as the public people's do"}
    return [
        "| their sessions scatter | " + " | ".join(sizes) + " |",
        "|---|" + "---:|" * len(sizes),
        *(
            f"| {words[kind]} | " + " | ".join(f"{row[size]:.3f}" for size in sizes) + " |"
            for kind, row in shares.items()
        ),
    ]
