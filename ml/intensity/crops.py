"""Aligned face crops of a clip at a steady rate: what the image encoder looks at."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml import face, video

Image = npt.NDArray[np.uint8]


@dataclass
class CropSampler:
    """Keeps the crop of the first frame with a face at or after each step of ``1 / rate`` seconds.

    Shown every frame of one clip in order; ``times`` (N,) seconds and ``crops`` (N, 224, 224, 3).
    """

    rate: float
    times: list[float] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)

    def due(self, t: float) -> bool:
        """True when the frame at ``t`` seconds opens a new step (half a frame of tolerance)."""
        if not self.times:
            return True
        step = 1.0 / self.rate
        # The tolerance keeps 29.97 fps on the grid instead of slipping to every fourth frame.
        return np.floor(t / step + 0.05) > np.floor(self.times[-1] / step + 0.05)

    def see(self, t: float, rgb: Image, landmarks: face.FloatArray | None) -> None:
        if landmarks is not None and self.due(t):
            self.times.append(t)
            self.images.append(face.aligned_crop(rgb, landmarks))

    @property
    def crops(self) -> Image:
        shape = (0, face.CROP_SIZE, face.CROP_SIZE, 3)
        return np.stack(self.images) if self.images else np.zeros(shape, np.uint8)


def sample_crops(path: Path, rate: float) -> CropSampler:
    """The crops of one file, looking for a face only in the frames that are due.

    Raises ``ClipUnusable`` when the file cannot be read.
    """
    sampler = CropSampler(rate)
    tracker = face.tracker()
    for frame in video.frames(path):
        if sampler.due(frame.t):
            sampler.see(frame.t, frame.rgb, tracker.find(frame.rgb).landmarks)
    return sampler
