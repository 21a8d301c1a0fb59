"""Aligned face crops of a clip at a steady rate: what the image encoder looks at."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.measuring import face, geometry, orientation, subject, video

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Crops:
    """``times`` (N,) seconds and ``crops`` (N, 224, 224, 3) of one person's face."""

    times: list[float]
    crops: Image


@dataclass
class CropSampler:
    """Keeps the crops of the first frame with a face at or after each step of ``1 / rate`` seconds.

    Shown every frame of one clip in order; at the end :meth:`patients` says whose they are.
    """

    rate: float
    times: list[float] = field(default_factory=list)
    images: list[list[Image]] = field(default_factory=list)
    places: list[list[face.FloatArray]] = field(default_factory=list)

    def due(self, t: float) -> bool:
        """True when the frame at ``t`` seconds opens a new step (half a frame of tolerance)."""
        if not self.times:
            return True
        step = 1.0 / self.rate
        # The tolerance keeps 29.97 fps on the grid instead of slipping to every fourth frame.
        return bool(np.floor(t / step + 0.05) > np.floor(self.times[-1] / step + 0.05))

    def see(self, t: float, rgb: Image, faces: face.Faces) -> None:
        if faces.found and self.due(t):
            aspect = rgb.shape[1] / rgb.shape[0]
            self.times.append(t)
            self.images.append([face.aligned_crop(rgb, one) for one in faces.found])
            self.places.append([geometry.square(one[None], aspect)[0] for one in faces.found])

    def patients(self) -> Crops:
        """Those of the face that is there longest."""
        whose = subject.follow(self.places)
        kept = [
            (t, images[which])
            for t, images, which in zip(self.times, self.images, whose, strict=True)
            if which is not None
        ]
        shape = (0, face.CROP_SIZE, face.CROP_SIZE, 3)
        return Crops(
            times=[t for t, _ in kept],
            crops=np.stack([image for _, image in kept]) if kept else np.zeros(shape, np.uint8),
        )


def sample_crops(path: Path, rate: float) -> Crops:
    """The crops of one file, looking for a face only in the frames that are due.

    Raises ``ClipUnusable`` when the file cannot be read.
    """
    sampler = CropSampler(rate)
    tracker = face.tracker()
    way_up = orientation.of_clip(path)
    for frame in video.frames(path):
        if sampler.due(frame.t):
            picture = way_up.upright(frame.stored)
            sampler.see(frame.t, picture, tracker.find(picture))
    return sampler.patients()
