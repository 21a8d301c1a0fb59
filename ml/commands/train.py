"""``python -m ml train CONFIG.json``: from a cohort (clips or feature table) to a bundle."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("train", help="train a bundle on a cohort")
    parser.add_argument("config", type=Path, help="JSON file; docs/training.md has the entries")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="measured clips")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    def say(text: str) -> None:
        print(f"train: {text}", file=sys.stderr, flush=True)

    kind, data = _kind(options.config)
    here = options.config.parent
    if kind == "intensity":
        from ml.intensity.train import train_file as train_intensity

        train_intensity(data, here, options.cache)
        return 0
    if kind == "diagnosis":
        from ml.diagnosis.train import train_file as train_diagnosis

        train_diagnosis(data, here, options.cache, say)
        return 0
    from ml.severity.training import read_config, train

    train(read_config(options.config), options.cache, say)
    return 0


def _kind(path: Path) -> tuple[str | None, dict[str, Any]]:
    """``kind`` of the settings: "intensity", "diagnosis", or None for a severity bundle, whose own
    reader also says what is wrong with a file that cannot be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None, {}
    return (data.get("kind"), data) if isinstance(data, dict) else (None, {})
