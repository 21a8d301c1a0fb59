"""Which tests belong to which modules, as ``tests.toml`` says."""

import fnmatch
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Room:
    """Modules with the tests that may kill their mutants."""

    name: str
    modules: list[str]
    tests: list[str]

    @property
    def there(self) -> list[str]:
        return [test for test in self.tests if (ROOT / test).exists()]


def rooms() -> list[Room]:
    here = tomllib.loads((Path(__file__).parent / "tests.toml").read_text())
    return [Room(**one) for one in here["room"]]


def room_of(module: str) -> Room | None:
    for room in rooms():
        if any(fnmatch.fnmatch(module, pattern) for pattern in room.modules):
            return room
    return None


def modules_of(wanted: Sequence[str]) -> list[str]:
    """``wanted``: modules, folders, rooms' names, or nothing for all."""
    found = []
    for path in sorted([*ROOT.glob("screening/**/*.py"), *ROOT.glob("ml/**/*.py")]):
        module = str(path.relative_to(ROOT))
        room = room_of(module)
        asked = not wanted or any(
            module.startswith(one.rstrip("/")) or (room and room.name == one) for one in wanted
        )
        if room is not None and asked and path.stat().st_size:
            found.append(module)
    return found
