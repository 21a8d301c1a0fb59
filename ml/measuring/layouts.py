"""Layouts of face detectors' points, each a small file that names the pairs of the signals.

``layouts/NAME.json`` beside this module holds what ships; whoever has other points writes a file of
the same kind and names it in place of NAME. A signal that a layout cannot give is left out of its
file, and is absent from what is measured, never 0.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ml.errors import CohortError, WrongUse
from ml.files import canonical, sha256
from ml.measuring.geometry import CORNERS, SIGNALS, Layout, Pairs

FOLDER = Path(__file__).with_name("layouts")
_DECIDES = ("points", "scale", "eye_corners", "signals", "corners")


@dataclass(frozen=True, eq=False)
class PointLayout:
    """``points``: K, how many a face has; ``geometry``: which of them mean what. ``norms``: the
    shipped norms, which are FaceMesh's, can be read for it. ``depth``: z is on the scale of x.
    ``scale``: what the signals are counted in, in words. ``also``: layouts of as many points that
    it is mistaken for. ``digest``: of all that decides what is measured."""

    name: str
    title: str
    points: int
    geometry: Layout
    scale: str
    norms: bool
    depth: bool
    also: tuple[str, ...]
    digest: str


def names() -> tuple[str, ...]:
    """The layouts that ship."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def load(name: str, near: Path | None = None) -> PointLayout:
    """A shipped layout by its name, or another by the path of its file (relative to ``near``).

    Raises :class:`WrongUse` naming the layout or the entry of its file that cannot work.
    """
    is_file = name.endswith(".json")
    path = (near or Path()) / name if is_file else FOLDER / f"{name}.json"
    if not (is_file or name in names()):
        raise WrongUse(
            f"no layout {name!r}; one of: {', '.join(names())}, or a layout's .json file"
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _layout(path.stem, data)
    except OSError as fault:
        raise WrongUse(f"{path}: cannot be read: {fault.strerror}") from fault
    except KeyError as fault:
        raise WrongUse(f"{path}: no entry {fault}") from fault
    except (TypeError, ValueError, AttributeError) as fault:
        raise WrongUse(f"{path}: no layout of points: {fault}") from fault


def has_shipped_norms(name: str) -> bool:
    """Whether the shipped norms can be read for what was measured in this layout; "" is films."""
    return not name or (name in names() and load(name).norms)


def check_same(own: str, trained: str, model: str, file: Path | str) -> None:
    """Raises :class:`CohortError` where ``file`` was measured on other points than ``model`` was
    trained on. Films and FaceMesh's points, with irises or without, count as one."""
    if own != trained and not (has_shipped_norms(own) and has_shipped_norms(trained)):
        what, other = (f"points of {name}" if name else "films" for name in (own, trained))
        raise CohortError(
            f"measured on {what}, and {model} was trained on {other}: norms of one do not hold for"
            " the other",
            file=file,
        )


def of_size(points: int) -> tuple[str, ...]:
    """The shipped layouts of so many points."""
    return tuple(name for name in names() if load(name).points == points)


def _layout(name: str, data: Mapping[str, Any]) -> PointLayout:
    count, scale = int(data["points"]), data["scale"]
    signals = _pairs(data["signals"], SIGNALS, count)
    geometry = Layout(
        # In the order of the seven, whatever the file's.
        signals={signal: signals[signal] for signal in SIGNALS if signal in signals},
        corners=_pairs(data.get("corners", {}), CORNERS, count),
        right=_numbers(scale["right"], count),
        left=_numbers(scale["left"], count),
        eye_corners=_pair(data["eye_corners"], count),
        times=float(scale.get("times", 1.0)),
    )
    if not geometry.signals or geometry.times <= 0:
        raise ValueError("it names no signal, or no scale above 0")
    return PointLayout(
        name=name,
        title=str(data["title"]),
        points=count,
        geometry=geometry,
        scale=str(scale["what"]),
        norms=bool(data.get("norms", False)),
        depth=bool(data.get("depth", False)),
        also=tuple(data.get("also", ())),
        digest=sha256(canonical({key: data.get(key) for key in _DECIDES})),
    )


def _pairs(data: Mapping[str, Any], known: tuple[str, ...], count: int) -> Mapping[str, Pairs]:
    if unknown := sorted(set(data) - set(known)):
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(known)}")
    found = {name: tuple(_pair(pair, count) for pair in pairs) for name, pairs in data.items()}
    if empty := [name for name, pairs in found.items() if not pairs]:
        raise ValueError(f"{empty[0]} has no pair; leave it out")
    return MappingProxyType(found)


def _pair(data: Any, count: int) -> tuple[int, int]:
    first, second = _numbers(data, count)
    return first, second


def _numbers(data: Any, count: int) -> tuple[int, ...]:
    found = tuple(int(number) for number in data)
    if not found or not all(0 <= number < count for number in found):
        raise ValueError(f"{list(data)}: its points are numbered from 0 to {count - 1}")
    return found
