"""Clips of a cohort measured through the served door, once, by several processes."""

import hashlib
import json
import logging
import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch

from ml.cohort.csv_files import UNKNOWN as UNKNOWN
from ml.cohort.manifest import LabelledClip, Visit
from ml.errors import CohortError
from ml.files import write_json
from ml.intensity.sources import AUTO, in_folder
from ml.measuring import blendshapes, layouts
from ml.measuring.clip import measure_clip, measurer_digest
from ml.measuring.measurement import CropEncoder, Measurement
from ml.measuring.points import measurer
from ml.progress import advance, following

logger = logging.getLogger(__name__)

MEASURING = "measuring clips"
#: A process that measures takes seconds to begin.
CLIPS_WORTH_A_PROCESS = 4
#: Each has a mesh, and perhaps an encoder, in memory.
MOST_PROCESSES = 8
# One source per process: loading it for every clip would cost more than the clip.
_encoders: dict[Path, CropEncoder | None] = {}


@dataclass(frozen=True, eq=False)
class Session:
    """One visit of one person: measurements by expression, and truths where there are any.

    ``pd`` 0 or 1, ``UNKNOWN`` (-1) where the cohort does not say; ``session`` "" where the cohort
    does not tell visits apart. The subject is the unit of splits.
    """

    subject: str
    session: str
    pd: int
    measured: Mapping[str, Measurement]
    truth: Mapping[str, Mapping[str, Any]]


def measure_sessions(
    clips: Sequence[LabelledClip], cache: Path, *, source: Path | None = None, workers: int = 2
) -> list[Session]:
    """Every visit of ``clips``, in order. ``source`` is the folder of one that also encodes."""
    measure_ahead(clips, cache, source, workers=workers)
    return _by_visit(clips, [measured_clip(clip, cache, source) for clip in clips])


def measure_ahead(
    clips: Sequence[LabelledClip],
    cache: Path,
    source: Path | None = None,
    *,
    shapes: bool = False,
    workers: int = 0,
) -> bool:
    """Fill the cache with what is not in it, by so many processes (0: one for each core); False
    where it is not worth more than this one. What is done stays there if it is interrupted. Points
    of landmarks are read faster than processes begin."""
    left = [
        clip
        for clip in clips
        if clip.points is None and not _place(clip, cache, source, shapes=shapes)[0].is_file()
    ]
    workers = min(workers or _cores(), len(left) // CLIPS_WORTH_A_PROCESS)
    if workers <= 1:
        return False
    cache.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with (
        following(MEASURING, len(clips), done=len(clips) - len(left)),
        ProcessPoolExecutor(workers, mp_context=context, initializer=_begin) as pool,
    ):
        try:
            for _ in pool.map(partial(_measure, cache=cache, folder=source, shapes=shapes), left):
                advance(MEASURING)
        except KeyboardInterrupt:
            logger.info("the clips under way are finished; what is measured is kept in %s", cache)
            pool.shutdown(cancel_futures=True)
            raise
        except BrokenProcessPool as fault:
            raise CohortError(
                "a process that measures was ended from outside (too little memory?); the same"
                " command goes on where it was",
                file=clips[0].path.parent,
            ) from fault
    return True


def _cores() -> int:
    """Those that this process may use; one where a GPU encodes, which has no room for many."""
    return 1 if torch.cuda.is_available() else min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


def _begin() -> None:
    """Ctrl-C reaches the whole group: the first process ends the others in good order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _by_visit(clips: Sequence[LabelledClip], found: Sequence[Measurement]) -> list[Session]:
    visits: dict[Visit, list[tuple[LabelledClip, Measurement]]] = {}
    for clip, measurement in zip(clips, found, strict=True):
        visits.setdefault(clip.visit, []).append((clip, measurement))
    sessions = []
    for (subject, session), pairs in visits.items():
        pd = pairs[0][0].pd
        sessions.append(
            Session(
                subject,
                session,
                UNKNOWN if pd is None else int(pd),
                {clip.expression: measurement for clip, measurement in pairs},
                {clip.expression: clip.read_truth() or {} for clip, _ in pairs},
            )
        )
    return sessions


def _measure(clip: LabelledClip, *, cache: Path, folder: Path | None, shapes: bool) -> None:
    measured_clip(clip, cache, folder, shapes=shapes)


def measured_clip(
    clip: LabelledClip, cache: Path, folder: Path | None = None, *, shapes: bool = False
) -> Measurement:
    """One clip, from the cache where the same file was measured by the same code; with embeddings
    by the encoder of the source in ``folder``, and with blendshapes where ``shapes`` says so."""
    path, cues = _place(clip, cache, folder, shapes=shapes)
    if path.is_file():
        return Measurement.from_json(json.loads(path.read_text(encoding="utf-8")))
    if clip.points is not None:
        measured = clip.points.measure(clip.path, clip.expression, cues)
    else:
        encoder, reader = _readers(folder, shapes=shapes)
        measured = measure_clip(
            clip.path, expression=clip.expression, cues=cues, encoder=encoder, shapes=reader
        )
    write_json(path, measured.to_json())
    return measured


def _place(
    clip: LabelledClip, cache: Path, folder: Path | None, *, shapes: bool
) -> tuple[Path, tuple[float, ...]]:
    """Where a clip's measurement is kept, by all that it depends on; and its cues."""
    if clip.points is not None:
        read_as = measurer(layouts.load(clip.points.layout, clip.path.parent))["digest"]
        code = f"{read_as}:{clip.points.fps}:{clip.points.size}"
    else:
        encoder, reader = _readers(folder, shapes=shapes)
        code = measurer_digest(
            None if encoder is None else encoder.digest, None if reader is None else reader.digest
        )
    cues = tuple((clip.read_truth() or {}).get("cues_s", ()))
    name = hashlib.sha256(f"{clip.sha256}:{clip.expression}:{code}:{cues}".encode()).hexdigest()
    return cache / f"{name[:40]}.json", cues


def _readers(
    folder: Path | None, *, shapes: bool
) -> tuple[CropEncoder | None, blendshapes.BlendshapeReader | None]:
    encoder = None if folder is None else _encoder(folder)
    return encoder, blendshapes.reader() if shapes else None


def _encoder(folder: Path) -> CropEncoder | None:
    if folder not in _encoders:
        _encoders[folder] = in_folder(folder, AUTO).encoder
    return _encoders[folder]
