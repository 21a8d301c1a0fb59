"""``python -m benchmarks.session``: how long a patient waits between the last byte and the result.

Starts a site of its own (one machine's topology, in a temporary folder), logs in as the demo
patient, uploads drawn clips through the API while a socket listens, and takes the times of the last
clip. Prints a table; ``--out`` also writes it as JSON.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from benchmarks.client import Patient, free_port, wait_until_ready
from worker.confinement import ROOT
from worker.process import MeasuringProcess

EXPRESSIONS = ("rest", "smile", "disgust", "surprise")
SECONDS = 10.0
#: From what happened to what happened, in the order of the table.
STAGES = (
    ("last byte acknowledged", "clip.received"),
    ("clip.received", "clip.measuring"),
    ("clip.measuring", "clip.measured"),
    ("screening.submitted", "screening.scored"),
    ("last byte acknowledged", "screening.released"),
)
WHOLE = STAGES[-1]


@contextmanager
def running_site(folder: Path) -> Iterator[str]:
    """A site with the demo accounts only; yields its address."""
    environment = {**os.environ, "MIMIA_VAR": str(folder), "MIMIA_LOG_LEVEL": "WARNING"}
    for name in ("DATABASE_URL", "REDIS_URL", "MIMIA_S3_BUCKET"):
        environment.pop(name, None)

    def manage(*arguments: str) -> list[str]:
        return [sys.executable, "manage.py", *arguments]

    for command in (manage("migrate", "-v", "0"), manage("demo", "--accounts-only")):
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
    port = free_port()
    site = subprocess.Popen(manage("serve", "--port", str(port)), cwd=ROOT, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(address)
        yield address
    finally:
        site.terminate()
        site.wait(timeout=30)


def draw_clips(folder: Path) -> dict[str, Path]:
    """One clip of ten seconds for each expression."""
    artist = MeasuringProcess()
    clips = {name: folder / f"{name}.mp4" for name in EXPRESSIONS}
    for name, path in clips.items():
        with artist.desk() as desk:
            drawn = desk.outbox / path.name
            what = {"target": str(drawn), "expression": name, "amplitude": 1.0, "seed": 5}
            artist.ask("draw", {**what, "seconds": SECONDS}, seconds=120)
            shutil.move(drawn, path)
    artist.retire()
    return clips


def one_session(patient: Patient, clips: dict[str, Path]) -> dict[str, float]:
    """Records a whole session; the moments (seconds on this machine's clock) of its last clip."""
    screening = patient.begin()
    ids = {step["expression"]: step["clip"]["id"] for step in screening["steps"]}
    for name in set(ids) - set(clips):
        patient.post(f"clips/{ids[name]}/skip/", {"reason": "not part of this benchmark"})
    *earlier, last = clips
    for name in earlier:
        patient.upload(ids[name], clips[name], SECONDS)
        patient.heard("clip.measured", ids[name])
    moments = {"last byte acknowledged": patient.upload(ids[last], clips[last], SECONDS)}
    patient.post(f"screenings/{screening['id']}/submit/", {})
    for kind in ("clip.received", "clip.measuring", "clip.measured"):
        moments[kind] = patient.heard(kind, ids[last])
    for kind in ("screening.submitted", "screening.scored", "screening.released"):
        moments[kind] = patient.heard(kind)
    patient.forget()
    return moments


def measure(sessions: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mimia-bench-") as name:
        folder = Path(name)
        clips = draw_clips(folder)
        with running_site(folder / "var") as address:
            login = json.loads((folder / "var" / "demo.json").read_text())["accounts"]["patient"]
            with Patient(address, login["email"], login["password"]) as patient:
                runs = [one_session(patient, clips) for _ in range(sessions)]
    stages = [
        {
            "from": begin,
            "to": end,
            "seconds": [round(run[end] - run[begin], 3) for run in runs],
            "median_s": round(median(run[end] - run[begin] for run in runs), 3),
        }
        for begin, end in STAGES
    ]
    return {
        "what": "one machine: SQLite, worker thread, one measuring process; last of four clips",
        "clip_s": SECONDS,
        "sessions": sessions,
        "cores": os.cpu_count(),
        "load_before": round(_LOAD, 2),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "stages": stages,
    }


_LOAD = os.getloadavg()[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.session", description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    parser.add_argument("--sessions", type=int, default=3)
    options = parser.parse_args()
    begun = monotonic()
    result = measure(options.sessions)
    print(f"{'from':24} {'to':20} {'median s':>9}   each")
    for stage in result["stages"]:
        each = " ".join(f"{value:.2f}" for value in stage["seconds"])
        print(f"{stage['from']:24} {stage['to']:20} {stage['median_s']:9.2f}   {each}")
    print(
        f"{result['sessions']} sessions of four {SECONDS:g} s clips, {result['cores']} cores, load "
        f"{result['load_before']} before, {result['machine']}, {result['at'][:10]}; "
        f"{monotonic() - begun:.0f} s in all"
    )
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
