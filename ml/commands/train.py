"""``python -m ml train CONFIG.json``: from a cohort (clips or feature table) to a bundle."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.errors import ConfigError
from ml.settings import make_folder, read_object
from ml.training.clip_source.train import train_file as train_intensity
from ml.training.cohort_to_bundle import train
from ml.training.config import KIND, config_from

KINDS = (KIND, "intensity")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="JSON file; docs/training.md has the entries")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="measured clips")
    add_table_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    data = read_object(options.config) | table_settings(options)
    make_folder(options.cache)
    try:
        _train(data, options.config.parent, options.cache)
    except ConfigError as fault:
        raise ConfigError(f"{options.config}: {fault}") from fault
    return 0


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """How a feature table is to be read, where its header does not say it."""
    parser.add_argument(
        "--subject-column",
        metavar="COLUMN",
        default="",
        help="the column of a feature table that tells people apart, where none is named subject",
    )
    parser.add_argument(
        "--ignore-nearly-matching",
        action="store_true",
        help="leave out the columns that are named nearly like ours",
    )


def table_settings(options: argparse.Namespace) -> dict[str, Any]:
    """These options as entries of a settings file."""
    given = {
        "subject_column": options.subject_column,
        "ignore_nearly_matching": options.ignore_nearly_matching,
    }
    return {name: value for name, value in given.items() if value}


def _train(data: Mapping[str, Any], here: Path, cache: Path) -> None:
    """Hands the settings to what they are for: ``kind``, or a severity bundle."""
    kind = data.get("kind", KINDS[0])
    if kind == "intensity":
        train_intensity(data, here, cache)
    elif kind == KIND:
        train(config_from(data, here), cache)
    else:
        raise ConfigError(f"kind: must be one of {', '.join(KINDS)}")
