"""``python -m ml measure-landmarks FILE --layout NAME --expression NAME``: as ``measure``, from the
points that somebody else's detector found."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ml.cohort.landmark_table import Reading, write_table
from ml.cohort.landmarks import read_points
from ml.commands.measure import as_text, curve_and_signs, seconds
from ml.errors import WrongUse
from ml.measuring import layouts
from ml.measuring.points import MeasuredPoints, measure_points
from ml.scoring.bundle import default_bundle_path, load
from vocabulary.expressions import EXPRESSIONS

DESCRIPTION = (
    "Measures landmarks in place of a film: CSV (OpenFace's own too), Parquet, NPZ or NPY of"
    " (frames, points, 2 or 3). Pixels are taken as wide as high; shares of the picture need"
    " --width and --height of the film, and are taken as of a 4:3 picture without. What is assumed"
    " stands in the result. Of a folder every file is measured, into a feature table for train,"
    " evaluate and score-table."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.add_argument("file", type=Path, help="CSV, Parquet, NPZ or NPY of points, or a folder")
    parser.add_argument("--out", type=Path, help="of a folder: the feature table (CSV) to write")
    parser.add_argument(
        "--labels", type=Path, help="of a folder: a CSV of its files (clip) or people (subject)"
    )
    parser.add_argument(
        "--layout", required=True, help="a layout's name, or the path of a layout's .json file"
    )
    parser.add_argument("--fps", type=float, help="frames a second, where there are no timestamps")
    parser.add_argument("--expression", required=True, choices=[str(e) for e in EXPRESSIONS])
    parser.add_argument("--width", type=int, help="of the film, in pixels")
    parser.add_argument("--height", type=int, help="of the film, in pixels")
    parser.add_argument("--rest", type=Path, help="the same person's points at rest, for the curve")
    parser.add_argument("--cues", type=seconds, help="prompt times, as 2,5,8 (s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.file.is_dir():
        return _of_folder(options)
    if options.out is not None or options.labels is not None:
        raise WrongUse(f"--out and --labels are for a folder, and {options.file} is none")
    layout, size = layouts.load(options.layout), film_size(options)
    measured, rest = (
        None
        if path is None
        else measure_points(
            read_points(path, layout, fps=options.fps, size=size),
            layout,
            expression=expression,
            cues=cues,
        )
        for path, expression, cues in (
            (options.file, options.expression, options.cues),
            (options.rest, "rest", None),
        )
    )
    assert measured is not None  # noqa: S101 (the file is always given)
    at_rest = None if rest is None else rest.measured
    found = measured.measured.to_json() | curve_and_signs(measured.measured, at_rest)
    found |= {"layout": measured.layout.name, "assumed": list(measured.assumed)}
    found |= percentiles(measured)
    if options.json:
        json.dump(found, sys.stdout, allow_nan=False)
        print()
    else:
        print(as_text(found))
        for said in found["assumed"]:
            print(f"  {said}")
    return 0


def _of_folder(options: argparse.Namespace) -> int:
    """Every file of the folder into one feature table."""
    if options.out is None:
        raise WrongUse(f"{options.file} is a folder: say with --out which table to write")
    if options.json or options.rest is not None or options.cues is not None:
        raise WrongUse("--json, --rest and --cues are for one file")
    reading = Reading(
        layouts.load(options.layout), options.expression, options.fps, film_size(options)
    )
    write_table(options.file, options.out, reading, options.labels)
    return 0


def film_size(options: argparse.Namespace) -> tuple[int, int] | None:
    """``--width`` and ``--height``. Raises :class:`WrongUse` for one alone, or none of a film."""
    if (options.width is None) != (options.height is None):
        raise WrongUse("--width and --height go together")
    if options.width is None:
        return None
    if min(options.width, options.height) < 1:
        raise WrongUse("--width and --height are a film's, in pixels, above 0")
    return options.width, options.height


def percentiles(found: MeasuredPoints) -> dict[str, Any]:
    """Percentiles of means and variances among people without PD, for points of FaceMesh alone, and
    marked: the shipped norms were measured on films, in its static mode."""
    if not found.layout.norms:
        why = "none: the shipped norms are FaceMesh's; other points have those of their own cohort"
        return {"percentiles": {}, "norms": why}
    norms = load(default_bundle_path()).norms
    known = {
        column: round(percentile, 1)
        for column, value in found.measured.features().items()
        if (percentile := norms.percentile(column, value)) is not None
    }
    why = (
        f"{norms.reference}, measured with FaceMesh in static mode on films: they hold as far as"
        " these points were found so (tracked points waver less)"
    )
    return {"percentiles": known, "norms": why if known else "none for this expression"}
