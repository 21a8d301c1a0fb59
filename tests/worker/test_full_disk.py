"""A disk that is really full: under the store, the database and the temporary folder, one by one.

Small file systems in memory are mounted there and filled to the last byte while a patient uploads.
The reserve is switched off, so that what answers is the fault itself.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.journey import Clinic, clips_of, open_clinic
from tests.person import TUS, Person
from tests.servers import wait_for
from tests.topology import one_machine
from tests.worker.people import Session
from worker import steps
from worker.pool import close_pools, open_pools

pytestmark = pytest.mark.slow
MEBIBYTE = 1024 * 1024
PIECE = os.urandom(64 * 1024)
#: Larger than what of a body is kept in memory.
LARGE = os.urandom(900 * 1024)


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own at ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs the right to mount a file system (root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is left, until the end."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (MEBIBYTE, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size) == size:
                    pass
    try:
        yield
    finally:
        filler.unlink()


@dataclass(frozen=True)
class Disks:
    clinic: Clinic
    places: dict[str, Path]


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    folder = tmp_path_factory.mktemp("full")
    places = {
        "database": folder / "var",
        "store": folder / "var" / "clips",
        "temporary folder": folder / "tmp",
    }
    with contextlib.ExitStack() as stack:
        for place in places.values():
            stack.enter_context(small_disk(place, "size=64m"))
        site = one_machine(
            folder / "var",
            TMPDIR=str(places["temporary folder"]),
            MIMIA_RESERVE_BYTES=str(-(2**40)),
            MIMIA_UPLOAD_CHUNK_MAX_BYTES=str(MEBIBYTE),
        )
        yield Disks(open_clinic(stack.enter_context(site)), places)


def patch(person: Person, upload: str, offset: int, data: bytes) -> requests.Response:
    headers = TUS | {
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    return person.call("PATCH", upload, data=data, headers=headers)


def check_in_words(answer: requests.Response) -> None:
    assert answer.status_code in (503, 507), (answer.status_code, answer.text[:500])
    assert int(answer.headers["Retry-After"]) > 0
    if "json" in answer.headers["Content-Type"]:
        said: dict[str, Any] = answer.json()
        assert said["code"] in ("no_room", "unavailable")
        assert said["detail"].endswith(".")
    else:
        assert "Nothing is lost by waiting" in answer.text


def sent_until_refused(person: Person, upload: str, offset: int) -> tuple[int, requests.Response]:
    """The last acknowledged offset and the refusal. A database goes on for as long as its log has
    pages to use again."""
    for _ in range(400):
        answer = patch(person, upload, offset, PIECE)
        if answer.status_code != 204:
            return offset, answer
        offset = int(answer.headers["Upload-Offset"])
    raise AssertionError("nothing is ever full")


def room_check(clinic: Clinic) -> str:
    """What ``/readyz`` says of room; its answer may be some seconds old."""
    health = requests.get(f"{clinic.topology.url}/readyz", timeout=60)
    said = str(health.json()["checks"]["room"])
    assert health.status_code == 503 or said == "ok"
    return said


@pytest.mark.parametrize("place", ["store", "database", "temporary folder"])
def test_nothing_acknowledged_is_lost_and_the_site_recovers(disks: Disks, place: str) -> None:
    clinic, number = disks.clinic, list(disks.places).index(place)
    person = clinic.patient(number)
    screening = person.begin()
    upload = person.create_upload(clips_of(screening)["smile"])
    acknowledged = person.send(upload, PIECE, 0)
    with filled(disks.places[place]):
        acknowledged, refusal = sent_until_refused(person, upload, acknowledged)
        check_in_words(refusal)
        check_in_words(patch(person, upload, acknowledged, LARGE))
        assert person.get("me/"), "reading goes on"
        assert person.offset(upload) == acknowledged
        if place != "database":
            # Who looks at a screening, and who logs in, is written down first.
            assert person.screening(screening["id"])["state"] == "draft"
            clinic.patient(number)
        wait_for(lambda: place in room_check(clinic), "/readyz says what is full")
    whole = PIECE * (acknowledged // len(PIECE)) + LARGE
    assert patch(person, upload, acknowledged, LARGE).status_code == 204
    assert person.complete(upload, whole, 6.0)["state"] == "received"
    clinic.topology.wait_ready()
    assert clinic.topology.web.process is not None
    assert clinic.topology.web.process.poll() is None


def test_full_store_lets_a_patient_delete(disks: Disks) -> None:
    person = disks.clinic.patient(5)
    upload = person.create_upload(clips_of(person.begin())["rest"])
    person.send(upload, PIECE, 0)
    with filled(disks.places["store"]):
        assert person.call("DELETE", upload, headers=TUS).status_code == 204


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_full_disk_costs_a_clip_no_attempt(
    session: Session, pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = session.send("smile")
    with small_disk(tmp_path / "tmp", "nr_inodes=1") as full:
        monkeypatch.setattr(tempfile, "tempdir", str(full))
        # A measuring process of this moment, whose folder would lie there.
        open_pools(1)
        assert steps.measure(clip.pk) is False
        monkeypatch.undo()
        close_pools()
    clip.refresh_from_db()
    assert (clip.state, clip.attempts) == ("received", 0)
