"""The steps of the phantom results, each kept under the cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml.diagnosis.measured import Session, measure_sessions
from ml.diagnosis.model import DiagnosisModel, FitSettings, fit
from ml.diagnosis.network import DiagnosisConfig
from ml.expressions import Expression
from ml.intensity import clip_source
from ml.intensity.geometric import GeometricSource
from ml.manifest import read_manifest
from ml.phantom.cohort import CohortSpec, programme, write_cohort
from ml.phantom.grades import GradeConfig, load_config
from ml.phantom.oracle import p_pd, seen
from ml.phantom_results.figures import condition_figures, diagnosis_scores, model_figures
from ml.phantom_results.people import (
    LONGEST,
    People,
    Recipe,
    drawing_digest,
    gather,
    simulated,
    simulated_people,
)
from ml.phantom_results.report import Agreement, Results
from ml.phantom_results.tiny_clip import train_tiny_clip

if TYPE_CHECKING:
    from ml.phantom_results import Plan

HOME = "home"


@dataclass(frozen=True)
class Cohorts:
    """Folders: the people to learn from, and the held-out people under each condition."""

    learning: Path
    held_out: Mapping[str, Path]


def draw(plan: "Plan", cache: Path, workers: int) -> Cohorts:
    """Every cohort has a folder named by what makes it, so that a changed plan is another one."""
    expressions = (str(Expression.REST), *plan.expressions)
    small = CohortSpec(
        plan.learning, plan.seed + 1, expressions, seconds=plan.seconds,
        fps=10.0, width=320, height=240,
    )  # fmt: skip
    fine = _filmed(plan)
    specs = {HOME: fine} | {
        name: replace(fine, condition=name, subjects=plan.degraded) for name in plan.conditions
    }
    return Cohorts(
        learning=_drawn(small, cache, workers),
        held_out={name: _drawn(spec, cache, workers) for name, spec in specs.items()},
    )


def _filmed(plan: "Plan") -> CohortSpec:
    expressions = (str(Expression.REST), *plan.expressions)
    return CohortSpec(plan.filmed, plan.seed, expressions, seconds=plan.seconds)


def _drawn(spec: CohortSpec, cache: Path, workers: int) -> Path:
    name = f"{spec.condition}-{spec.width}-{spec.fps:g}-{spec.seconds:g}-{spec.seed}"
    folder = cache / f"cohort-{name}-{len(spec.expressions)}-{drawing_digest()[:8]}"
    if not (folder / "manifest.csv").is_file() or len(read_manifest(folder)) < spec.subjects * len(
        spec.expressions
    ):
        write_cohort(folder, spec, workers=workers)
    return folder


def train_clip(plan: "Plan", cohorts: Cohorts, cache: Path) -> Path:
    name = f"clip-{plan.learning}-{plan.clip_epochs}-{plan.seed}-{cohorts.learning.name}"
    return train_tiny_clip(
        cohorts.learning,
        cache / name,
        cache / "crops",
        expressions=plan.expressions,
        epochs=plan.clip_epochs,
        seed=plan.seed,
    )


def measure(
    cohorts: Cohorts, clip: Path, cache: Path, workers: int
) -> Mapping[str, Sequence[Session]]:
    """Held-out people under each condition, through ``measure_clip`` with the CLIP's encoder."""
    return {
        name: measure_sessions(
            read_manifest(folder, verify=False), cache / "measured", source=clip, workers=workers
        )
        for name, folder in cohorts.held_out.items()
    }


def figures(
    plan: "Plan",
    sessions: Mapping[str, Sequence[Session]],
    clip: Path,
    cache: Path,
    workers: int,
) -> Results:
    geometric, learned = GeometricSource(), clip_source.load(clip)
    posed = plan.expressions
    config = load_config()
    train, test = (
        simulated_people(
            Recipe(count, plan.seed + offset, tuple(posed), plan.seconds, 15.0), cache, workers
        )
        for offset, count in ((2, plan.simulated), (3, plan.simulated_test))
    )
    # Every phantom clip is as long as the others: there is no length to hide. The settings were
    # chosen on a quarter of the training people.
    lstm = fit(
        train.curves,
        train.pd,
        DiagnosisConfig(expressions=posed, longest=LONGEST),
        FitSettings(epochs=plan.lstm_epochs, drop_expression=0.05, shorten=0.0, seed=plan.seed),
    )
    lstm.save(cache / f"lstm-{plan.simulated}-{plan.lstm_epochs}-{plan.seed}")
    scores = diagnosis_scores(train, lstm, test)
    same = {name: some[: plan.degraded] for name, some in sessions.items()}
    return Results(
        geometric=condition_figures(sessions[HOME], geometric, posed),
        clip=condition_figures(sessions[HOME], learned, posed),
        geometric_conditions={n: condition_figures(s, geometric, posed) for n, s in same.items()},
        clip_conditions={n: condition_figures(s, learned, posed) for n, s in same.items()},
        models={name: model_figures(test.pd, s, test.oracle) for name, s in scores.items()},
        agreement={
            name: _agreement(plan, lstm, config, some, sessions[HOME])
            for name, some in sessions.items()
        },
        sources=(geometric.identity, learned.identity),
        clips=sum(len(s.measured) for some in sessions.values() for s in some),
    )


def _agreement(
    plan: "Plan",
    lstm: DiagnosisModel,
    config: GradeConfig,
    filmed: Sequence[Session],
    home: Sequence[Session],
) -> Agreement:
    """The LSTM on filmed people: against the same people simulated (home), or against
    themselves filmed at home (the other conditions)."""
    reference = {session.subject: session for session in home}
    found = _people(filmed, config, plan.expressions)
    if filmed is home:
        other = _programmed(plan, config)
    else:
        other = _people([reference[s.subject] for s in filmed], config, plan.expressions)
    first, second = lstm.ask_all(found.curves)[0], lstm.ask_all(other.curves)[0]
    return Agreement(
        people=len(first),
        median_difference=float(np.median(np.abs(first - second))),
        same_decision=float(((first > 0.5) == (second > 0.5)).mean()),
    )


def _people(sessions: Sequence[Session], config: GradeConfig, posed: Sequence[str]) -> People:
    rows = [(s.measured, s.pd, p_pd(seen(list(s.truth.values())), config)) for s in sessions]
    return gather(rows, GeometricSource(), posed)


def _programmed(plan: "Plan", config: GradeConfig) -> People:
    """The filmed people's own performances, simulated instead of drawn."""
    spec, rows = _filmed(plan), []
    for number in range(plan.filmed):
        shown = {e: programme(spec, number, e) for e in spec.expressions}
        measured = {e: simulated(p, (plan.seed, number)) for e, (_, p) in shown.items()}
        truths = [performance.truth() for _, performance in shown.values()]
        person = next(iter(shown.values()))[0]
        rows.append((measured, int(person.pd), p_pd(seen(truths), config)))
    return gather(rows, GeometricSource(), plan.expressions)
