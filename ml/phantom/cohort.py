"""A cohort of phantom people in the format of a clinic's data: clips, manifest.csv, truth/.

Every clip depends on the cohort's seed, the person's number and the expression only, so a cohort
can be stopped and resumed, made longer, or filmed again under another condition with the same
people. The manifest is written last: a folder with a manifest is complete.
"""

import csv
import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ml.errors import WrongUse
from ml.files import whole, write_json
from ml.phantom.capture import Capture, draw_capture
from ml.phantom.conditions import CONDITIONS, apply
from ml.phantom.film import FORMATS, write_clip
from ml.phantom.graded_people import DEFAULT_CONFIG, Subject, draw_subject, load_config
from ml.phantom.performance import Performance, perform
from ml.progress import counted
from vocabulary.expressions import ASKED, Expression

MANIFEST, SPEC, CONFIG, TRUTH = "manifest.csv", "cohort.json", "grades.json", "truth"
COLUMNS = ("subject", "clip", "expression", "grade", "pd", "protocol", "split", "sha256")
VERSION = 1  # of what the same seed draws


@dataclass(frozen=True)
class CohortSpec:
    """What makes a cohort. ``subjects`` may grow on resuming; nothing else may change."""

    subjects: int
    seed: int = 0
    expressions: tuple[str, ...] = tuple(str(e) for e in ASKED)
    condition: str = "home"
    seconds: float = 10.0
    fps: float = 30.0
    width: int = 640
    height: int = 480
    suffix: str = ".mp4"
    curves: str = "smooth"
    version: int = VERSION

    def __post_init__(self) -> None:
        if self.subjects < 1:
            raise WrongUse("a cohort has at least one subject; give --subjects 1 or more")
        unknown = sorted(set(self.expressions) - {str(e) for e in ASKED})
        if unknown or not self.expressions:
            known = ", ".join(ASKED)
            raise WrongUse(f"unknown expression {', '.join(unknown) or '(none)'}; known: {known}")
        if self.condition not in CONDITIONS:
            raise WrongUse(f"unknown condition {self.condition}; known: {', '.join(CONDITIONS)}")
        if self.suffix not in FORMATS[:2]:
            raise WrongUse(f"a cohort's clips are {' or '.join(FORMATS[:2])}, not {self.suffix}")


def programme(
    spec: CohortSpec, number: int, expression: str, config: Path = DEFAULT_CONFIG
) -> tuple[Subject, Performance]:
    """One person and one of their clips, ready to draw."""
    person = draw_subject(load_config(config), number, spec.seed)
    kind = Expression(expression)
    order = list(Expression).index(kind)
    rng = np.random.default_rng([spec.seed & 0xFFFFFFFF, 0xC11B, number, order])
    seed = int(rng.integers(2**31))
    # The room is the person's, the same for all of their clips.
    room = np.random.default_rng([spec.seed & 0xFFFFFFFF, 0x4007, number])
    base = Capture(width=spec.width, height=spec.height, fps=spec.fps)
    film = apply(spec.condition, draw_capture(room, base))
    performance = perform(
        kind,
        seed=seed,
        seconds=spec.seconds,
        program=person.program(kind),
        identity=person.identity,
        capture=film,
        curves_from=spec.curves,
    )
    return person, performance


def write_cohort(
    out: Path,
    spec: CohortSpec,
    *,
    config: Path = DEFAULT_CONFIG,
    workers: int | None = None,
) -> int:
    """Draws what is missing in ``out`` and writes the manifest; returns the number of clips.

    Raises :class:`WrongUse` when ``out`` holds a cohort of another specification.
    """
    load_config(config)
    _claim(out, spec, config)
    jobs = [(n, e) for n in range(spec.subjects) for e in spec.expressions]
    left = [job for job in jobs if not _finished(out, spec, *job)]
    drawn = _draw(out, spec, left, workers or os.cpu_count() or 1)
    for _ in counted("drawing clips", drawn, len(jobs), done=len(jobs) - len(left)):
        pass
    _write_manifest(out, spec, jobs)
    return len(jobs)


def clip_name(spec: CohortSpec, number: int, expression: str) -> str:
    return f"{number:05d}-{expression}{spec.suffix}"


def _claim(out: Path, spec: CohortSpec, config: Path) -> None:
    """Makes the folder this cohort's, or checks that it already is."""
    out.mkdir(parents=True, exist_ok=True)
    (out / TRUTH).mkdir(exist_ok=True)
    wanted = json.loads(json.dumps(asdict(spec)))
    wanted["grades_digest"] = hashlib.sha256(config.read_bytes()).hexdigest()
    path = out / SPEC
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        changed = [k for k, v in wanted.items() if k != "subjects" and found.get(k) != v]
        if changed:
            raise WrongUse(
                f"{out} holds another cohort (different {', '.join(sorted(changed))});"
                " choose an empty folder or the same settings"
            )
    elif any(out.glob(f"*{spec.suffix}")):
        raise WrongUse(f"{out} holds clips that are not a phantom cohort; choose an empty folder")
    (out / MANIFEST).unlink(missing_ok=True)
    shutil.copyfile(config, out / CONFIG)
    write_json(path, wanted, indent=1)


def _finished(out: Path, spec: CohortSpec, number: int, expression: str) -> bool:
    clip = out / clip_name(spec, number, expression)
    return clip.exists() and (out / TRUTH / f"{clip.stem}.json").exists()


def _draw(out: Path, spec: CohortSpec, jobs: list[tuple[int, str]], workers: int) -> Iterator[None]:
    """Draws the jobs in processes of their own; yields after each."""
    if min(workers, len(jobs)) <= 1:
        for job in jobs:
            _draw_one(out, spec, *job)
            yield
        return
    # Spawned: the caller may hold threads (mediapipe, a server) that a fork would not survive.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool:
        futures = [pool.submit(_draw_one, out, spec, *job) for job in jobs]
        for future in as_completed(futures):
            yield future.result()


def _draw_one(out: Path, spec: CohortSpec, number: int, expression: str) -> None:
    """Writes the clip first and its truth last, so that a truth file means a finished clip."""
    cv2.setNumThreads(1)
    person, performance = programme(spec, number, expression, out / CONFIG)
    clip = out / clip_name(spec, number, expression)
    write_clip(clip, performance)
    truth: dict[str, Any] = performance.truth()
    truth.update(
        subject=person.name,
        grade=person.grade,
        pd=person.pd,
        condition=spec.condition,
        sha256=hashlib.sha256(clip.read_bytes()).hexdigest(),
    )
    write_json(out / TRUTH / f"{clip.stem}.json", truth)


def _write_manifest(out: Path, spec: CohortSpec, jobs: list[tuple[int, str]]) -> None:
    with whole(out / MANIFEST) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number, expression in jobs:
            clip = clip_name(spec, number, expression)
            path = out / TRUTH / f"{Path(clip).stem}.json"
            truth = json.loads(path.read_text(encoding="utf-8"))
            writer.writerow(
                (
                    truth["subject"], clip, expression, truth["grade"], int(truth["pd"]),
                    f"phantom-{spec.condition}", split_of(number), truth["sha256"],
                )
            )  # fmt: skip


def split_of(number: int) -> str:
    """Every fifth person is for testing: identities of the test never occur in training."""
    return "test" if number % 5 == 4 else "train"
