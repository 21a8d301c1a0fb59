"""``python -m ml ablate CONFIG.json``: what each choice of a training gains on held-out people."""

import argparse
import json
import logging
from dataclasses import replace
from pathlib import Path

from ml.commands.train import add_table_options, table_settings
from ml.errors import ConfigError, WrongUse
from ml.evaluation.ablation import VARIED, ablate, page, to_json
from ml.files import require_no_model
from ml.settings import make_folder
from ml.training.config import read_config

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="a settings file of train")
    parser.add_argument(
        "--over", choices=list(VARIED), default="balance", help="what is varied (balance)"
    )
    parser.add_argument("--folds", type=int, default=5, help="outer folds")
    parser.add_argument("--out", type=Path, default=Path("var/ablation"), help="report folder")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="measured clips")
    add_table_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if not 2 <= options.folds <= 100:
        raise WrongUse(f"--folds {options.folds} is not from 2 to 100")
    require_no_model(options.out)
    make_folder(options.out)
    try:
        config = replace(
            read_config(options.config), out=str(options.out), **table_settings(options)
        )
        judged, found = ablate(config, options.over, options.folds, options.cache)
    except ConfigError as fault:
        raise ConfigError(f"{options.config}: {fault}") from fault
    text = page(config, options.over, options.folds, judged, found)
    (options.out / "ablation.md").write_text(text, encoding="utf-8")
    (options.out / "ablation.json").write_text(
        json.dumps(to_json(found), indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    print(text)
    logger.info("wrote %s", options.out)
    return 0
