"""The same journey in real Chromium, with every part of the topology a process of its own."""

from pathlib import Path

import pytest

from tests.e2e.browser import chromium, visitors, walk
from tests.journey import PASSWORD, Clinic

pytestmark = [
    pytest.mark.browser,
    pytest.mark.distributed,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


def test_from_invitation_to_the_result_over_many_machines(
    clinic: Clinic, camera_film: Path
) -> None:
    with (
        chromium(camera_film) as chrome,
        visitors(chrome, clinic.topology.url, "many-machines", "clinician", "patient") as people,
    ):
        clinician, patient = people
        clinician.log_in("clinician@test.mimia", PASSWORD)
        walk(clinician, patient, parts=2)
