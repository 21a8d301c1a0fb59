"""``python -m ml``: the science on the command line, one sub-command per module of ml.commands."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from ml.errors import MimiaError

# In the order the help shows them. A module imports torch or mediapipe only when its command runs.
COMMANDS = (
    "measure",
    "phantom",
    "score_table",
    "train",
    "evaluate",
    "results",
    "results_phantom",
    "weights",
    "bench",
)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong and what to do in one line, instead of the usage and the error."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message} (try: {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ml", description="Measure, score, train, evaluate, draw.")
    subparsers = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    for name in COMMANDS:
        if find_spec(f"ml.commands.{name}") is not None:
            importlib.import_module(f"ml.commands.{name}").add_command(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Exit codes: 0 done, 1 our own fault, 2 wrong use (a file that cannot be
    read or written included)."""
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except MimiaError as error:
        print(f"{options.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None:
            raise
        print(f"{options.command}: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
