"""One fault each, in the middle of the journey: the same result, once, and nothing lost.

PostgreSQL, Redis, an S3 API, the site and each kind of worker are separate processes here.
"""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.clips import SECONDS
from tests.journey import Clinic, check_whole, clips_of, record_all, result_of, rows_of, submit
from tests.person import Listener, Person
from tests.servers import Redis, wait_for

pytestmark = [pytest.mark.distributed, pytest.mark.slow]
Files = dict[str, Path]


def wait_until_measuring(patient: Person, screening: dict[str, Any]) -> None:
    def caught() -> bool:
        steps = patient.screening(screening["id"])["steps"]
        return any(step["clip"]["state"] == "measuring" for step in steps)

    wait_for(caught, "a clip is being measured")


def check_same(
    clinic: Clinic, patient: Person, screening: dict[str, Any], undisturbed: dict[str, Any]
) -> dict[str, Any]:
    patient.wait_for_state(screening["id"], "released")
    rows = rows_of(clinic, screening)
    check_whole(rows)
    assert result_of(clinic, screening) == undisturbed
    return rows


def test_journey_without_a_fault(undisturbed: dict[str, Any]) -> None:
    assert undisturbed["hypomimia_index"] is not None
    assert undisturbed["severity_expected"] is not None


def test_measuring_process_killed_in_mid_clip(
    clinic: Clinic, drawn_clips: Files, undisturbed: dict[str, Any]
) -> None:
    patient = clinic.patient(1)
    screening = patient.begin()
    record_all(patient, screening, drawn_clips)
    wait_until_measuring(patient, screening)
    for pid in clinic.topology.worker.measuring_processes():
        os.kill(pid, signal.SIGKILL)
    submit(patient, screening)
    rows = check_same(clinic, patient, screening, undisturbed)
    assert max(rows["attempts"]) == 2, "the kill missed: no attempt was lost"


def test_worker_killed_in_mid_clip(
    clinic: Clinic, drawn_clips: Files, undisturbed: dict[str, Any]
) -> None:
    patient = clinic.patient(2)
    screening = patient.begin()
    record_all(patient, screening, drawn_clips)
    wait_until_measuring(patient, screening)
    clinic.topology.worker.kill()
    submit(patient, screening)
    clinic.topology.worker.start()
    rows = check_same(clinic, patient, screening, undisturbed)
    assert max(rows["attempts"]) == 2, "the kill missed: no attempt was lost"


def test_redis_forgets_everything_while_work_waits(
    clinic: Clinic, drawn_clips: Files, undisturbed: dict[str, Any], redis_server: Redis
) -> None:
    patient = clinic.patient(3)
    listener = Listener(patient, "/ws/patient/").connect()
    screening = patient.begin()
    record_all(patient, screening, drawn_clips)
    wait_until_measuring(patient, screening)
    redis_server.restart()
    submit(patient, screening)
    check_same(clinic, patient, screening, undisturbed)
    listener.wait_for(lambda told: told["kind"] == "screening.released", "the push of the result")
    assert listener.numbers == list(range(1, listener.numbers[-1] + 1))
    listener.close()


def test_site_killed_in_mid_upload(
    clinic: Clinic, drawn_clips: Files, undisturbed: dict[str, Any]
) -> None:
    patient = clinic.patient(4)
    screening = patient.begin()
    clips = clips_of(screening)
    data = drawn_clips["smile"].read_bytes()
    upload = patient.create_upload(clips["smile"])
    sent = patient.send(upload, data[: len(data) // 2], 0, chunk=8 * 1024)
    clinic.topology.web.kill()
    clinic.topology.web.start()
    clinic.topology.wait_ready()
    assert patient.offset(upload) == sent, "an acknowledged byte was lost"
    patient.send(upload, data, sent, chunk=8 * 1024)
    patient.complete(upload, data, SECONDS)
    patient.record(clips["rest"], drawn_clips["rest"], SECONDS)
    submit(patient, screening)
    check_same(clinic, patient, screening, undisturbed)


def test_socket_cut_between_events(
    clinic: Clinic, drawn_clips: Files, undisturbed: dict[str, Any]
) -> None:
    patient, clinician = clinic.patient(5), clinic.clinician()
    listeners = [
        Listener(patient, "/ws/patient/").connect(),
        Listener(clinician, f"/ws/site/{clinic.site}/").connect(),
    ]
    screening = patient.begin()
    for listener in listeners:
        listener.wait_for(
            lambda told: told["data"].get("screening") == screening["id"], "the first event"
        )
        listener.cut()
    record_all(patient, screening, drawn_clips)
    submit(patient, screening)
    check_same(clinic, patient, screening, undisturbed)
    for listener in listeners:
        listener.connect()
        listener.wait_for(
            lambda told: (
                told["kind"] == "screening.released"
                and told["data"]["screening"] == screening["id"]
            ),
            "the push of what was missed",
        )
        first, last = listener.numbers[0], listener.numbers[-1]
        assert listener.numbers == list(range(first, last + 1)), "an event was skipped or doubled"
        listener.close()
    told = patient.get("events/?stream=patient&after=0")
    assert [event["number"] for event in told["events"]] == listeners[0].numbers
