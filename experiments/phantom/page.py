"""The phantom results as JSON and as a page, every figure with its aim beside it."""

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.phantom import measures
from experiments.phantom.figures import (
    Agreement,
    ClipFigure,
    ConditionFigures,
    median_latency_error,
    median_spearman,
    over_people,
    paired_loss,
)
from experiments.phantom.models import ModelFigures
from experiments.phantom.plan import Plan
from ml.intensity.source import SourceIdentity
from ml.metrics import Interval

HOME = "home"


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the page says. Conditions are of the same people each."""

    geometric: Mapping[str, ConditionFigures]
    clip: Mapping[str, ConditionFigures]
    without_ties: Sequence[ClipFigure]
    as_drawn: Sequence[ClipFigure]
    models: Mapping[str, ModelFigures]
    agreement: Mapping[str, Agreement]
    sources: tuple[SourceIdentity, SourceIdentity]
    clips: int


def to_json(results: Results, plan: Plan, seconds: float) -> dict[str, Any]:
    """Plain JSON types, with the machine and the date."""
    both = {"geometric": results.geometric, "clip": results.clip}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "seconds": round(seconds),
        "plan": asdict(plan),
        "clips": results.clips,
        "sources": [source.to_json() for source in results.sources],
        "intensity": {name: _source(found[HOME]) for name, found in both.items()},
        "ceilings": {
            "without_ties": over_people(results.without_ties, median_spearman).to_json(),
            "as_drawn": over_people(results.as_drawn, median_spearman).to_json(),
        },
        "conditions": {
            name: {
                **{
                    source: _source(found[name])
                    | ({} if name == HOME else _loss(found[name], found[HOME]))
                    for source, found in both.items()
                },
                "lstm": _agreement(results.agreement[name]),
            }
            for name in results.geometric
        },
        "diagnosis": {name: _model(figures) for name, figures in results.models.items()},
        "filmed_agreement": _agreement(results.agreement[HOME]),
        "aims": measures.AIMS,
    }


def _source(figures: ConditionFigures) -> dict[str, Any]:
    if not figures.clips:
        return {"people": figures.people, "clips": 0, "unusable": 1.0}
    timed = sum(clip.latency_error_s is not None for clip in figures.clips)
    return {
        "people": figures.people,
        "clips": len(figures.clips),
        "unusable": round(figures.unusable, 4),
        "spearman_clip": over_people(figures.clips, median_spearman).to_json(),
        "spearman_pooled": round(float(np.mean(figures.pooled)), 4),
        "latency_error_s": over_people(figures.clips, median_latency_error).to_json()
        if timed
        else None,
        "with_latency": round(timed / len(figures.clips), 4),
    }


def _loss(here: ConditionFigures, home: ConditionFigures) -> dict[str, Any]:
    if not here.clips or not home.clips:
        return {}
    loss = paired_loss(here.clips, home.clips, median_spearman)
    return {"loss": loss.to_json()} if np.isfinite(loss.value) else {}


def _agreement(found: Agreement) -> dict[str, Any]:
    return {
        "people": found.people,
        "median_difference": found.median_difference.to_json(),
        "same_decision": found.same_decision.to_json(),
    }


def _model(figures: ModelFigures) -> dict[str, Any]:
    parts = {
        name: value.to_json()
        for name, value in vars(figures).items()
        if isinstance(value, Interval)
    }
    return {"people": figures.people, **parts}


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def page(data: Mapping[str, Any]) -> str:
    """The Markdown page."""
    plan = data["plan"]
    fewer = tuple(plan["conditions"]) != Plan().conditions
    how = " ".join([" --conditions", *plan["conditions"]]) if fewer else ""
    parts = [
        "# Results on phantoms",
        f"Made by `python -m experiments results-phantom{how}` on {data['date']}"
        f" ({data['machine']}; {data['seconds']} s, cached steps included)."
        " A phantom is a face drawn by code with a programmed expression:"
        " these figures check that the software reads what was programmed."
        " **They say nothing about people**, and no weights trained here ship.",
        f"Held out: {plan['filmed']} drawn people (other identities, movements and seeds than in"
        f" training), {', '.join(plan['expressions'])} and rest, {plan['seconds']:g} s each."
        " Intervals: 95 %, bootstrap over people.",
        "## Intensity against the programmed curve (filmed: drawn, encoded, measured)",
        measures.intensity(data),
        "Per clip: median over clips of Spearman's correlation between the curve and the truth at"
        " the video's own times. Pooled: over all frames of an expression, people together, mean"
        " over expressions; it also asks that stronger performances read stronger. Latency: error"
        " of the median onset latency of a clip. The CLIP source is a tiny network trained from"
        f" random weights on {plan['learning']} other drawn people; a pretrained CLIP was not at"
        " hand. Ceilings: the truth is exactly 0 between repetitions and flat while an expression"
        " is held, and *without ties* is the programmed curve itself wavering by one part in a"
        " billion; *as drawn* is read without any error from the channels that the face is drawn"
        " from, which wander a little by themselves, as programmed, while the truth does not. Only"
        " a curve that is exactly 0 at rest can go beyond them. What was tried:"
        " [the curve](../experiments/notes/intensity-curve.md),"
        " [the CLIP network](../experiments/notes/clip-intensity-network.md).",
        "## PD and grades from curves (simulated signals)",
        measures.models(data["diagnosis"]),
        "Grades of MDS-UPDRS 3.2 as programmed, the likeliest one of each model:",
        measures.grades(data["diagnosis"]),
        f"Trained on {plan['simulated']} and tested on {plan['simulated_test']} other phantom"
        " people whose signals are simulated: what FaceMesh would read, predicted from their"
        " programme (geometric source throughout). Settings were chosen on other people of"
        " the training seed; the test people are from a seed not used before. The"
        " oracle is Bayes' rule on the programmed parameters, blinks and lips at rest included:"
        " nobody can do better on these people, and nobody who sees posed movement alone can do"
        " better than its row. The LSTM reads the curves and three signs (blink rate over the"
        " session, parted lips and tremor at rest). Share: divided by the oracle's on the same"
        " people. What was tried:"
        " [the LSTM](../experiments/notes/lstm-on-curves.md).",
        measures.agreement_line(data["filmed_agreement"]),
        "## Worse recordings of the same people (filmed)",
        measures.conditions(data["conditions"]),
        "Loss: which share of the per-clip correlation at home the same people lose (paired"
        " intervals); a clip that is refused as unusable counts as an abstention, not as a loss."
        " LSTM: median change of the probability, and how many people keep their decision.",
        "## Which source was active",
        "\n".join(f"- {s['name']} {s['version']}, digest `{s['digest']}`" for s in data["sources"]),
        measures.shortfalls(data),
    ]
    return "\n\n".join(parts) + "\n"
