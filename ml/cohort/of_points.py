"""A manifest's row whose clip is a file of landmarks: how it is to be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml.cohort.landmarks import SUFFIXES, read_points
from ml.errors import CohortError, WrongUse
from ml.features import parse_value
from ml.measuring import layouts
from ml.measuring.measurement import Measurement
from ml.measuring.points import measure_points

FIELDS = ("layout", "fps", "width", "height")


@dataclass(frozen=True)
class OfPoints:
    """How a file of landmarks is to be read; ``fps`` and ``size`` None where nobody said."""

    layout: str
    fps: float | None = None
    size: tuple[int, int] | None = None

    def measure(self, path: Path, expression: str, cues: Sequence[float] = ()) -> Measurement:
        """Raises :class:`MimiaError` in words where the file holds no such points."""
        layout = layouts.load(self.layout, path.parent)
        points = read_points(path, layout, fps=self.fps, size=self.size)
        return measure_points(points, layout, expression=expression, cues=cues).measured


def points_of(clip: Path, cells: Mapping[str, str], manifest: Path, line: int) -> OfPoints | None:
    """How the row's landmarks are to be read; None for a film. Raises :class:`CohortError`."""
    name = cells.get("layout", "")
    if not name:
        if clip.suffix.lower() in SUFFIXES:
            raise CohortError(
                f"{clip.name} is no film: name the layout of its points in a column layout",
                file=manifest,
                row=line,
            )
        return None
    values = {}
    for field in FIELDS[1:]:
        text = cells.get(field, "")
        try:
            value = parse_value(text.replace(",", "."))
        except ValueError:
            value = 0.0
        if value is not None and value <= 0:
            raise CohortError(f"the {field} {text!r} is not above 0", file=manifest, row=line)
        values[field] = value
    fps, width, height = (values[field] for field in FIELDS[1:])
    if (width is None) != (height is None):
        raise CohortError("width and height go together", file=manifest, row=line)
    try:
        layouts.load(name, clip.parent)
    except WrongUse as fault:
        raise CohortError(str(fault), file=manifest, row=line) from fault
    return OfPoints(
        name, fps, None if width is None or height is None else (int(width), int(height))
    )
