"""How the drawn person is filmed: picture, light, noise, frame times, compression."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Capture:
    """One camera and room.

    ``width``, ``height`` in pixels (even); ``fps`` nominal frames per second; ``light`` relative to
    a well-lit room; ``light_from`` degrees from the front (below 0 from the picture's left);
    ``noise`` standard deviation in grey levels; ``crf`` the encoder's quality (lower is better);
    ``dropped`` share of frames left out; ``variable_rate`` standard deviation of the frame interval
    as a share of it; ``face`` distance between the eyes as a share of the picture's height.
    """

    width: int = 640
    height: int = 480
    fps: float = 30.0
    light: float = 1.0
    light_from: float = -25.0
    noise: float = 2.0
    crf: int = 23
    dropped: float = 0.0
    variable_rate: float = 0.0
    face: float = 0.17

    def __post_init__(self) -> None:
        if self.width < 64 or self.height < 64 or self.width % 2 or self.height % 2:
            raise ValueError("width and height must be even and at least 64")
        if not 1.0 <= self.fps <= 120.0:
            raise ValueError("fps must be from 1 to 120")
        if not 0.0 <= self.dropped < 0.9:
            raise ValueError("the share of dropped frames must be from 0 to below 0.9")

    def frame_times(self, seconds: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Times (T,) in seconds, whole milliseconds (webm's clock), first 0, rising strictly."""
        count = max(1, round(seconds * self.fps))
        times = np.arange(count) / self.fps
        if self.variable_rate:
            shift = np.clip(rng.standard_normal(count) * self.variable_rate, -0.45, 0.45)
            times = times + shift / self.fps
        if self.dropped:
            kept = rng.random(count) >= self.dropped
            kept[0] = True
            times = times[kept]
        times = np.round(times - times[0], 3)
        return np.asarray(times[np.insert(np.diff(times) > 0, 0, True)], np.float64)


def draw_capture(rng: np.random.Generator, base: Capture | None = None) -> Capture:
    """An ordinary home recording: light from somewhere in front, a webcam's noise."""
    start = base or Capture()
    return Capture(
        width=start.width,
        height=start.height,
        fps=start.fps,
        light=round(float(np.clip(1.0 + 0.12 * rng.standard_normal(), 0.7, 1.25)), 3),
        light_from=round(float(rng.uniform(-55.0, 55.0)), 1),
        noise=round(float(rng.uniform(1.0, 4.0)), 2),
        crf=int(rng.integers(20, 29)),
        dropped=start.dropped,
        variable_rate=start.variable_rate,
        face=round(float(rng.uniform(0.15, 0.19)), 4),
    )
