"""From the invitation to the result on two screens, in real Chromium, on one machine.

The camera plays a drawn face; pictures of every page, at desktop and phone width, are left in
``test-results/``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import chromium, visitors, walk
from tests.journey import PASSWORD
from tests.topology import Topology, one_machine

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

CLINIC = f"""
from screening.models import Membership, Protocol, Site, User
protocol = Protocol.objects.get(slug="quick")
site = Site.objects.create(name="Harbour clinic", protocol=protocol, release_policy="at_once",
                           contact="Please call 01 23 45 67, weekdays 9 to 16.")
clinician = User.objects.create_user("clinician@test.mimia", "{PASSWORD}", name="Dr Test")
Membership.objects.create(user=clinician, site=site)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with one_machine(tmp_path_factory.mktemp("site")) as topology:
        topology.python(CLINIC)
        yield topology


@pytest.fixture(scope="module")
def chrome(camera_film: Path) -> Iterator[Browser]:
    with chromium(camera_film) as opened:
        yield opened


def test_from_invitation_to_the_result_on_two_screens(site: Topology, chrome: Browser) -> None:
    with visitors(chrome, site.url, "one-machine", "clinician", "patient") as (clinician, patient):
        clinician.log_in("clinician@test.mimia", PASSWORD)
        walk(clinician, patient, parts=4)
