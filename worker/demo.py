"""The demo case: a drawn face that performs the protocol, screened through the real services."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from screening.models import Protocol, ProtocolStep, Screening
from screening.services import demo, screenings
from worker import bundles, recording
from worker.pool import Urgency, measuring_pool

DRAW_SECONDS = 120.0
SEED = 7
#: A mildly masked face, so that the pages have something to show.
AMPLITUDE = 0.6
INTAKE = {"age_years": 68, "sex": "other", "known_pd": False, "glasses": False, "beard": False}


def make_case(drawings: Path, at_once: int) -> Screening:
    """The assessed demo case; the one that is there already, or a new one.

    ``drawings`` keeps the drawn clips for the next time. A case that was left unfinished (the
    command was stopped) is taken up where it is.
    """
    patient = demo.phantom_patient()
    done = Screening.objects.filter(patient=patient, state__in=["scored", "released"]).first()
    if done is not None:
        return done
    bundles.ensure_active()
    waiting = Screening.objects.filter(patient=patient, state="submitted").first()
    quick = Protocol.objects.filter(slug="quick").order_by("-version").first()
    screening = waiting or screenings.start(patient=patient, is_phantom=True, protocol=quick)
    by = recording.person(patient)
    if waiting is None:
        steps = list(screening.protocol.steps.all())
        files = draw(steps, drawings, at_once)
        screenings.save_intake(by=by, screening=screening, answers=INTAKE)
        recording.upload_all(screening, by, files)
        screenings.submit(by=by, screening=screening)
    recording.measure_all(recording.unmeasured(screening), at_once)
    recording.assess_now(screening)
    screening.refresh_from_db()
    return screening


def draw(steps: list[ProtocolStep], folder: Path, at_once: int) -> dict[str, recording.FileClip]:
    """One clip for each step, drawn now or kept from the last time, with the cues it performed."""
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=at_once) as threads:
        drawn = threads.map(lambda step: _draw(step.expression, step.seconds, folder), steps)
        return {step.expression: clip for step, clip in zip(steps, drawn, strict=True)}


def _draw(expression: str, seconds: int, folder: Path) -> recording.FileClip:
    what: dict[str, Any] = {
        "expression": expression,
        "amplitude": AMPLITUDE,
        "seconds": float(seconds),
        "seed": SEED,
    }
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:8]
    clip, truth = folder / f"{expression}-{key}.mp4", folder / f"{expression}-{key}.json"
    # The truth is written last: a clip without it was interrupted and is drawn again.
    if not truth.exists():
        with measuring_pool().lend(Urgency.MEASURE) as process, process.desk() as desk:
            drawn = desk.outbox / clip.name
            told = process.ask("draw", {**what, "target": str(drawn)}, seconds=DRAW_SECONDS)
            shutil.move(drawn, clip)
        truth.write_text(json.dumps(told))
    return recording.FileClip(clip, _announced(json.loads(truth.read_text()), seconds))


def _announced(truth: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    """What a browser would have said of such a recording."""
    cues = [{"at": at, "kind": "make"} for at in truth["cues"]]
    return {"seconds": float(seconds), "frames": None, "cues": cues, "interrupted": False}
