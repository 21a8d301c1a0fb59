"""A line of other people's clips, and the worker killed in the midst of it, in both topologies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journey import Clinic, open_clinic, record_all, submit
from tests.servers import wait_for
from tests.topology import one_machine

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
OTHERS = 6
#: Each has one received clip, and one upload that nobody will go on with.
BACKLOG = """
import hashlib, pathlib
from datetime import timedelta
from django.utils import timezone
from screening.models import Patient, Site, Upload, User
from screening.services import consents, screenings, uploads
data = pathlib.Path("{file}").read_bytes()
for number in range({others}):
    user = User.objects.create_user(f"waiting{{number}}@test.mimia", None)
    patient = Patient.objects.create(user=user, site=Site.objects.get(pk="{site}"))
    consents.give(patient=patient, form=consents.current_form(), scopes=["care"])
    rest, smile = screenings.current_clips(screenings.start(patient=patient))
    upload = uploads.create(by=user, clip=rest, mime_type="video/mp4")
    uploads.append(by=user, upload=upload, offset=0, data=data)
    uploads.complete(by=user, upload=upload, size=len(data),
                     sha256=hashlib.sha256(data).hexdigest(), announced={{"seconds": 6.0}})
    left = uploads.create(by=user, clip=smile, mime_type="video/mp4")
    Upload.objects.filter(pk=left.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
"""
LOOK = """
from screening.models import Clip, Screening
waiting = Clip.objects.filter(screening__patient__user__email__startswith="waiting")
clips = waiting.exclude(sha256="")
row = Screening.objects.get(pk="{screening}")
answer = dict(
    states=list(clips.values_list("state", flat=True)),
    attempts=list(clips.values_list("attempts", flat=True)),
    copied=clips.exclude(playback_key="").count(),
    uploading=waiting.filter(state="uploading").count(),
    meanwhile=row.scored_at and clips.filter(
        measured_at__gt=row.submitted_at, measured_at__lt=row.scored_at).count(),
)
"""


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Clinic]:
    with one_machine(tmp_path / "site") as topology:
        yield open_clinic(topology)


def crowd(clinic: Clinic, file: Path) -> None:
    clinic.topology.python(BACKLOG.format(file=file, others=OTHERS, site=clinic.site))


def look(clinic: Clinic, screening: dict[str, Any]) -> dict[str, Any]:
    return dict(clinic.topology.python(LOOK.format(screening=screening["id"])))


def survive(clinic: Clinic, files: dict[str, Path], number: int) -> None:
    """A result in front of everybody's clips, though the worker was killed; then all the rest."""
    patient = clinic.patient(number)
    screening = patient.begin()
    record_all(patient, screening, files)
    steps = patient.screening(screening["id"])["steps"]

    def measured() -> bool:
        nonlocal steps
        steps = patient.screening(screening["id"])["steps"]
        return all(step["clip"]["state"] == "measured" for step in steps)

    wait_for(measured, "the patient's own clips are measured")
    crowd(clinic, files["rest"])
    wait_for(
        lambda: "measuring" in look(clinic, screening)["states"], "somebody's clip is measured", 60
    )
    worker = clinic.topology.worker
    worker.kill()
    worker.start()
    clinic.topology.wait_ready()
    submit(patient, screening)
    patient.wait_for_state(screening["id"], "released")
    found = look(clinic, screening)
    # The clip in hand, and one more where that one ended in the moment of the submission.
    assert found["meanwhile"] <= 2, "the result waited behind other people's clips"

    def everything() -> bool:
        nonlocal found
        found = look(clinic, screening)
        return found["copied"] == OTHERS and not found["uploading"]

    wait_for(everything, "everybody is measured and copied, every dead upload ended", 180)
    assert found["states"] == ["measured"] * OTHERS
    assert sum(found["attempts"]) == OTHERS + 1, "the kill missed, or cost more than one attempt"


@pytest.mark.nightly
def test_one_machine(single: Clinic, drawn_clips: dict[str, Path]) -> None:
    survive(single, drawn_clips, 0)


def test_many_machines(clinic: Clinic, drawn_clips: dict[str, Path]) -> None:
    survive(clinic, drawn_clips, 6)
    assert len(clinic.topology.worker.measuring_processes()) == 1, "copies are made elsewhere"


def test_the_sweep_comes_though_no_worker_measures(
    clinic: Clinic, drawn_clips: dict[str, Path]
) -> None:
    patient = clinic.patient(7)
    screening = patient.begin()
    worker = clinic.topology.worker
    worker.kill()
    try:
        record_all(patient, screening, drawn_clips)
        upload = patient.create_upload(next(iter(rerecorded(patient, screening))))
        patient.send(upload, b"some bytes", 0)
        clinic.topology.python(
            "from datetime import timedelta\nfrom django.utils import timezone\n"
            "from screening.models import Upload\n"
            "Upload.objects.filter(state='open').update("
            "expires_at=timezone.now() - timedelta(seconds=1))"
        )
        states: list[str] = []

        def ended() -> bool:
            nonlocal states
            steps = patient.screening(screening["id"])["steps"]
            states = [step["clip"]["state"] for step in steps]
            return "expected" in states

        wait_for(ended, "the upload that nobody goes on with is ended")
        assert "received" in states
    finally:
        worker.start()
        clinic.topology.wait_ready()


def rerecorded(patient: Any, screening: dict[str, Any]) -> list[str]:
    clip = patient.screening(screening["id"])["steps"][0]["clip"]["id"]
    return [patient.post(f"clips/{clip}/rerecord/")["id"]]
