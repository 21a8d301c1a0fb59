"""Whether the camera shows the same few seconds again and again: a virtual camera's film in a loop.

Measured, it would read as movement that nobody made. Nobody repeats a movement to the picture: set
beside itself a moment later, a film of a person differs a little more or a little less from one
such moment to the next, smoothly. A film in a loop differs far less from itself after exactly one
round than a few pictures earlier or later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

#: So much of the difference is left after one round, at most. Of drawn people, at rest and in
#: expressions, with three kinds of noise and in ten encodings, 0.96 and more was left after any
#: time, and 0.84 where the light beat by 6 %; of loops of them 0.26 to 0.75, and more only where
#: H.264's crf 35 and 40 had made other pictures of the same ones.
LEFT = 0.75
#: What differs by less than so many grey levels of 255 shows no movement that could be repeated.
LEAST_DIFFERENCE = 1.0
#: Rounds shorter than this are flicker, of light or of an encoder; longer than half of what is
#: looked at is not seen to come again.
SHORTEST_S = 0.4
#: A round is set beside the times so far from it, but not beside the next picture.
BESIDE_S = 0.3
#: A film in a loop is one from the beginning; so many seconds tell.
LOOKED_AT_S = 20.0
_SIDE = 32


@dataclass
class Loops:
    """Keeps, of each picture of the beginning, some points on the face."""

    _times: list[float] = field(default_factory=list)
    _points: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    _place: npt.NDArray[np.floating[Any]] | None = None

    def see(
        self, t: float, rgb: npt.NDArray[np.uint8], faces: Sequence[npt.NDArray[np.floating[Any]]]
    ) -> None:
        """``t`` seconds; ``rgb`` (H, W, 3); ``faces`` landmarks (478, 2 or more) in normalised
        coordinates. The same place counts throughout: where a face was seen first."""
        if t > LOOKED_AT_S:
            return
        if self._place is None:
            if not faces:
                return
            low, high = faces[0][:, :2].min(0), faces[0][:, :2].max(0)
            self._place = np.clip(np.linspace(low, high, _SIDE), 0.0, 1.0)
        height, width = rgb.shape[:2]
        columns, rows = (self._place * (width - 1, height - 1)).round().astype(int).T
        self._times.append(t)
        self._points.append(rgb[np.ix_(rows, columns)][..., 1].ravel())

    def round_s(self) -> float | None:
        """Seconds of one round; None where nothing comes again."""
        times = np.array(self._times)
        if len(times) < 3:
            return None
        step = float(np.median(np.diff(times)))
        lags = np.arange(1, int(times[-1] / 2 / step) + 1)
        beside = max(2, round(BESIDE_S / step))
        differences = self._differences(times, lags * step)
        best, found = LEFT, None
        for place in range(round(SHORTEST_S / step) - 1, len(lags)):
            near = [
                differences[other]
                for other in range(place - beside, place + beside + 1)
                if 0 <= other < len(lags) and abs(other - place) > 1
            ]
            least = min(near, default=0.0)
            if least > LEAST_DIFFERENCE and differences[place] < best * least:
                best, found = differences[place] / least, float(lags[place] * step)
        return found

    def _differences(
        self, times: npt.NDArray[np.floating[Any]], lags: npt.NDArray[np.floating[Any]]
    ) -> npt.NDArray[np.floating[Any]]:
        """(L,) root mean square difference, in grey levels, of the film from itself so much
        earlier."""
        points = np.stack(self._points).astype(np.float32)
        points -= points.mean(0)
        squares = (points**2).sum(1)
        apart = squares[:, None] + squares[None] - 2 * points @ points.T
        found = []
        for lag in lags:
            later = np.flatnonzero(times >= lag)
            after = np.searchsorted(times, times[later] - lag).clip(1, len(times) - 1)
            is_before = times[later] - lag - times[after - 1] < times[after] - (times[later] - lag)
            found.append(apart[later, after - is_before].mean())
        return np.sqrt(np.maximum(found, 0.0) / points.shape[1])
