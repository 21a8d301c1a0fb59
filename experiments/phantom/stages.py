"""The steps of the phantom results, each kept under the cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from experiments.phantom import ceilings, models, tiny_clip
from experiments.phantom.figures import Agreement, agreement, condition_figures
from experiments.phantom.oracle import posterior, seen
from experiments.phantom.page import Results
from experiments.phantom.people import (
    LONGEST,
    People,
    Recipe,
    Row,
    drawing_digest,
    gather,
    simulated,
    simulated_people,
)
from experiments.phantom.plan import Plan
from ml.cohort.clips import Session, measure_sessions
from ml.cohort.manifest import read_manifest
from ml.intensity import clip_source
from ml.intensity.geometric import GeometricSource
from ml.measuring.measurement import Measurement
from ml.phantom.cohort import CohortSpec, programme, write_cohort
from ml.phantom.graded_people import GRADES, load_config
from ml.scoring.lstm import DiagnosisModel, FitSettings, fit
from ml.scoring.lstm_network import DiagnosisConfig
from ml.scoring.session_signs import SIGNS
from vocabulary.expressions import Expression

HOME = "home"
# Seeds of the simulated people, counted from the plan's. Test people 3 were seen while the settings
# were changed; 13 were drawn once the settings stood.
LEARN, TEST = 2, 13


@dataclass(frozen=True)
class Cohorts:
    """Folders: the people to learn from, and the held-out people under each condition."""

    learning: Path
    held_out: Mapping[str, Path]


def draw(plan: Plan, cache: Path, workers: int) -> Cohorts:
    """Every cohort has a folder named by what makes it, so that a changed plan is another one."""
    expressions = (str(Expression.REST), *plan.expressions)
    small = CohortSpec(
        plan.learning, plan.seed + 1, expressions, seconds=plan.seconds,
        fps=10.0, width=320, height=240,
    )  # fmt: skip
    fine = _filmed(plan)
    specs = {HOME: fine} | {name: replace(fine, condition=name) for name in plan.conditions}
    return Cohorts(
        learning=_drawn(small, cache, workers),
        held_out={name: _drawn(spec, cache, workers) for name, spec in specs.items()},
    )


def _filmed(plan: Plan) -> CohortSpec:
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


def train_clip(plan: Plan, cohorts: Cohorts, cache: Path) -> Path:
    name = (
        f"clip-{plan.learning}-{plan.clip_epochs}-{plan.seed}-{tiny_clip.VERSION}"
        f"-{cohorts.learning.name}"
    )
    return tiny_clip.train_tiny_clip(
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
    plan: Plan,
    sessions: Mapping[str, Sequence[Session]],
    clip: Path,
    cache: Path,
    workers: int,
) -> Results:
    geometric, learned = GeometricSource(), clip_source.load(clip)
    posed, held = plan.expressions, _filmed(plan)
    train, test = (
        simulated_people(
            Recipe(count, plan.seed + offset, tuple(posed), plan.seconds, 15.0), cache, workers
        )
        for offset, count in ((LEARN, plan.simulated), (TEST, plan.simulated_test))
    )
    lstm = _lstm(plan, train, SIGNS)
    lstm.save(cache / f"lstm-{plan.simulated}-{plan.lstm_epochs}-{plan.seed}")
    given = load_config().pd_given_grade()
    movement = ceilings.movement_oracle(plan.simulated_test, plan.seed + TEST, posed)
    bare = _lstm(plan, models.without_signs(train), ())
    said = models.opinions(train, test, lstm, bare, given, movement)
    return Results(
        geometric={n: condition_figures(s, geometric, posed) for n, s in sessions.items()},
        clip={n: condition_figures(s, learned, posed) for n, s in sessions.items()},
        without_ties=ceilings.without_ties(held, plan.filmed, posed),
        as_drawn=ceilings.as_drawn(held, plan.filmed, posed),
        models={n: models.model_figures(test, s, said[models.ORACLE]) for n, s in said.items()},
        agreement={n: _agreement(plan, lstm, s, sessions[HOME]) for n, s in sessions.items()},
        sources=(geometric.identity, learned.identity),
        clips=sum(len(s.measured) for some in sessions.values() for s in some),
    )


def _lstm(plan: Plan, train: People, signs: tuple[str, ...]) -> DiagnosisModel:
    """Every phantom clip is as long as the others: there is no length to hide. The settings were
    chosen on other people of the training seed."""
    return fit(
        train.curves,
        train.pd,
        DiagnosisConfig(
            expressions=plan.expressions, longest=LONGEST, signs=signs, grades=len(GRADES)
        ),
        FitSettings(
            epochs=plan.lstm_epochs,
            batch=64,
            rate=2e-3,
            drop_expression=0.05,
            shorten=0.0,
            seed=plan.seed,
        ),
        train.grade,
    )


def _agreement(
    plan: Plan, lstm: DiagnosisModel, filmed: Sequence[Session], home: Sequence[Session]
) -> Agreement:
    """The LSTM on filmed people: against the same people simulated (home), or against
    themselves filmed at home (the other conditions)."""
    reference = {session.subject: session for session in home}
    found = _people(filmed, plan.expressions)
    if filmed is home:
        other = _programmed(plan)
    else:
        other = _people([reference[s.subject] for s in filmed], plan.expressions)
    return agreement(lstm.ask_all(found.curves)[0], lstm.ask_all(other.curves)[0])


def _people(filmed: Sequence[Session], posed: Sequence[str]) -> People:
    return gather(
        [_row(s.measured, list(s.truth.values())) for s in filmed], GeometricSource(), posed
    )


def _programmed(plan: Plan) -> People:
    """The filmed people's own performances, simulated instead of drawn."""
    spec, rows = _filmed(plan), []
    for number in range(plan.filmed):
        shown = {e: programme(spec, number, e) for e in spec.expressions}
        measured = {e: simulated(p, (plan.seed, number)) for e, (_, p) in shown.items()}
        labels = {"pd": shown[Expression.REST][0].pd, "grade": shown[Expression.REST][0].grade}
        rows.append(_row(measured, [{**p.truth(), **labels} for _, p in shown.values()]))
    return gather(rows, GeometricSource(), plan.expressions)


def _row(measured: Mapping[str, Measurement], truths: Sequence[Mapping[str, Any]]) -> Row:
    view = posterior(seen(truths), load_config())
    return Row(measured, bool(truths[0]["pd"]), int(truths[0]["grade"]), view)
