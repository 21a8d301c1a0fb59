"""Clips of a cohort measured through the served door, once, by several processes."""

import hashlib
import json
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from ml.cohort.csv_files import UNKNOWN as UNKNOWN
from ml.cohort.manifest import LabelledClip, Visit
from ml.files import write_json
from ml.intensity.sources import AUTO, in_folder
from ml.measuring import blendshapes, layouts
from ml.measuring.clip import measure_clip, measurer_digest
from ml.measuring.measurement import CropEncoder, Measurement
from ml.measuring.points import measurer

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
    cache.mkdir(parents=True, exist_ok=True)
    jobs = [(clip, cache, source) for clip in clips]
    if workers == 1:
        found = [_measure(job) for job in jobs]
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            found = list(pool.map(_measure, jobs))
    return _by_visit(clips, found)


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


def _measure(job: tuple[LabelledClip, Path, Path | None]) -> Measurement:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    return measured_clip(*job)


def measured_clip(
    clip: LabelledClip, cache: Path, folder: Path | None = None, *, shapes: bool = False
) -> Measurement:
    """One clip, from the cache where the same file was measured by the same code; with embeddings
    by the encoder of the source in ``folder``, and with blendshapes where ``shapes`` says so."""
    encoder = None if folder is None or clip.points else _encoder(folder)
    reader = blendshapes.reader() if shapes and not clip.points else None
    code = measurer_digest(
        None if encoder is None else encoder.digest, None if reader is None else reader.digest
    )
    if clip.points is not None:
        read_as = measurer(layouts.load(clip.points.layout, clip.path.parent))["digest"]
        code = f"{read_as}:{clip.points.fps}:{clip.points.size}"
    cues = tuple((clip.read_truth() or {}).get("cues_s", ()))
    name = hashlib.sha256(f"{clip.sha256}:{clip.expression}:{code}:{cues}".encode()).hexdigest()
    path = cache / f"{name[:40]}.json"
    if path.is_file():
        return Measurement.from_json(json.loads(path.read_text(encoding="utf-8")))
    if clip.points is not None:
        measured = clip.points.measure(clip.path, clip.expression, cues)
    else:
        measured = measure_clip(
            clip.path, expression=clip.expression, cues=cues, encoder=encoder, shapes=reader
        )
    write_json(path, measured.to_json())
    return measured


def _encoder(folder: Path) -> CropEncoder | None:
    if folder not in _encoders:
        _encoders[folder] = in_folder(folder, AUTO).encoder
    return _encoders[folder]
