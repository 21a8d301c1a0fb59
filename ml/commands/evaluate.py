"""``python -m ml evaluate``: a bundle judged on people it did not see, or a training on its own.

``evaluate BUNDLE COHORT`` judges a trained bundle. ``evaluate SETTINGS.json`` judges the training
that the settings describe by nested cross-validation on its own cohort.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ml.errors import ConfigError, WrongUse

if TYPE_CHECKING:
    from ml.severity.assessed import Judged
    from ml.severity.evaluation_page import Subject


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("evaluate", help="judge a bundle, or a training, with intervals")
    parser.add_argument(
        "judged", type=Path, metavar="BUNDLE", help="bundle directory, or a settings file of train"
    )
    parser.add_argument(
        "cohort", type=Path, nargs="?", help="feature table, or folder with manifest.csv"
    )
    parser.add_argument("--folds", type=int, default=5, help="outer folds, for a settings file")
    parser.add_argument("--out", type=Path, default=Path("var/evaluation"), help="report folder")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="measured clips")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ml.severity.assessed import figures
    from ml.severity.evaluation_page import write

    if options.judged.is_file():
        if options.cohort is not None:
            raise WrongUse(f"{options.judged} names its cohort itself; leave {options.cohort} out")
        judged, subject = _of_training(options.judged, options.folds, options.out, options.cache)
    elif options.cohort is None:
        raise WrongUse("on which people? give a feature table or a folder with manifest.csv")
    else:
        judged, subject = _of_bundle(options.judged, options.cohort, options.cache)
    found = figures(judged)
    write(options.out, subject, found)
    if options.json:
        json.dump(found, sys.stdout, allow_nan=False)
        print()
    else:
        print((options.out / "report.md").read_text(encoding="utf-8"))
    _say(f"wrote {options.out}")
    return 0


def _of_bundle(path: Path, given: Path, cache: Path) -> "tuple[Judged, Subject]":
    from ml.bundle import load
    from ml.cohort import check_splits, read_table
    from ml.intensity.served import folder_of, source_of
    from ml.severity.assessed import judge
    from ml.severity.evaluation_page import bundle_judged
    from ml.severity.measured import cohort_of_clips, curves_of_clips

    bundle = load(path)
    curves = None
    if given.is_dir():
        source, embeds = source_of(bundle), folder_of(bundle)
        cohort = cohort_of_clips(given, cache, source=embeds)
        if bundle.diagnosis is not None:
            curves = curves_of_clips(given, cohort, cache, source, embeds)
    else:
        cohort = read_table(given, name=str(given))
    check_splits(cohort)
    return judge(bundle, cohort, curves), bundle_judged(bundle)


def _of_training(path: Path, folds: int, out: Path, cache: Path) -> "tuple[Judged, Subject]":
    from dataclasses import replace

    from ml.severity.evaluation_page import training_judged
    from ml.severity.nested import judge_nested
    from ml.severity.training_config import read_config

    if not 2 <= folds <= 100:
        raise WrongUse(f"--folds {folds} is not from 2 to 100")
    try:
        config = replace(read_config(path), out=str(out))
    except ConfigError as fault:
        raise ConfigError(f"{path}: {fault}") from fault
    return judge_nested(config, folds, cache, _say), training_judged(config, folds)


def _say(text: str) -> None:
    print(f"evaluate: {text}", file=sys.stderr, flush=True)
