"""Whose face is measured, where more than one was seen: the one that is there longest.

Faces are joined from picture to picture into tracks by place and size. A visitor who leans in, even
nearer to the camera, starts a track of their own; the pictures in which only the visitor was found
count as pictures without the patient's face.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]

#: A face may move this many of its own widths between two pictures and is the same still,
MAX_STEP = 0.6
#: and grow or shrink by this factor.
MAX_GROWTH = 1.6


@dataclass(eq=False)
class _Track:
    """``seen``: (picture, which of its faces); ``place``: centre x, y and width when last seen."""

    place: FloatArray
    seen: dict[int, int] = field(default_factory=dict)
    widths: float = 0.0


def follow(
    pictures: Sequence[Sequence[FloatArray]], aspects: Sequence[float] | None = None
) -> list[int | None]:
    """For each picture which of its faces is the patient's, None where none is.

    ``pictures`` holds each picture's faces, landmarks (478, 2 or more) in square coordinates, the
    largest first; ``aspects`` their shapes. Where the phone was turned, and the picture's shape
    changes with it, every face jumps: there the largest stays the largest.
    """
    tracks: list[_Track] = []
    for number, faces in enumerate(pictures):
        places = [_place(face) for face in faces]
        if aspects is not None and number and aspects[number] != aspects[number - 1]:
            _jump(tracks, places)
        free = set(range(len(tracks)))
        # The nearest pairs first, so that two faces side by side do not swap.
        pairs = sorted(
            (
                (_distance(track.place, place), which, index)
                for index, track in enumerate(tracks)
                for which, place in enumerate(places)
            )
        )
        taken: set[int] = set()
        for distance, which, index in pairs:
            if distance <= 1.0 and index in free and which not in taken:
                _add(tracks[index], number, which, places[which])
                free.remove(index)
                taken.add(which)
        for which, place in enumerate(places):
            if which not in taken:
                tracks.append(_Track(place))
                _add(tracks[-1], number, which, place)
    if not tracks:
        return [None] * len(pictures)
    # Of two that are there equally long, the nearer one.
    patient = max(tracks, key=lambda track: (len(track.seen), track.widths))
    return [patient.seen.get(number) for number in range(len(pictures))]


def _jump(tracks: list[_Track], places: list[FloatArray]) -> None:
    by_width = sorted(tracks, key=lambda track: (max(track.seen), track.place[2]), reverse=True)
    for track, place in zip(by_width, places, strict=False):
        track.place = place


def _add(track: _Track, picture: int, which: int, place: FloatArray) -> None:
    track.place = place
    track.seen[picture] = which
    track.widths += float(place[2])


def _place(face: FloatArray) -> FloatArray:
    low, high = face[:, :2].min(0), face[:, :2].max(0)
    return np.array([*(low + high) / 2, high[0] - low[0]])


def _distance(one: FloatArray, other: FloatArray) -> float:
    """At most 1 where they may be the same face."""
    width = max(one[2], other[2], 1e-9)
    step = float(np.hypot(*(one[:2] - other[:2]))) / width / MAX_STEP
    growth = abs(float(np.log(max(one[2], 1e-9) / max(other[2], 1e-9)))) / np.log(MAX_GROWTH)
    return max(step, growth)
