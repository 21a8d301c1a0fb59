"""``docs/results-repeatability.md`` worded from computed figures."""

import datetime
import os
import platform
from collections.abc import Mapping, Sequence

import numpy as np

from experiments.repeatability.attempts import TRIED
from experiments.repeatability.figures import Figures, Trial
from ml.features import TOKEN_PARTS
from ml.metrics import Interval
from ml.scoring.person import GRADE, INDEX, Components, Reading, Scale, person_score

SESSIONS = (1, 2, 3, 5)


def page(found: Figures, seconds: float) -> str:
    parts = (
        _head(found, seconds),
        _scores(found),
        _sessions(found),
        _persons(found),
        *(_held_out(name, trial) for name, trial in found.trials.items()),
        _attempts(found),
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


def _persons(found: Figures) -> str:
    who = found.persons
    return "\n".join(
        [
            "## One session and the person",
            "",
            f"AUROC for PD within protocols, people with repeats ({who.people} in"
            f" {', '.join(who.protocols)}, the protocols with fifteen of each class): one session"
            f" of each, drawn at random, {who.one:.3f}; the person's result over all of theirs"
            f" {who.result:.3f}; difference {who.gain}.",
        ]
    )


def _attempts(found: Figures) -> str:
    today, *others = found.attempts
    parts = zip(TOKEN_PARTS, found.weights, strict=True)
    weights = ", ".join(f"{s} {k} {w:+.2f}" for (s, k), w in parts if abs(w) >= 0.005)
    return "\n".join(
        [
            "## An index that repeats better: attempts",
            "",
            "Aim: ICC(1) of one smile session on normal scores of at least .50 (which makes .75 of"
            " three) without loss within protocols. The index is made anew on the smile table's"
            " people without PD, which is why its ICC differs a little from that above. *Others*:"
            " weights taught by other people, or, for AUROC, by the other protocols. No label but"
            " the norms' enters anew.",
            "",
            "| index | ICC(1) | ICC(1), others | AUROC within protocols, others | ICC(1) gained |"
            " AUROC gained, others |",
            "|---|---|---|---|---|---|",
            f"| {today.name} | {today.icc:.3f} | – | {today.within:.3f} | – | – |",
            *(
                f"| {row.name} | {row.icc:.3f} | {row.icc_others:.3f} | {row.within:.3f} |"
                f" {row.icc_gain} | {row.within_gain} |"
                for row in others
            ),
            "",
            "None was taken: no gain in ICC has an interval above 0, and how they were chosen does"
            " not hold where each protocol is left out of the choice (last row). Means repeat well"
            " since they are largely the shape of a face, which is no sign of illness. What may be"
            f" worth another look when there are clinicians' grades: “{TRIED[-1]}”, whose weights"
            f" are {weights}.",
        ]
    )
