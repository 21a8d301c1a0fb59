"""Two hundred patients who upload at the same moment on one machine: no crash, and none lost."""

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.uploads import upload_at_once
from tests.topology import one_machine

PATIENTS = 200


@pytest.mark.slow
def test_two_hundred_patients_on_sqlite(tmp_path: Path) -> None:
    shape = Namespace(patients=PATIENTS, clips=1, kib=8, chunk_kib=16)
    with one_machine(tmp_path / "var") as site:
        seen = upload_at_once(site, shape)
        assert set(seen["statuses"]) <= {"200", "201", "204", "503"}, (seen, site.logs())
    assert seen["unfinished_patients"] == 0, seen
    assert seen["clips_confirmed"] == PATIENTS
    assert seen["lost_bytes"] == 0
