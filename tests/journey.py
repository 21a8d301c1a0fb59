"""The journey that every topology and every fault must bring to the same end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clips import SECONDS
from tests.person import Person
from tests.topology import Topology

PASSWORD = "a-long-password-for-tests"
#: A clinic with a short protocol, a clinician, and patients who have accepted their invitations.
PREPARE = f"""
from screening.models import Membership, Patient, Protocol, Site, User
from screening.services import consents
protocol = Protocol.objects.create(slug="short", version=1, name="Short")
for order, (expression, repetitions) in enumerate([("rest", 0), ("smile", 2)], 1):
    protocol.steps.create(order=order, expression=expression, seconds=6,
                          repetitions=repetitions, instruction="As on the picture.")
site = Site.objects.create(name="Test clinic", protocol=protocol, release_policy="at_once")
clinician = User.objects.create_user("clinician@test.mimia", "{PASSWORD}", name="Dr Test")
Membership.objects.create(user=clinician, site=site)
for number in range(8):
    user = User.objects.create_user(f"patient{{number}}@test.mimia", "{PASSWORD}")
    Patient.objects.create(user=user, site=site, name=f"Patient {{number}}")
answer = {{"site": str(site.pk), "protocol": str(protocol.pk)}}
"""


@dataclass(frozen=True)
class Clinic:
    """A running site with its people."""

    topology: Topology
    site: str

    def patient(self, number: int) -> Person:
        return Person(self.topology.url, f"patient{number}@test.mimia", PASSWORD)

    def clinician(self) -> Person:
        return Person(self.topology.url, "clinician@test.mimia", PASSWORD)


def open_clinic(topology: Topology) -> Clinic:
    return Clinic(topology, topology.python(PREPARE)["site"])


def clips_of(screening: dict[str, Any]) -> dict[str, str]:
    """Expression → id of its current clip."""
    return {step["expression"]: step["clip"]["id"] for step in screening["steps"]}


def record_all(person: Person, screening: dict[str, Any], files: dict[str, Path]) -> None:
    for expression, clip in clips_of(screening).items():
        person.record(clip, files[expression], SECONDS)


def submit(person: Person, screening: dict[str, Any]) -> None:
    person.post(f"screenings/{screening['id']}/submit/")


def result_of(clinic: Clinic, screening: dict[str, Any]) -> dict[str, Any]:
    """What the assessment says, without when it was said and without the clock's readings."""
    told = clinic.clinician().get(f"screenings/{screening['id']}/assessment/")["result"]
    return {key: value for key, value in told.items() if key not in {"timing", "made_at"}}


def rows_of(clinic: Clinic, screening: dict[str, Any]) -> dict[str, Any]:
    """How often each thing was written down, straight from the database and the store."""
    code = f"""
from django.core.files.storage import default_storage
from screening.models import Assessment, Clip, ClipMeasurement, Event, Screening
row = Screening.objects.get(pk="{screening["id"]}")
clips = list(row.clips.all())
events = Event.objects.filter(stream_id=f"patient:{{row.patient_id}}")
answer = dict(
    assessments=Assessment.objects.filter(screening=row).count(),
    measurements=ClipMeasurement.objects.filter(clip__in=clips).count(),
    states=[clip.state for clip in clips],
    attempts=[clip.attempts for clip in clips],
    files=[default_storage.exists(clip.storage_key) for clip in clips],
    kinds=sorted(events.values_list("kind", flat=True)),
    numbers=sorted(events.values_list("number", flat=True)),
)
"""
    return dict(clinic.topology.python(code))


def check_whole(rows: dict[str, Any]) -> None:
    """Everything is there, once: one measurement a clip, one assessment, no gap in the events."""
    clips = len(rows["states"])
    assert rows["states"] == ["measured"] * clips
    assert rows["measurements"] == clips
    assert rows["assessments"] == 1
    assert rows["files"] == [True] * clips
    assert rows["numbers"] == list(range(1, len(rows["numbers"]) + 1))
    for kind in ("screening.submitted", "screening.scored", "screening.released"):
        assert rows["kinds"].count(kind) == 1, kind
    assert rows["kinds"].count("clip.measured") == clips
