"""What the intensity network trains on: frames of each labelled clip with the truth at their times.

Every clip is looked at once and kept under its content: the file's SHA-256, the measuring code's
digest and, where the image tower is frozen, the encoder's digest. A second run starts in seconds.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ml.cohort.manifest import MANIFEST, LabelledClip
from ml.errors import ClipUnusable, CohortError
from ml.files import whole
from ml.intensity.encoder import FrameEncoder
from ml.measuring.clip import measurer_digest
from ml.training.clip_source.crops import sample_crops
from ml.training.clip_source.labels import Truth, programmed
from ml.training.clip_source.run_settings import TrainConfig
from vocabulary.expressions import Expression


@dataclass(frozen=True, eq=False)
class Example:
    """One clip for training: N frames at ``times`` seconds.

    ``frames`` (N, D) float32 embeddings when the image tower is frozen, else (N, S, S, 3) uint8
    crops. ``truth`` (N,) known intensity, NaN where unknown; 1 is the median of people without PD,
    and who moves more has more than 1.
    """

    subject: str
    expression: str
    times: npt.NDArray[np.float32]
    frames: npt.NDArray[Any]
    truth: npt.NDArray[np.float32]
    session: str = ""


@dataclass(frozen=True, eq=False)
class Pair:
    """A clip with the rest of the same visit: all that the intensity of one clip depends on."""

    clip: Example
    rest: Example


@dataclass(frozen=True)
class FrameCache:
    """Frames of clips, kept in ``folder`` by content.

    With ``encoder`` the embeddings of a frozen tower, without it the crops at ``size`` pixels.
    """

    folder: Path
    rate: float
    size: int
    encoder: FrameEncoder | None = None

    def frames(self, clip: LabelledClip) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
        """(N,) seconds and the frames, empty for a clip that cannot be read or shows no face."""
        path = self.folder / f"{clip.sha256[:32]}-{self._key()}.npz"
        if not path.is_file():
            self._store(path, clip)
        with np.load(path) as stored:
            return stored["times"], stored["frames"]

    def _key(self) -> str:
        kind = f"crops-{self.size}" if self.encoder is None else self.encoder.digest
        wanted = f"{measurer_digest()}:{kind}:{self.rate}"
        return hashlib.sha256(wanted.encode()).hexdigest()[:16]

    def _store(self, path: Path, clip: LabelledClip) -> None:
        try:
            seen = sample_crops(clip.path, self.rate)
            times, crops = np.asarray(seen.times, np.float32), seen.crops
        except ClipUnusable:
            times, crops = np.zeros(0, np.float32), np.zeros((0, 224, 224, 3), np.uint8)
        frames = shrink(crops, self.size) if self.encoder is None else self.encoder.encode(crops)
        with whole(path) as partial:
            np.savez_compressed(partial, times=times, frames=frames)


def shrink(crops: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """(N, 224, 224, 3) → (N, size, size, 3), area-averaged."""
    small = [cv2.resize(c, (size, size), interpolation=cv2.INTER_AREA) for c in crops]
    return np.asarray(small, dtype=np.uint8).reshape(len(small), size, size, 3)


def chosen(clips: Sequence[LabelledClip], config: TrainConfig) -> list[LabelledClip]:
    """The clips to train on. Raises :class:`CohortError` before anything is looked at."""
    known = set(config.network.classes)
    wanted = [c for c in clips if c.split in config.splits and c.expression in known]
    where, splits = Path(config.cohort) / MANIFEST, "/".join(config.splits)
    if missing := sorted(known - {clip.expression for clip in wanted}):
        raise CohortError(
            f"no clip of {', '.join(missing)} in split {splits}: an empty class", file=where
        )
    if not _with_rest(wanted):
        raise CohortError(
            f"no visit in split {splits} has both a rest clip and another clip: intensity is"
            " relative to the person's own rest",
            file=where,
        )
    return wanted


def watched_clips(clips: Sequence[LabelledClip], config: TrainConfig) -> list[LabelledClip]:
    """The clips whose figures are reported beside; none where no visit of theirs has a rest."""
    known = set(config.network.classes)
    return _with_rest([c for c in clips if c.split in config.watch and c.expression in known])


def _with_rest(clips: Sequence[LabelledClip]) -> list[LabelledClip]:
    """The clips of visits that have a rest clip; empty where none has another clip beside it."""
    rested = {clip.visit for clip in clips if clip.expression == Expression.REST}
    kept = [clip for clip in clips if clip.visit in rested]
    return kept if any(clip.expression != Expression.REST for clip in kept) else []


def load_examples(
    clips: Iterable[LabelledClip], cache: FrameCache, truth_of: Truth = programmed
) -> list[Example]:
    """One example per clip that shows a face; the others are left out.

    Raises :class:`CohortError` when none does.
    """
    examples = []
    for clip in clips:
        times, frames = cache.frames(clip)
        if len(times) > 1:
            truth = truth_of(clip, times)
            examples.append(
                Example(clip.subject, clip.expression, times, frames, truth, clip.session)
            )
    if not examples:
        raise CohortError("no clip shows a face", file="the cohort")
    return examples


def pair_with_rest(examples: Sequence[Example]) -> list[Pair]:
    """Every clip with the rest clip of its visit; the rest clips themselves are pairs too.

    Another day's rest is another camera, light and distance. Visits without a usable rest clip are
    left out: their intensity has no zero. Raises :class:`CohortError` when that leaves nobody.
    """
    rests = {(e.subject, e.session): e for e in examples if e.expression == Expression.REST}
    pairs = [
        Pair(e, rests[e.subject, e.session]) for e in examples if (e.subject, e.session) in rests
    ]
    if not any(pair.clip.expression != Expression.REST for pair in pairs):
        raise CohortError(
            "nobody has both a usable rest clip and another clip: intensity is relative to the"
            " person's own rest",
            file="the cohort",
        )
    return pairs
