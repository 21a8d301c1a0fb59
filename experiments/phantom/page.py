"""The phantom results as JSON and as a page, every figure with its aim beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from experiments.machine import processor, today
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
from ml.markdown import render
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
        "date": today(),
        "machine": processor(),
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


def page(data: Mapping[str, Any]) -> str:
    """The Markdown page."""
    conditions = data["plan"]["conditions"]
    fewer = tuple(conditions) != Plan().conditions
    return render(
        __file__,
        "page.md.j2",
        data=data,
        conditions=" ".join(["", "--conditions", *conditions]) if fewer else "",
        aims=measures.AIMS,
        missed=measures.missed(data),
    )
