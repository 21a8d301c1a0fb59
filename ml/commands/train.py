"""``python -m ml train CONFIG.json``: from a cohort (clips or feature table) to a bundle."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.errors import ConfigError
from ml.settings import make_folder, read_object

KINDS = ("severity", "intensity", "diagnosis")


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("train", help="train a bundle on a cohort")
    parser.add_argument("config", type=Path, help="JSON file; docs/training.md has the entries")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="measured clips")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    data = read_object(options.config)
    make_folder(options.cache)
    try:
        _train(data, options.config.parent, options.cache)
    except ConfigError as fault:
        raise ConfigError(f"{options.config}: {fault}") from fault
    return 0


def _train(data: Mapping[str, Any], here: Path, cache: Path) -> None:
    """Hands the settings to what they are for: ``kind``, or a severity bundle."""
    kind = data.get("kind", KINDS[0])
    if kind == "intensity":
        from ml.intensity.train import train_file as train_intensity

        train_intensity(data, here, cache)
    elif kind == "diagnosis":
        from ml.diagnosis.train import train_file as train_diagnosis

        train_diagnosis(data, here, cache, _say)
    elif kind == "severity":
        from ml.severity.training import train
        from ml.severity.training_config import config_from

        train(config_from({k: v for k, v in data.items() if k != "kind"}, here), cache, _say)
    else:
        raise ConfigError(f"kind: must be one of {', '.join(KINDS)}")


def _say(text: str) -> None:
    print(f"train: {text}", file=sys.stderr, flush=True)
