"""Does this installation measure what it should? Drawn faces of known amplitude tell.

Eight short clips are drawn, measured and assessed by the parts that serve patients, and compared
with what was programmed. Passing shows that the installation is sound, nothing about people.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from math import isfinite
from statistics import correlation, median
from typing import Any

from worker import process, steps
from worker.pool import Urgency, measuring_pool
from worker.process import lacking

SECONDS = 8.0
STRONG, WEAK = 1.0, 0.4
POSED = ("smile", "disgust", "surprise")
REPETITIONS = 3
#: What a sound installation keeps with room to spare; how well the science does is for its own
#: reports to say. Latency: three frames at 30 a second.
CORRELATION = 0.95
LATENCY_S = 0.1
STILL = 0.15
CLIP_SECONDS = 120.0


@dataclass(frozen=True)
class Check:
    """One figure and the limit it must keep."""

    name: str
    value: float
    limit: str
    passed: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"value": self.value if isfinite(self.value) else None}


@dataclass(frozen=True)
class _Clip:
    """A drawn clip: its truth and its measurement, both as JSON."""

    expression: str
    amplitude: float
    truth: Mapping[str, Any]
    measurement: dict[str, Any]


def run(bundle: Any, at_once: int) -> list[Check]:
    """Draws, measures, assesses with ``bundle`` (a row) and compares."""
    wanted = [("rest", STRONG), ("smile", 0.0)]
    wanted += [(expression, amplitude) for expression in POSED for amplitude in (STRONG, WEAK)]
    with ThreadPoolExecutor(max_workers=at_once) as threads:
        clips = list(threads.map(lambda one: _measured(bundle, *one), wanted))
    unmeasured = [clip for clip in clips if clip.measurement["state"] != "measured"]
    checks = [Check("clips that could not be measured", len(unmeasured), "0", not unmeasured)]
    if unmeasured:
        return checks
    strong, weak, still = (_assessed(clips, bundle, a) for a in (STRONG, WEAK, 0.0))
    return [*checks, *_compare(clips, strong, weak, still), _for_real_faces(clips), _confined()]


def _for_real_faces(clips: Sequence[_Clip]) -> Check:
    """For an operator to know: the curves and signs of real faces are read without it as well."""
    seen = sum(clip.measurement.get("blendshapes") is not None for clip in clips)
    lack = process.without_blendshapes or "good to have: scripts/face_landmarker.sh brings it"
    words = "used for real faces only" if seen else lack
    return Check("clips with blendshapes, the source for real faces", seen, words, True)


def _confined() -> Check:
    """For an operator to know; a system without some of it measures as well."""
    words = f"good to have: {', '.join(sorted(lacking))}" if lacking else "none"
    return Check("ways of confinement that this system lacks", len(lacking), words, True)


def _compare(
    clips: Sequence[_Clip], strong: dict[str, Any], weak: dict[str, Any], still: dict[str, Any]
) -> list[Check]:
    truths = {clip.expression: clip.truth for clip in clips if clip.amplitude == STRONG}
    by_name = {name: _of(strong, name) for name in POSED}
    follows = min(_likeness(by_name[name]["curve"], truths[name]) for name in POSED)
    late = median(
        abs(_sign(by_name[name], "onset-latency") - _programmed_latency(truths[name]))
        for name in POSED
    )
    counted = sum(_sign(by_name[name], "repetitions") == REPETITIONS for name in POSED)
    ratios = [_sign(_of(weak, n), "peak") / _sign(by_name[n], "peak") for n in POSED]
    moved = _sign(_of(still, "smile"), "peak")
    masked = weak["hypomimia_index"] - strong["hypomimia_index"]
    return [
        Check("intensity follows the programme (lowest correlation)", follows,
              f"at least {CORRELATION}", follows >= CORRELATION),
        Check("error of the onset latency, median, s", late,
              f"at most {LATENCY_S}", late <= LATENCY_S),
        Check("expressions with their repetitions counted right", counted,
              f"{len(POSED)}", counted == len(POSED)),
        Check(f"peak at amplitude {WEAK}, share of the full one (largest)", max(ratios),
              "below 0.75", max(ratios) < 0.75),
        Check("movement found in a still face", moved, f"below {STILL}", moved < STILL),
        Check("hypomimia index, weak minus full movement", masked, "above 0", masked > 0),
    ]  # fmt: skip


def _measured(bundle: Any, expression: str, amplitude: float) -> _Clip:
    with measuring_pool().lend(Urgency.MEASURE) as lent, lent.desk() as desk:
        drawn = desk.outbox / "clip.mp4"
        what = {
            "target": str(drawn),
            "expression": expression,
            "amplitude": amplitude,
            "seconds": SECONDS,
            "seed": 11,
        }
        truth = lent.ask("draw", what, seconds=CLIP_SECONDS)
        announced = {"cues": [{"at": at, "kind": "make"} for at in truth["cues"]]}
        path = drawn.rename(desk.inbox / drawn.name)
        clip = {
            "path": str(path),
            "size": path.stat().st_size,
            "expression": expression,
            "announced": announced,
            "bundle": steps.files_of(bundle),
        }
        reads = [steps.folder_of(bundle)]
        measurement = lent.ask("measure", clip, seconds=CLIP_SECONDS, reads=reads)
    return _Clip(expression, amplitude, truth, measurement)


def _assessed(clips: Sequence[_Clip], bundle: Any, amplitude: float) -> dict[str, Any]:
    """The session of the clips at this amplitude, each beside the same face at rest."""
    chosen = [clip for clip in clips if clip.expression == "rest" or clip.amplitude == amplitude]
    found = {c.expression: c.measurement for c in chosen}
    return steps.assess_measurements(found, bundle, drawn=True)


def _of(assessment: Mapping[str, Any], expression: str) -> dict[str, Any]:
    return next(clip for clip in assessment["clips"] if clip["expression"] == expression)


def _sign(clip: Mapping[str, Any], name: str) -> float:
    """A sign's value; a sign that is missing counts as far off, not as right."""
    found = [sign["value"] for sign in clip["signs"] if sign["name"] == name]
    return float("inf") if not found or found[0] is None else float(found[0])


def _programmed_latency(truth: Mapping[str, Any]) -> float:
    return median(onset - cue for onset, cue in zip(truth["onsets"], truth["cues"], strict=True))


def _likeness(curve: Mapping[str, Any], truth: Mapping[str, Any]) -> float:
    """Pearson's correlation of the measured with the programmed intensity, frame by frame."""
    programmed = dict(zip((round(t, 2) for t in truth["t"]), truth["intensity"], strict=True))
    pairs = [
        (seen, programmed[round(t, 2)])
        for t, seen in zip(curve["t"], curve["intensity"], strict=True)
        if seen is not None and round(t, 2) in programmed
    ]
    return correlation([seen for seen, _ in pairs], [meant for _, meant in pairs])
