"""Figures on phantoms: does the software read what was programmed? Nothing about people.

``run`` draws or takes up the cohorts, trains the tiny CLIP and the LSTM on phantom people, and
measures on others (held-out identities, curves and seeds). Everything is kept by content under
the cache, so a second run takes seconds. ``python -m ml results-phantom`` calls it; so does
``python -m ml results``.
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.phantom_results.report import Results


@dataclass(frozen=True)
class Plan:
    """How many people of each kind. The default takes about ten minutes on two idle cores.

    ``filmed`` held-out people, drawn and measured at 640 × 480 and 30 frames a second, and again
    under each condition; ``learning`` people drawn small for the tiny CLIP; ``simulated`` people
    for the LSTM, ``simulated_test`` others to test it.
    """

    expressions: tuple[str, ...] = ("smile", "disgust", "surprise")
    conditions: tuple[str, ...] = ("dark", "noise", "15fps", "dropped")
    filmed: int = 10
    learning: int = 40
    simulated: int = 4000
    simulated_test: int = 1500
    seconds: float = 10.0
    clip_epochs: int = 12
    lstm_epochs: int = 15
    seed: int = 20260


def run(out: Path, cache: Path, plan: Plan | None = None, workers: int = 2) -> Mapping[str, Any]:
    """Measures everything and writes the page ``out``; returns the figures as plain JSON types."""
    from ml.phantom_results import report, stages

    plan, begin = plan or Plan(), time.monotonic()
    cache.mkdir(parents=True, exist_ok=True)
    _say("drawing people", begin)
    cohorts = stages.draw(plan, cache, workers)
    _say("training the tiny CLIP", begin)
    clip = stages.train_clip(plan, cohorts, cache)
    _say("measuring the held-out people", begin)
    sessions = stages.measure(cohorts, clip, cache, workers)
    _say("training the LSTM", begin)
    results: Results = stages.figures(plan, sessions, clip, cache, workers)
    figures = report.to_json(results, plan, time.monotonic() - begin)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report.page(figures), encoding="utf-8")
    return figures


def _say(what: str, begin: float) -> None:
    print(
        f"phantom results: {what} ({time.monotonic() - begin:.0f} s)", file=sys.stderr, flush=True
    )
