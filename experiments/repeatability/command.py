"""``python -m experiments repeatability``: how well scores repeat, on public repeats.

Writes a page and, with ``--learn``, the variance components that the person's result is made with
(``ml/scoring/repeatability.json``): no rows, only components, counts, source and licence. A minute
on one core; nothing is trained.
"""

import argparse
import os
import time
from pathlib import Path

from experiments.public.shipped import data_root
from experiments.public.tables import public_data
from experiments.repeatability.figures import figures
from experiments.repeatability.learnt import learn
from experiments.repeatability.page import page
from experiments.repeatability.repeats import repeats
from ml.files import write
from ml.scoring.bundle import default_bundle_path, load
from ml.scoring.repeatability import FILE


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
        learn(data, bundle, found)
        print(f"written: {FILE}")
    measured = figures(data, bundle, found)
    write(options.out, page(measured, time.monotonic() - begin))
    print(f"written: {options.out}")
    return 0
