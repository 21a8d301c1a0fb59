"""``python scripts/way.py CONFIG.json``: the way of a training's configuration, counted.

Trains what the settings file says, as ``python -m ml train`` does, and counts the stops: functions
that are handed the configuration, or other settings that were made of it, as an argument (written
ones: dataclasses make their constructors themselves). Rooms are the modules they stand in.
"""

import inspect
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from ml.__main__ import main as ml
from ml.settings import Settings
from ml.training.recipe import Recipe

Stop = tuple[str, str]


def watcher(stops: set[Stop]) -> Callable[[FrameType, str, Any], None]:
    """A profile function that adds each stop, as module and function."""

    def watch(frame: FrameType, event: str, _: object) -> None:
        module, code = frame.f_globals.get("__name__", ""), frame.f_code
        if event != "call" or not module.startswith("ml.") or code.co_filename == "<string>":
            return
        given = inspect.getargvalues(frame)
        arguments = [*given.args, *filter(None, (given.varargs, given.keywords))]
        if any(_holds(given.locals.get(argument)) for argument in arguments):
            stops.add((module, code.co_qualname))

    return watch


def _holds(value: object) -> bool:
    """Settings, or several of them."""
    if isinstance(value, tuple | list):
        return any(_holds(one) for one in value)
    return isinstance(value, Settings | Recipe)


def main(config: str) -> int:
    stops: set[Stop] = set()
    sys.setprofile(watcher(stops))
    try:
        code = ml(["train", config])
    finally:
        sys.setprofile(None)
    print(f"{len(stops)} stops in {len({module for module, _ in stops})} rooms")
    for module, function in sorted(stops):
        print(f"{module}  {function}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
