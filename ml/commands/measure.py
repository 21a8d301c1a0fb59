"""``python -m ml measure CLIP --expression NAME``: one clip's signals, curves and quality."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ml.errors import WrongUse
from ml.expressions import EXPRESSIONS

if TYPE_CHECKING:
    from ml.measurement import Measurement


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("measure", help="measure one clip")
    parser.add_argument("clip", type=Path, help="video file")
    parser.add_argument("--expression", required=True, choices=[str(e) for e in EXPRESSIONS])
    parser.add_argument("--rest", type=Path, help="the same person's clip at rest, for the curve")
    parser.add_argument("--cues", type=_seconds, help="prompt times in the clip, as 2,5,8 (s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def _seconds(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError("seconds separated by commas are expected") from None


def run(options: argparse.Namespace) -> int:
    for clip in (options.clip, options.rest):
        if clip is not None and not clip.is_file():
            raise WrongUse(f"no such file: {clip}; give the path of a recorded clip")
    from ml.pipeline import measure_clip

    measured = measure_clip(options.clip, expression=options.expression, cues=options.cues)
    if options.json:
        json.dump(measured.to_json(), sys.stdout, allow_nan=False)
        print()
    else:
        print(_as_text(measured))
    return 0


def _as_text(measured: "Measurement") -> str:
    quality = measured.quality
    lines = [f"{measured.expression}: {measured.state}"]
    if measured.reason is not None:
        lines.append(f"  {measured.reason}: {measured.detail}")
    lines += [f"  {name:22} {value}" for name, value in quality.to_json().items()]
    lines += [f"  {name:22} {value:.6g}" for name, value in measured.stats.items()]
    return "\n".join(lines)
