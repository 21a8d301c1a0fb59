"""Backup and restore, as an operator types them, while somebody uploads; in both topologies."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.servers import wait_for
from tests.topology import ROOT, Topology, many_machines, one_machine

Sites = Callable[[], Topology]
MANY = [pytest.mark.distributed, pytest.mark.nightly]
BOTH = ["one_machine", pytest.param("many_machines", marks=MANY)]
in_both = pytest.mark.parametrize("kind", BOTH)
#: The files of the folder's database go; a new, empty one takes their place.
FORGET_SQLITE = """
from pathlib import Path
from django.conf import settings
from django.db import connections
connections.close_all()
for path in Path(settings.VAR).glob("mimia.sqlite3*"):
    path.unlink()
"""
FORGET_POSTGRESQL = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("DROP SCHEMA public CASCADE")
    cursor.execute("CREATE SCHEMA public")
"""
HOLDS = """
from screening.models import Clip, Patient, Upload
kept = Clip.objects.exclude(storage_key="")
answer = {
    "clips": [str(pk) for pk in kept.values_list("pk", flat=True)],
    "begun": Upload.objects.filter(state="open", offset__gt=0).count(),
    "named": Patient.objects.exclude(name="").count(),
    "erased": Patient.objects.filter(erasure_proven_at__isnull=False).count(),
}
"""
ERASE = """
from screening.models import Patient
from screening.services import erasure
patient = Patient.objects.get()
erasure.erase_patient(by=patient.user, patient=patient)
erasure.erase_files(patient_id=patient.pk)
"""
CHECK = ["check_store", "--hashes", "--json"]
MIGRATE = ["migrate", "--noinput", "--verbosity", "0"]


@pytest.fixture
def kind() -> str:
    return "one_machine"


@pytest.fixture
def new_site(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Sites:
    """Makes the settings of sites: SQLite and a folder, or PostgreSQL and S3; nothing in them."""

    def make() -> Topology:
        folder = tmp_path / f"site-{uuid4().hex[:6]}"
        if kind == "one_machine":
            return one_machine(folder)
        names = ("postgresql", "redis_server", "object_store")
        return many_machines(folder, *map(request.getfixturevalue, names))

    return make


class Uploader:
    """A process in which a patient uploads; ``received`` are the clips it was told are safe."""

    def __init__(self, site: Topology) -> None:
        self.log = site.folder / "uploaded.txt"
        self.errors = site.folder / "uploading.log"
        with self.log.open("w") as out, self.errors.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.screening.uploading"],
                cwd=ROOT,
                env={**site.environment, "MIMIA_STEP_TAKES": "1000000"},
                stdout=out,
                stderr=err,
            )

    def received(self) -> list[str]:
        whole = self.log.read_text().rpartition("\n")[0]
        return whole.split()

    def wait(self, more: int) -> list[str]:
        """Until so many more are received; all that are."""
        enough = len(self.received()) + more
        wait_for(
            lambda: len(self.received()) >= enough or self.process.poll() is not None,
            f"{more} more clips are received",
            seconds=120,
        )
        assert self.process.poll() is None, self.errors.read_text()
        return self.received()

    def kill(self) -> None:
        """In mid-upload, as likely as not."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def uploading() -> Iterator[Callable[[Topology], Uploader]]:
    started: list[Uploader] = []

    def start(site: Topology) -> Uploader:
        started.append(Uploader(site))
        return started[-1]

    yield start
    for one in started:
        one.kill()


class Ended:
    """How a command ended."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.code: int = found["code"]
        self.out: str = found["out"]
        self.err: str = found["err"]

    def well(self) -> str:
        assert self.code == 0, self.out + self.err
        return self.out

    def refused(self) -> str:
        """With 2 and a sentence, not with a trace."""
        assert self.code == 2, self.out + self.err
        return self.err

    def json(self) -> Any:
        return json.loads(self.out)


def type_in(site: Topology, *steps: list[str] | str) -> list[Any]:
    """Commands (lists) and questions (code), one after the other; how each ended."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.screening.typing_commands"],
        cwd=ROOT,
        env=site.environment,
        input=json.dumps(steps),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        Ended(one) if isinstance(step, list) else one
        for step, one in zip(steps, found, strict=True)
    ]


@in_both
def test_a_backup_while_somebody_uploads_loses_nothing(
    new_site: Sites, uploading: Callable[[Topology], Uploader], tmp_path: Path
) -> None:
    site, folder = new_site(), tmp_path / "backup"
    type_in(site, MIGRATE)
    uploader = uploading(site)
    first = uploader.wait(5)
    (made,) = type_in(site, ["backup", str(folder)])
    assert str(folder) in made.well()
    second = uploader.wait(5)
    (made,) = type_in(site, ["backup", str(folder)])
    uploader.wait(1)
    uploader.kill()
    reused = int(made.well().partition(" there already")[0].rpartition(" ")[2])
    assert reused >= len(first)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [one.name for one in folder.glob("database-*")] == [manifest["database"]["key"]]

    empty = new_site()
    _, whole, restored, holds, checked, again, unchanged, onward = type_in(
        empty,
        MIGRATE,
        ["restore", str(folder), "--verify"],
        ["restore", str(folder)],
        HOLDS,
        CHECK,
        ["restore", str(folder)],
        CHECK,
        ["backup", str(folder)],
    )
    assert "whole" in whole.well()
    assert "unfinished uploads" in restored.well()
    assert set(second) <= set(holds["clips"])
    assert holds["begun"] == 0
    assert checked.json()["well"]
    assert "in use" in again.refused()
    assert unchanged.json() == checked.json()
    # The restored site is this installation: its next backup goes on in the same folder.
    assert " 0 copied" in onward.well()


@in_both
def test_a_lost_database_comes_back_in_front_of_its_store(
    kind: str, new_site: Sites, uploading: Callable[[Topology], Uploader], tmp_path: Path
) -> None:
    site, folder = new_site(), tmp_path / "backup"
    type_in(site, MIGRATE)
    uploader = uploading(site)
    before = uploader.wait(2)
    type_in(site, ["backup", str(folder)])[0].well()
    uploader.wait(2)
    uploader.kill()
    checked, _, _, refused, restored, holds, after = type_in(
        site,
        CHECK,
        FORGET_SQLITE if kind == "one_machine" else FORGET_POSTGRESQL,
        MIGRATE,
        ["restore", str(folder)],
        ["restore", str(folder), "--keep-store"],
        HOLDS,
        CHECK,
    )
    assert "holds recordings" in refused.refused()
    restored.well()
    assert set(before) <= set(holds["clips"])
    found = after.json()
    assert (found["standing"], found["missing"], found["wrong"]) == ("", [], [])
    # What is newer than the backup stays, but for the parts of an upload that is begun anew.
    assert found["objects"] >= checked.json()["objects"] - 2


def test_who_was_erased_since_is_erased_again(
    new_site: Sites, uploading: Callable[[Topology], Uploader], tmp_path: Path
) -> None:
    site, folder, empty = new_site(), tmp_path / "backup", new_site()
    type_in(site, MIGRATE)
    uploader = uploading(site)
    uploader.wait(1)
    uploader.kill()
    made, _, told = type_in(
        site, ["backup", str(folder)], ERASE, ["backup", str(folder), "--erasures-only"]
    )
    made.well()
    assert "1 erasures" in told.well()
    _, restored, holds, checked, onward = type_in(
        empty, MIGRATE, ["restore", str(folder)], HOLDS, CHECK, ["backup", str(folder)]
    )
    assert "erased again: P-" in restored.well()
    assert holds == {"clips": [], "begun": 0, "named": 0, "erased": 1}
    assert (checked.json()["well"], checked.json()["objects"]) == (True, 0)
    # The next backup takes their files out of the folder too.
    onward.well()
    assert not [path for path in (folder / "objects").rglob("*") if path.is_file()]


def test_what_is_not_whole_is_refused_before_anything_is_written(
    new_site: Sites, uploading: Callable[[Topology], Uploader], tmp_path: Path
) -> None:
    site, folder, empty = new_site(), tmp_path / "backup", new_site()
    type_in(site, MIGRATE)
    uploader = uploading(site)
    uploader.wait(1)
    uploader.kill()
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "to-my-aunt.txt").write_text("Dear aunt")
    made, strange = type_in(site, ["backup", str(folder)], ["backup", str(letters)])
    made.well()
    assert "something else" in strange.refused()
    for path in (folder, *(one for one in folder.rglob("*") if one.is_file())):
        assert path.stat().st_mode & 0o077 == 0, f"{path} is not for its owner alone"

    recording = next(path for path in (folder / "objects").rglob("original-*"))
    database = next(folder.glob("database-*"))
    list_of_nonsense = tmp_path / "erased.txt"
    list_of_nonsense.write_text("not an id\n")
    restore = ["restore", str(folder)]
    steps: list[list[str] | str] = [MIGRATE]
    for file in (recording, database):
        kept = file.read_bytes()
        changed = kept[:-1] + bytes([kept[-1] ^ 1])
        steps += [written(file, changed), restore, f"__import__('os').unlink({str(file)!r})"]
        steps += [restore, written(file, kept)]
    steps += [[*restore, "--erasures", str(list_of_nonsense)], ["restore", str(letters)]]
    steps += [["backup", str(folder)], HOLDS]
    *commands, other, holds = (one for one in type_in(empty, *steps) if one is not None)
    said = [one.refused() for one in commands[1:]]
    assert all("damaged, nothing was written" in one for one in said[:4])
    assert "one a line" in said[4]
    assert "no finished backup" in said[5]
    assert "another installation" in other.refused()
    assert holds["clips"] == []


def written(file: Path, content: bytes) -> str:
    return f"open({str(file)!r}, 'wb').write({content!r})"
