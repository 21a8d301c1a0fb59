"""``python -m experiments repeatability``: how well scores repeat, on public repeats.

Writes a page and, with ``--learn``, the variance components that the person's result is made with
(``ml/scoring/repeatability.json``): no rows, only components, counts, source and licence. A minute
on one core; nothing is trained.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

from experiments.repeatability.figures import figures
from experiments.repeatability.page import page
from experiments.repeatability.repeats import EXPRESSION, Repeats, repeats
from ml.cohort.public_data import PublicData, public_data
from ml.files import write, write_json
from ml.scoring.bundle import Bundle, default_bundle_path, load
from ml.scoring.person import variance_components
from ml.scoring.repeatability import (
    FILE,
    LearntFrom,
    Repeatability,
    Source,
    grades_digest,
    index_digest,
)
from ml.training.shipped import data_root


def add_command(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "repeatability", help="measure how scores repeat on MIMIA_DATA; writes a page"
    )
    parser.add_argument("--out", type=Path, default=Path("docs/results-repeatability.md"))
    parser.add_argument("--bundle", type=Path, help="bundle directory (left out: the shipped)")
    parser.add_argument(
        "--learn", action="store_true", help="write the components that the person's result uses"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    begin = time.monotonic()
    data = public_data(data_root(os.environ.get("MIMIA_DATA")))
    bundle = load(options.bundle or default_bundle_path())
    found = repeats(data, bundle)
    if options.learn:
        write_json(FILE, learnt(data, bundle, found).to_json(), indent=1)
        print(f"written: {FILE}")
    measured = figures(data, bundle, found)
    write(options.out, page(measured, time.monotonic() - begin))
    print(f"written: {options.out}")
    return 0


def learnt(data: PublicData, bundle: Bundle, found: Repeats) -> Repeatability:
    """What is kept of the public repeats."""
    return Repeatability(
        index=variance_components(found.index, found.subject),
        grade=variance_components(found.grade, found.subject),
        signals={
            name: variance_components(values, found.subject)
            for name, values in found.columns().items()
        },
        source=Source("ROC-HCI/UFNet, facial expression smile", "MIT", data.smile.sha256),
        learnt_from=LearntFrom(
            f"{bundle.name}-{bundle.version}",
            index_digest(bundle.scorer.index),
            grades_digest(bundle.scorer),
            (EXPRESSION,),
        ),
    )
