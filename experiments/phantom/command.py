"""``python -m experiments results-phantom``: figures on drawn faces, into docs/results-phantom.md.

Draws or takes up the cohorts, trains the tiny CLIP and the LSTM on phantom people, and measures on
others (held-out identities, curves and seeds). Everything is kept by content under the cache, so a
second run takes seconds.
"""

import argparse
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments.phantom import stages
from experiments.phantom.page import page, to_json
from experiments.phantom.plan import Plan
from ml.errors import WrongUse

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("docs/results-phantom.md"))
    parser.add_argument("--cache", type=Path, default=Path("var/phantom"))
    parser.add_argument("--workers", type=int, default=2, help="processes that draw and measure")
    parser.add_argument("--people", type=int, help="filmed held-out people (default 10)")
    parser.add_argument(
        "--conditions", nargs="*", help="ways of filming beside home (default all; none: home only)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    plan = Plan()
    if options.people is not None:
        if options.people < 1:
            raise WrongUse("--people must be 1 or more")
        plan = replace(plan, filmed=options.people)
    if options.conditions is not None:
        unknown = sorted(set(options.conditions) - set(plan.conditions))
        if unknown:
            known = ", ".join(plan.conditions)
            raise WrongUse(f"unknown conditions {', '.join(unknown)}; known: {known}")
        plan = replace(plan, conditions=tuple(options.conditions))
    figures = run(options.out, options.cache, plan, max(options.workers, 1))
    print(json.dumps(figures) if options.json else f"written: {options.out}")
    return 0


def run(out: Path, cache: Path, plan: Plan | None = None, workers: int = 2) -> Mapping[str, Any]:
    """Measures everything and writes the page ``out``; returns the figures as plain JSON types."""
    plan, begin = plan or Plan(), time.monotonic()
    cache.mkdir(parents=True, exist_ok=True)
    logger.info("drawing people")
    cohorts = stages.draw(plan, cache, workers)
    logger.info("training the tiny CLIP")
    clip = stages.train_clip(plan, cohorts, cache)
    logger.info("measuring the held-out people")
    sessions = stages.measure(cohorts, clip, cache, workers)
    logger.info("training the LSTM")
    results = stages.figures(plan, sessions, clip, cache, workers)
    figures = to_json(results, plan, time.monotonic() - begin)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(figures), encoding="utf-8")
    return figures
