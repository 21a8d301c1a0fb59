"""``python -m ml``: the science on the command line, one sub-command per module of ml.commands."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from ml.errors import MimiaError

# In the order the help shows them. A module imports torch or mediapipe only when its command runs.
COMMANDS = tuple(
    f"ml.commands.{name}"
    for name in (
        "measure",
        "measure_landmarks",
        "phantom",
        "score_table",
        "train",
        "evaluate",
        "weights",
    )
)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong and what to do in one line, instead of the usage and the error."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message} (try: {self.prog} --help)\n")


def build_parser(
    prog: str = "python -m ml",
    description: str = "Measure, score, train, evaluate, draw.",
    modules: Sequence[str] = COMMANDS,
) -> argparse.ArgumentParser:
    """A parser with one sub-command a module, added by its ``add_command``."""
    parser = _Parser(prog=prog, description=description)
    subparsers = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    for name in modules:
        importlib.import_module(name).add_command(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None, **program: Any) -> int:
    """Runs one command of ``program``, which is what :func:`build_parser` takes. Exit codes: 0
    done, 1 our own fault, 2 wrong use (a file that cannot be read or written included)."""
    options = build_parser(**program).parse_args(arguments)
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
