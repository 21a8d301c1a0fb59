"""``python -m benchmarks.stages``: how long measuring takes, by stage, against what it must cost.

What must be paid is decoding and the mesh, so a bare loop of just these two (no line of ours in
it) runs in the same round as the whole, on the same core; the ratio of the two is the figure. The
second figure is how much faster two processes measure on two cores, the third what blendshapes
cost, where their model is. Rounds alternate, so that a busy machine slows all sides; medians count.
"""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import av

from benchmarks.encoder import measure as encoder_throughput
from ml import phantom
from ml.measuring import blendshapes, face
from ml.measuring.clip import measure_clip
from ml.scoring import bundle as bundles
from ml.scoring.assessment import assess

DEFAULT_OUT = Path("var/bench/ml.json")
SECONDS = 10.0
AIM_RATIO, AIM_SPEED_UP, AIM_BLENDSHAPES = 1.10, 1.7, 1.6
EXPRESSIONS = ("rest", "smile", "disgust", "surprise")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="paired rounds (default 5)")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help=f"default {DEFAULT_OUT}")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--no-encoder", action="store_true", help="leave out the image encoder")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    result = measure_all(options.rounds, encoder=not options.no_encoder)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    print(json.dumps(result, allow_nan=False) if options.json else _as_table(result))


def measure_all(rounds: int, *, encoder: bool = True, seconds: float = SECONDS) -> dict[str, Any]:
    """All figures as plain JSON types; progress goes to standard error."""
    with tempfile.TemporaryDirectory() as folder:
        clips = _draw(Path(folder), seconds)
        _say("one core: the whole against decoding and mesh alone")
        one_core = _one_core(clips, rounds)
        _say("two processes against one")
        two = _two_processes(clips["smile"], rounds)
        _say("with blendshapes against without")
        shapes = _blendshapes(clips["smile"], rounds)
    result: dict[str, Any] = {
        "machine": _machine(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "clip": f"drawn, {seconds:g} s, 640 × 480, 30 frames a second, H.264",
        "rounds": rounds,
        "one_core": one_core,
        "two_processes": two,
        "blendshapes": shapes,
        "encoder": "not measured",
    }
    if encoder:
        _say("the image encoder against its bare tower")
        result["encoder"] = encoder_throughput()
    return result


def _draw(folder: Path, seconds: float) -> dict[str, Path]:
    clips = {}
    for expression in EXPRESSIONS:
        _say(f"drawing {expression}")
        clips[expression] = folder / f"{expression}.mp4"
        performance = phantom.perform(expression, seed=1, seconds=seconds)
        phantom.write_clip(clips[expression], performance)
    return clips


# --- one core -----------------------------------------------------------------------------


def _one_core(clips: dict[str, Path], rounds: int) -> dict[str, Any]:
    bundle = bundles.load(bundles.default_bundle_path())
    clip = clips["smile"]
    with _pinned(1):
        mesh = face.tracker()
        _bare(clip, mesh)
        session = {name: measure_clip(path, expression=name) for name, path in clips.items()}
        assess(session, bundle=bundle)
        rows = []
        for _ in range(rounds):
            used = process_time()
            bare = _bare(clip, mesh)
            bare["bare_cpu_s"] = process_time() - used
            begin, used = perf_counter(), process_time()
            measured = measure_clip(clip, expression="smile")
            whole, whole_cpu = perf_counter() - begin, process_time() - used
            begin = perf_counter()
            assess(session, bundle=bundle)
            rows.append(
                {
                    **bare,
                    **measured.timing,
                    "whole_s": whole,
                    "whole_cpu_s": whole_cpu,
                    "assess_s": perf_counter() - begin,
                }
            )
    middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    frames = measured.quality.frames
    ratios = [row["whole_s"] / (row["bare_decode_s"] + row["bare_mesh_s"]) for row in rows]
    cpu_ratios = [row["whole_cpu_s"] / row["bare_cpu_s"] for row in rows]
    return {
        "frames": frames,
        "seconds": {name: round(value, 4) for name, value in middle.items()},
        "frames_per_second": {
            "decode": round(frames / middle["bare_decode_s"], 1),
            "mesh": round(frames / middle["bare_mesh_s"], 1),
            "whole": round(frames / middle["whole_s"], 1),
        },
        "ratio": round(statistics.median(ratios), 3),
        "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
        # Processor time instead of the wall clock: the same on a quiet machine, and on a busy one
        # still true.
        "ratio_of_processor_time": round(statistics.median(cpu_ratios), 3),
        "aim": f"ratio ≤ {AIM_RATIO:.2f}",
        "reached": statistics.median(ratios) <= AIM_RATIO,
    }


def _bare(clip: Path, mesh: Any) -> dict[str, float]:
    """Decoding and mesh with the libraries alone: what no measuring can save."""
    decode_s = mesh_s = 0.0
    graph = mesh._mesh
    with av.open(str(clip)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        before = perf_counter()
        for picture in container.decode(video=0):
            rgb = picture.to_ndarray(format="rgb24")
            decoded = perf_counter()
            graph.process(rgb)
            after = perf_counter()
            decode_s, mesh_s = decode_s + decoded - before, mesh_s + after - decoded
            before = after
    return {"bare_decode_s": decode_s, "bare_mesh_s": mesh_s}


@contextmanager
def _pinned(cores: int) -> Iterator[None]:
    """This process on that many cores (where the system can do that)."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    # Threads that exist already keep theirs; the mesh's are built inside this block.
    os.sched_setaffinity(0, set(sorted(allowed)[:cores]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _blendshapes(clip: Path, rounds: int) -> dict[str, Any] | str:
    """A whole clip measured with blendshapes over the same without, in processor time."""
    reader = blendshapes.reader()
    if reader is None:
        return "not measured: no face landmarker (scripts/face_landmarker.sh)"
    rows = []
    with _pinned(1):
        measure_clip(clip, expression="smile", shapes=reader)
        for _ in range(rounds):
            before = process_time()
            measure_clip(clip, expression="smile")
            between = process_time()
            measure_clip(clip, expression="smile", shapes=reader)
            rows.append((between - before, process_time() - between))
    without, with_them = (statistics.median(side) for side in zip(*rows, strict=True))
    ratio = statistics.median(both / one for one, both in rows)
    return {
        "cpu_s": round(with_them, 4),
        "without_cpu_s": round(without, 4),
        "ratio_of_processor_time": round(ratio, 3),
        "aim": f"ratio ≤ {AIM_BLENDSHAPES:g}",
        "reached": ratio <= AIM_BLENDSHAPES,
    }


# --- two processes ------------------------------------------------------------------------


def _two_processes(clip: Path, rounds: int) -> dict[str, Any] | str:
    """Clips a second of two measuring processes over those of one, each with a core of its own."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    if len(cores) < 2:
        return "not measured: one core"
    context = multiprocessing.get_context("spawn")
    pipes, workers = [], []
    for core in cores[:2]:
        here, there = context.Pipe()
        worker = context.Process(target=_measure_on_demand, args=(there, str(clip), core))
        worker.start()
        pipes.append(here)
        workers.append(worker)
    try:
        for pipe in pipes:
            pipe.recv()
        alone, together = [], []
        for _ in range(rounds):
            alone.append(_wall(pipes[:1]))
            together.append(_wall(pipes))
    finally:
        for pipe in pipes:
            pipe.send(False)
        for worker in workers:
            worker.join(timeout=30)
    speed_ups = [2 * one / both for one, both in zip(alone, together, strict=True)]
    return {
        "one_s": round(statistics.median(alone), 4),
        "two_s": round(statistics.median(together), 4),
        "speed_up": round(statistics.median(speed_ups), 3),
        "speed_up_range": [round(min(speed_ups), 3), round(max(speed_ups), 3)],
        "aim": f"speed-up ≥ {AIM_SPEED_UP:g}",
        "reached": statistics.median(speed_ups) >= AIM_SPEED_UP,
    }


def _wall(pipes: list[Connection]) -> float:
    begin = perf_counter()
    for pipe in pipes:
        pipe.send(True)
    for pipe in pipes:
        pipe.recv()
    return perf_counter() - begin


def _measure_on_demand(pipe: Connection, clip: str, core: int) -> None:
    """A measuring process: one clip for each True, until False. Says first that it is ready."""
    os.sched_setaffinity(0, {core})
    measure_clip(Path(clip), expression="smile")
    pipe.send("ready")
    while pipe.recv():
        measure_clip(Path(clip), expression="smile")
        pipe.send("done")


# --- how it is shown ----------------------------------------------------------------------


def _machine() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = named[0].split(":", 1)[1].strip() if named else model
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load_before": load,
        "python": platform.python_version(),
    }


def _as_table(result: dict[str, Any]) -> str:
    one, two = result["one_core"], result["two_processes"]
    seconds, rate = one["seconds"], one["frames_per_second"]
    lines = [
        result["clip"],
        f"median of {result['rounds']} rounds on {result['machine']['processor']}",
        "",
        "| on one core | seconds a clip | frames a second |",
        "|---|---|---|",
        f"| decode, alone | {seconds['bare_decode_s']:.3f} | {rate['decode']:.0f} |",
        f"| mesh, alone | {seconds['bare_mesh_s']:.3f} | {rate['mesh']:.0f} |",
        f"| geometry | {seconds['geometry_s']:.3f} | |",
        f"| whole clip | {seconds['whole_s']:.3f} | {rate['whole']:.0f} |",
        f"| assessment of a session | {seconds['assess_s']:.3f} | |",
        "",
        f"whole / (decode + mesh): {one['ratio']:.3f} (aim ≤ {AIM_RATIO:.2f});"
        f" in processor time {one['ratio_of_processor_time']:.3f}",
    ]
    if isinstance(two, dict):
        lines.append(f"two processes: {two['speed_up']:.2f} × one (aim ≥ {AIM_SPEED_UP:g})")
    else:
        lines.append(f"two processes: {two}")
    shapes = result["blendshapes"]
    if isinstance(shapes, dict):
        shapes = f"{shapes['ratio_of_processor_time']:.2f} × a clip without ({shapes['aim']})"
    lines.append(f"with blendshapes: {shapes}")
    encoder = result["encoder"]
    if isinstance(encoder, dict):
        lines += ["", f"image encoder {encoder['architecture']} ({encoder['weights']} weights):"]
        for name in ("cpu_fp32", "cpu_bf16", "gpu"):
            found = encoder[name]
            shown = found
            if isinstance(found, dict):
                speed, share = found["encoder_fps"], found["ratio"]
                shown = f"{speed:g} frames a second, {share:.2f} of the bare tower"
                if "clips_per_second" in found:
                    shown += f"; {found['clips_per_second']:.1f} clips a second in shared batches,"
                    shown += f" {found['matmul_share']:.2f} of the measured matmul ceiling"
            lines.append(f"  {name}: {shown}")
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
