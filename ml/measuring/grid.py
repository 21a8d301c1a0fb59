"""Some of a clip's frames: the first at or after each point of a regular grid."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class Grid(Generic[T]):
    """``kept``: the frame's number, its time in seconds, and what is kept of each of its faces."""

    kept: list[tuple[int, float, list[T]]] = field(default_factory=list)

    def is_due(self, t: float, rate: float) -> bool:
        """Whether the frame at ``t`` is to be kept, at ``rate`` a second."""
        return not self.kept or int(t * rate) > int(self.kept[-1][1] * rate)

    def keep(self, number: int, t: float, faces: list[T]) -> None:
        self.kept.append((number, t, faces))

    def of(self, whose: Sequence[int | None]) -> list[tuple[float, T]]:
        """What was kept of the patient's face, where it was seen; ``whose`` of each frame's."""
        return [(t, faces[w]) for n, t, faces in self.kept if (w := whose[n]) is not None]
