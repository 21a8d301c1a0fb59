"""``python -m ml``: the science on the command line, one sub-command per module of ml.commands.

Only the module of the command that is asked for is loaded: the help needs neither torch nor
mediapipe, and a command may import what it needs where imports belong.
"""

import argparse
import importlib
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from ml.errors import MimiaError

#: Name → module and what the help says of it, in the order in which the help shows them.
COMMANDS = {
    "measure": ("ml.commands.measure", "measure one clip"),
    "measure-landmarks": (
        "ml.commands.measure_landmarks",
        "measure points found by another program",
    ),
    "phantom": ("ml.commands.phantom", "draw faces that perform known expressions"),
    "score-table": ("ml.commands.score_table", "score rows of already-extracted features"),
    "train": ("ml.commands.train", "train a bundle on a cohort"),
    "evaluate": ("ml.commands.evaluate", "judge a bundle, or a training, with intervals"),
    "ablate": ("ml.commands.ablate", "what each choice of a training gains, paired"),
    "weights": (
        "ml.commands.weights",
        "fetch or check CLIP weights for the CLIP intensity source",
    ),
}
#: Whose log lines a command shows.
LOGGERS = ("ml", "experiments")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong and what to do in one line, instead of the usage and the error."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message} (try: {self.prog} --help)\n")


def build_parser(
    asked: str | None = None,
    *,
    prog: str = "python -m ml",
    description: str = "Measure, score, train, evaluate, draw.",
    commands: Mapping[str, tuple[str, str]] = COMMANDS,
) -> argparse.ArgumentParser:
    """A parser that knows every command by name, and of the one that is ``asked`` for the arguments
    too, by its module's ``add_arguments``."""
    parser = _Parser(prog=prog, description=description)
    subparsers = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    for name, (module, says) in commands.items():
        command = subparsers.add_parser(name, help=says)
        if name == asked:
            importlib.import_module(module).add_arguments(command)
    return parser


class _AboveBars(logging.Handler):
    """Standard error, where the bar of a long step may be drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


@contextmanager
def _log_on_stderr(command: str) -> Iterator[None]:
    """What the science logs meanwhile, a line each, behind the name of the command."""
    handler = _AboveBars()
    handler.setFormatter(logging.Formatter(f"{command}: %(message)s"))
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def main(arguments: Sequence[str] | None = None, **program: Any) -> int:
    """Runs one command of ``program``, which is what :func:`build_parser` takes. Exit codes: 0
    done, 1 our own fault, 2 wrong use (a file that cannot be read or written included), 130 stopped
    by Ctrl-C."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = build_parser(next(iter(given), None), **program).parse_args(given)
    try:
        with _log_on_stderr(options.command):
            return int(options.run(options) or 0)
    except MimiaError as error:
        print(f"{options.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{options.command}: stopped", file=sys.stderr)
        return 130
    except OSError as error:
        if error.filename is None:
            raise
        print(f"{options.command}: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
