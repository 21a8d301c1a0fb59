"""``python -m ml phantom clip|cohort|table``: drawn faces that do what is known."""

import argparse
import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ml.errors import WrongUse
from ml.phantom import Capture, Identity, Program, draw_identity, perform, write_clip
from ml.phantom.cohort import CohortSpec, write_cohort
from ml.phantom.graded_people import DEFAULT_CONFIG
from ml.phantom.signals import cohort_rows
from vocabulary.expressions import ASKED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True)
    _add_clip(kinds)
    _add_cohort(kinds)
    _add_table(kinds)


def _add_clip(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    clip = kinds.add_parser("clip", help="one clip: .mp4, .webm, or .mjpeg for a fake camera")
    clip.add_argument("--expression", required=True, choices=[str(e) for e in ASKED])
    clip.add_argument("--out", required=True, type=Path, help="file to write")
    clip.add_argument("--truth", type=Path, help="JSON file for the programmed curve and values")
    clip.add_argument("--amplitude", type=float, default=1.0, help="1 = healthy median")
    clip.add_argument("--speed", type=float, default=1.0, help="of rise and fall, 1 = healthy")
    clip.add_argument("--seed", type=int, default=0, help="the same seed draws the same frames")
    clip.add_argument("--seconds", type=float, default=10.0)
    clip.add_argument("--fps", type=float, default=30.0)
    clip.add_argument("--size", type=_size, default=(640, 480), metavar="WIDTHxHEIGHT")
    clip.add_argument("--latency", type=float, default=0.30, help="seconds from cue to onset")
    clip.add_argument("--repetitions", type=int, default=3)
    clip.add_argument("--asymmetry", type=float, default=0.0, help="-1 to 1; above 0 right is less")
    clip.add_argument("--blinks", type=float, default=16.0, help="per minute")
    clip.add_argument("--lips-parted", type=float, default=0.0, help="share of the time at rest")
    clip.add_argument("--tremor", type=float, default=0.0, help="0 none, 1 plainly visible")
    clip.add_argument("--jitter", type=float, default=1.0, help="0 = no natural variation")
    clip.add_argument("--head-motion", type=float, default=1.0, help="0 = the head keeps still")
    clip.add_argument("--identity", type=int, help="seed of the person drawn (default: one person)")
    clip.add_argument("--skin", type=int, help="1 to 10 on the Monk Skin Tone scale")
    clip.add_argument("--glasses", action="store_true")
    clip.add_argument("--light", type=float, default=1.0, help="1 = a well-lit room")
    clip.add_argument("--noise", type=float, default=2.0, help="standard deviation, grey levels")
    clip.add_argument("--dropped", type=float, default=0.0, help="share of frames left out")
    clip.add_argument("--curves", choices=("smooth", "recordings"), default="smooth")
    clip.add_argument("--json", action="store_true", help="one JSON object on standard output")
    clip.set_defaults(run=run_clip)


def _add_cohort(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    cohort = kinds.add_parser("cohort", help="clips, manifest.csv and truth/ of many people")
    cohort.add_argument("--subjects", type=int, required=True)
    cohort.add_argument("--out", type=Path, required=True, help="folder; resumed if begun")
    cohort.add_argument("--seed", type=int, default=0)
    cohort.add_argument(
        "--expressions", default=",".join(ASKED), help="comma-separated, default all of them"
    )
    cohort.add_argument("--grade-config", type=Path, help="default: the committed grades.json")
    cohort.add_argument("--condition", default="home", help="home, dark, noise, 15fps, dropped")
    cohort.add_argument("--seconds", type=float, default=10.0)
    cohort.add_argument("--fps", type=float, default=30.0)
    cohort.add_argument("--size", type=_size, default=(640, 480), metavar="WIDTHxHEIGHT")
    cohort.add_argument("--format", choices=("mp4", "webm"), default="mp4")
    cohort.add_argument("--curves", choices=("smooth", "recordings"), default="smooth")
    cohort.add_argument("--workers", type=int, help="processes, default one per core")
    cohort.add_argument("--json", action="store_true", help="one JSON object on standard output")
    cohort.set_defaults(run=run_cohort)


def _add_table(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    table = kinds.add_parser("table", help="feature table of simulated people, nothing drawn")
    table.add_argument("--subjects", type=int, required=True)
    table.add_argument("--out", type=Path, required=True, help="CSV file to write")
    table.add_argument("--seed", type=int, default=0)
    table.add_argument("--expressions", default=",".join(ASKED))
    table.add_argument("--condition", default="home", help="home, dark, noise, 15fps, dropped")
    table.add_argument("--json", action="store_true", help="one JSON object on standard output")
    table.set_defaults(run=run_table)


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError("a size like 640x480 is expected") from None
    return width, height


def run_clip(options: argparse.Namespace) -> int:
    cv2.setNumThreads(1)
    for path in (options.out, options.truth):
        if path is not None and not path.parent.is_dir():
            raise WrongUse(f"no such folder: {path.parent}; create it first")
    try:
        person = Identity()
        if options.identity is not None:
            person = draw_identity(np.random.default_rng(options.identity), glasses=False)
        person = replace(
            person, skin=options.skin or person.skin, glasses=options.glasses or person.glasses
        )
        performance = perform(
            options.expression,
            seed=options.seed,
            seconds=options.seconds,
            program=Program(
                amplitude=options.amplitude,
                speed=options.speed,
                latency_s=options.latency,
                repetitions=options.repetitions,
                asymmetry=options.asymmetry,
                blinks_per_minute=options.blinks,
                jitter=options.jitter,
                lips_parted=options.lips_parted,
                tremor=options.tremor,
                head_motion=options.head_motion,
            ),
            identity=person,
            capture=Capture(
                width=options.size[0],
                height=options.size[1],
                fps=options.fps,
                light=options.light,
                noise=options.noise,
                dropped=options.dropped,
            ),
            curves_from=options.curves,
        )
    except ValueError as fault:
        raise WrongUse(f"{fault}; see: python -m ml phantom clip --help") from fault
    write_clip(options.out, performance)
    if options.truth is not None:
        options.truth.write_text(json.dumps(performance.truth()), encoding="utf-8")
    done = {"out": str(options.out), "frames": len(performance.times), "seed": options.seed}
    print(json.dumps(done) if options.json else f"{options.out}: {done['frames']} frames",
          file=sys.stdout)  # fmt: skip
    return 0


def run_cohort(options: argparse.Namespace) -> int:
    spec = CohortSpec(
        subjects=options.subjects,
        seed=options.seed,
        expressions=tuple(part.strip() for part in options.expressions.split(",") if part.strip()),
        condition=options.condition,
        seconds=options.seconds,
        fps=options.fps,
        width=options.size[0],
        height=options.size[1],
        suffix=f".{options.format}",
        curves=options.curves,
    )

    config = options.grade_config or DEFAULT_CONFIG
    try:
        clips = write_cohort(options.out, spec, config=config, workers=options.workers)
    except ValueError as fault:
        raise WrongUse(f"{fault}; see: python -m ml phantom cohort --help") from fault
    done = {"out": str(options.out), "subjects": spec.subjects, "clips": clips}
    print(json.dumps(done) if options.json else f"{options.out}: {clips} clips")
    return 0


def run_table(options: argparse.Namespace) -> int:
    if not options.out.parent.is_dir():
        raise WrongUse(f"no such folder: {options.out.parent}; create it first")
    spec = CohortSpec(
        subjects=options.subjects,
        seed=options.seed,
        expressions=tuple(part.strip() for part in options.expressions.split(",") if part.strip()),
        condition=options.condition,
    )
    rows = cohort_rows(spec)
    with options.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    done = {"out": str(options.out), "subjects": len(rows)}
    print(json.dumps(done) if options.json else f"{options.out}: {len(rows)} simulated people")
    return 0
