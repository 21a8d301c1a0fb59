"""The phantom results as JSON and as a page, every figure with its aim beside it."""

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.evaluate import Interval
from ml.intensity.source import SourceIdentity
from ml.phantom_results.figures import (
    ConditionFigures,
    ModelFigures,
    median_latency_error,
    median_spearman,
    over_people,
)

if TYPE_CHECKING:
    from ml.phantom_results import Plan

AIMS = {"geometric": 0.97, "clip": 0.95, "latency_s": 0.060, "share": 0.95, "loss": 0.05}


@dataclass(frozen=True)
class Agreement:
    """The LSTM's probabilities of the same people read in two ways."""

    people: int
    median_difference: float
    same_decision: float


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the page says. Conditions are of the same first people each."""

    geometric: ConditionFigures
    clip: ConditionFigures
    geometric_conditions: Mapping[str, ConditionFigures]
    clip_conditions: Mapping[str, ConditionFigures]
    models: Mapping[str, ModelFigures]
    agreement: Mapping[str, Agreement]
    sources: tuple[SourceIdentity, SourceIdentity]
    clips: int


def to_json(results: Results, plan: "Plan", seconds: float) -> dict[str, Any]:
    """Plain JSON types, with the machine and the date."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "seconds": round(seconds),
        "plan": asdict(plan),
        "clips": results.clips,
        "sources": [source.to_json() for source in results.sources],
        "intensity": {
            "geometric": _source(results.geometric),
            "clip": _source(results.clip),
        },
        "conditions": {
            name: {
                "geometric": _source(results.geometric_conditions[name]),
                "clip": _source(results.clip_conditions[name]),
                "lstm": asdict(results.agreement[name]),
            }
            for name in results.geometric_conditions
        },
        "diagnosis": {name: _model(figures) for name, figures in results.models.items()},
        "filmed_agreement": asdict(results.agreement["home"]),
        "aims": AIMS,
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


def _model(figures: ModelFigures) -> dict[str, Any]:
    parts = {name: getattr(figures, name) for name in ("accuracy", "auroc", "share")}
    return {"people": figures.people, **{n: v.to_json() for n, v in parts.items()}}


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def page(data: Mapping[str, Any]) -> str:
    """The Markdown page."""
    plan = data["plan"]
    parts = [
        "# Results on phantoms",
        f"Made by `python -m ml results-phantom` on {data['date']} ({data['machine']};"
        f" {data['seconds']} s, cached steps included). A phantom is a face drawn by code with a"
        " programmed expression: these figures check that the software reads what was programmed."
        " **They say nothing about people**, and no weights trained here ship.",
        f"Held out: {plan['filmed']} drawn people (other identities, movements and seeds than in"
        f" training), {', '.join(plan['expressions'])} and rest, {plan['seconds']:g} s each."
        " Intervals: 95 %, bootstrap over people.",
        "## Intensity against the programmed curve",
        _intensity_table(data),
        "Per clip: median over clips of Spearman's correlation between the curve and the truth at"
        " the video's own times. Pooled: over all frames of an expression, people together, mean"
        " over expressions; it also asks that stronger performances read stronger. The truth is"
        " exactly 0 between repetitions and flat while an expression is held; a measured curve"
        " wavers there and cannot tie, which alone costs rank correlation. Latency: error"
        " of the median onset latency of a clip. The CLIP source is a tiny network trained from"
        f" random weights on {plan['learning']} other drawn people; a pretrained CLIP was not at"
        " hand.",
        "## PD from curves (LSTM)",
        _model_table(data["diagnosis"]),
        f"Trained on {plan['simulated']} and tested on {plan['simulated_test']} other phantom"
        " people whose signals are simulated: what FaceMesh would read, predicted from their"
        " programme (geometric source throughout). The oracle is Bayes' rule on the programmed"
        " parameters, blinks and lips at rest included: nobody can do better on these people."
        " Share: accuracy divided by the oracle's on the same people.",
        _agreement_line(data["filmed_agreement"]),
        "## Worse recordings of the same people",
        _condition_table(data["conditions"]),
        "Loss: how much less the per-clip correlation is than at home, for the same people; a clip"
        " that is refused as unusable counts as an abstention, not as a loss. LSTM: median change"
        " of the probability, and how many people keep their decision.",
        "## Which source was active",
        "\n".join(f"- {s['name']} {s['version']}, digest `{s['digest']}`" for s in data["sources"]),
        _shortfalls(data),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _text(figure: Mapping[str, float], scale: float = 1.0, digits: int = 3) -> str:
    value, low, high = (figure[k] * scale for k in ("value", "low", "high"))
    return str(Interval(value, low, high)) if digits == 3 else (
        f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
    )  # fmt: skip


def _intensity_table(data: Mapping[str, Any]) -> str:
    rows = []
    for name, figures in data["intensity"].items():
        if not figures["clips"]:
            rows.append([name, "0", "no usable clip", "", "", ""])
            continue
        late = figures["latency_error_s"]
        rows.append(
            [
                name,
                str(figures["clips"]),
                _text(figures["spearman_clip"]),
                f"{figures['spearman_pooled']:.3f}",
                f"≥ {AIMS[name]:.2f}",
                "–" if late is None else _text(late, 1000, 0),
            ]
        )
    return _table(
        ["source", "clips", "per clip", "pooled", "aim", "latency error, ms (aim ≤ 60)"], rows
    )


def _model_table(models: Mapping[str, Any]) -> str:
    rows = [
        [name, _text(m["accuracy"]), _text(m["auroc"]), _text(m["share"])]
        for name, m in models.items()
    ]
    return _table(["model", "accuracy", "AUROC", "share of the oracle (aim ≥ 0.95)"], rows)


def _agreement_line(agreement: Mapping[str, float]) -> str:
    return (
        f"The same LSTM on the {agreement['people']} filmed people, drawn, encoded and measured"
        f" by FaceMesh: its probability differs from that on the same people simulated by"
        f" {agreement['median_difference']:.3f} (median), and"
        f" {agreement['same_decision']:.0%} keep their decision."
    )


def _condition_table(conditions: Mapping[str, Any]) -> str:
    rows = []
    for name, both in conditions.items():
        cells = [name]
        for source in ("geometric", "clip"):
            here, home = both[source], conditions["home"][source]
            cells.append(_loss(here, home))
        geometric, lstm = both["geometric"], both["lstm"]
        latency = geometric.get("latency_error_s")
        cells.append("–" if latency is None else f"{1000 * latency['value']:.0f}")
        cells.append(f"{geometric['unusable']:.0%}")
        cells.append(
            "–"
            if name == "home"
            else f"{lstm['median_difference']:.3f}, {lstm['same_decision']:.0%}"
        )
        rows.append(cells)
    head = ["filmed", "geometric, loss", "CLIP, loss", "latency error, ms", "refused", "LSTM"]
    return _table(head, rows)


def _loss(here: Mapping[str, Any], home: Mapping[str, Any]) -> str:
    if not here["clips"]:
        return "all refused"
    value, before = here["spearman_clip"]["value"], home["spearman_clip"]["value"]
    return f"{value:.3f} ({1 - value / before:+.1%})" if here is not home else f"{value:.3f}"


def _shortfalls(data: Mapping[str, Any]) -> str:
    """Says by how much each aim was missed: a smaller true figure is worth more."""
    missed = []
    for name, figures in data["intensity"].items():
        value = figures.get("spearman_clip", {}).get("value", 0.0)
        if value < AIMS[name]:
            missed.append(f"{name} intensity: {value:.3f} per clip, aim {AIMS[name]:.2f}")
    late = data["intensity"]["geometric"].get("latency_error_s")
    if late is None:
        missed.append("onset latency: told for no clip, aim 60 ms")
    elif late["value"] > AIMS["latency_s"]:
        missed.append(f"onset latency: {1000 * late['value']:.0f} ms, aim 60 ms")
    share = data["diagnosis"]["LSTM"]["share"]["value"]
    if share < AIMS["share"]:
        missed.append(f"LSTM: {share:.3f} of the oracle, aim {AIMS['share']:.2f}")
    for name, both in data["conditions"].items():
        for source in ("geometric", "clip"):
            here, home = both[source], data["conditions"]["home"][source]
            if here["clips"] and home["clips"]:
                loss = 1 - here["spearman_clip"]["value"] / home["spearman_clip"]["value"]
                if loss > AIMS["loss"]:
                    missed.append(f"{source} intensity, {name}: loses {loss:.1%}, aim ≤ 5 %")
    if not missed:
        return "## Aims\n\nAll reached."
    return "## Aims not reached\n\n" + "\n".join(f"- {line}" for line in missed)
