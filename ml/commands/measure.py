"""``python -m ml measure CLIP --expression NAME``: one clip's signals, curves and quality."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ml.errors import WrongUse
from ml.intensity.sources import default_source
from ml.measuring.blendshapes import reader
from ml.measuring.clip import measure_clip
from ml.measuring.measurement import Measurement
from ml.scoring.assessment import curve_json, session_curves
from ml.scoring.served_source import shown_on
from ml.signs.signs import signs
from vocabulary.expressions import EXPRESSIONS
from vocabulary.signs import SIGNALS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", type=Path, help="video file")
    parser.add_argument("--expression", required=True, choices=[str(e) for e in EXPRESSIONS])
    parser.add_argument("--rest", type=Path, help="the same person's clip at rest, for the curve")
    parser.add_argument("--cues", type=seconds, help="prompt times in the clip, as 2,5,8 (s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def seconds(text: str) -> list[float]:
    """Numbers separated by commas, for argparse."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError("seconds separated by commas are expected") from None


def run(options: argparse.Namespace) -> int:
    for clip in (options.clip, options.rest):
        if clip is not None and not clip.is_file():
            raise WrongUse(f"no such file: {clip}; give the path of a recorded clip")

    shapes = reader()
    measured = measure_clip(
        options.clip, expression=options.expression, cues=options.cues, shapes=shapes
    )
    rest = None
    if options.rest is not None:
        rest = measure_clip(options.rest, expression="rest", shapes=shapes)
    found = measured.to_json() | curve_and_signs(measured, rest)
    if options.json:
        json.dump(found, sys.stdout, allow_nan=False)
        print()
    else:
        print(as_text(found))
    return 0


def curve_and_signs(measured: Measurement, rest: Measurement | None) -> dict[str, Any]:
    """The curve and its signs, without percentiles: those need a bundle's norms. No curve where a
    layout of points lacks signals: it reads all of them."""
    if measured.state != "measured" or set(measured.signals) != set(SIGNALS):
        return {"curve": None, "signs": []}
    clips = {measured.expression: measured}
    if rest is not None and rest.state == "measured":
        clips.setdefault("rest", rest)
    source = shown_on(default_source(), clips.values())
    curve = session_curves(clips, source)[measured.expression]
    return {
        "curve": curve_json(curve, measured.cues),
        "signs": [sign.to_json() for sign in signs(measured, curve)],
    }


def as_text(found: dict[str, Any]) -> str:
    """What people read in place of the JSON."""
    lines = [f"{found['expression']}: {found['state']}"]
    if found["reason"] is not None:
        lines.append(f"  {found['reason']}: {found['detail']}")
    lines += [f"  {name:22} {_number(value)}" for name, value in found["quality"].items()]
    if found["curve"] is not None:
        lines.append(f"  curve by the {found['curve']['source']['name']} intensity source")
    for sign in found["signs"]:
        lines.append(f"  {sign['name']:22} {_number(sign['value'])} {sign['unit']}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
