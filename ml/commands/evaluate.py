"""``python -m ml evaluate``: a bundle judged on people it did not see, or a training on its own.

``evaluate BUNDLE COHORT`` judges a trained bundle. ``evaluate SETTINGS.json`` judges the training
that the settings describe by nested cross-validation on its own cohort.
"""

import argparse
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

from ml.cohort.clip_features import cohort_of_clips, curves_of_clips
from ml.cohort.head_count import entered_twice, lacks
from ml.cohort.table import check_splits
from ml.commands.train import add_table_options, table_settings
from ml.errors import ConfigError, WrongUse
from ml.evaluation.judge import Judged, figures, judge
from ml.evaluation.nested import judge_nested
from ml.evaluation.page import Subject, bundle_judged, training_judged, write
from ml.evaluation.seen import table_of_strangers
from ml.files import require_no_model
from ml.intensity.source import Material
from ml.measuring import blendshapes
from ml.scoring.bundle import load
from ml.scoring.served_source import folder_of, source_of
from ml.training.config import read_config

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "judged", type=Path, metavar="BUNDLE", help="bundle directory, or a settings file of train"
    )
    parser.add_argument(
        "cohort", type=Path, nargs="?", help="feature table, or folder with manifest.csv"
    )
    parser.add_argument("--folds", type=int, default=5, help="outer folds, for a settings file")
    parser.add_argument("--out", type=Path, default=Path("var/evaluation"), help="report folder")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="measured clips")
    add_table_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    require_no_model(options.out)
    if options.judged.is_file():
        if options.cohort is not None:
            raise WrongUse(f"{options.judged} names its cohort itself; leave {options.cohort} out")
        judged, subject = _of_training(options)
    elif options.cohort is None:
        raise WrongUse("on which people? give a feature table or a folder with manifest.csv")
    else:
        judged, subject = _of_bundle(options)
    found = figures(judged)
    write(options.out, subject, judged, found)
    if options.json:
        json.dump(found, sys.stdout, allow_nan=False)
        print()
    else:
        print((options.out / "report.md").read_text(encoding="utf-8"))
    logger.info("wrote %s", options.out)
    return 0


def _of_bundle(options: argparse.Namespace) -> tuple[Judged, Subject]:
    given, cache = options.cohort, options.cache
    bundle = load(options.judged)
    curves = None
    if given.is_dir():
        if options.subject_column:
            raise WrongUse("--subject-column: only for a feature table; a manifest has subject")
        source, embeds = source_of(bundle), folder_of(bundle)
        shapes = source.material is Material.BLENDSHAPES and bundle.diagnosis is not None
        if shapes:
            blendshapes.required()
        cohort = cohort_of_clips(given, cache, source=embeds, shapes=shapes)
        if bundle.diagnosis is not None:
            curves = curves_of_clips(given, cohort, cache, source, embeds)
    else:
        cohort = table_of_strangers(
            bundle, given, options.subject_column, options.ignore_nearly_matching
        )
    check_splits(cohort)
    judged = judge(bundle, cohort, curves)
    if cohort.read is not None:
        logger.info("%s", cohort.read.said())
    for line in entered_twice(judged.cohort):
        logger.info("%s", line)
    for line in lacks(judged.cohort, bundle.expressions):
        logger.info("lacks %s", line)
    return judged, bundle_judged(bundle)


def _of_training(options: argparse.Namespace) -> tuple[Judged, Subject]:
    path, folds = options.judged, options.folds
    if not 2 <= folds <= 100:
        raise WrongUse(f"--folds {folds} is not from 2 to 100")
    try:
        config = replace(read_config(path), out=str(options.out), **table_settings(options))
    except ConfigError as fault:
        raise ConfigError(f"{path}: {fault}") from fault
    return judge_nested(config, folds, options.cache), training_judged(config, folds)
