"""``python -m ml results-phantom``: figures on drawn faces, into docs/results-phantom.md."""

import argparse
import json
from pathlib import Path
from typing import Any


def add_command(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "results-phantom", help="measure the software on drawn faces; writes a page"
    )
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
    from dataclasses import replace

    from ml.errors import WrongUse
    from ml.phantom_results import Plan, run

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
