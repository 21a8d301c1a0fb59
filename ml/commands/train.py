"""``python -m ml train CONFIG.json``: from a cohort (clips or feature table) to a bundle."""

import argparse
import sys
from pathlib import Path


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("train", help="train a bundle on a cohort")
    parser.add_argument("config", type=Path, help="JSON file; docs/training.md has the entries")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="measured clips")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ml.severity.training import read_config, train

    config = read_config(options.config)

    def say(text: str) -> None:
        print(f"train: {text}", file=sys.stderr, flush=True)

    train(config, options.cache, say)
    return 0
