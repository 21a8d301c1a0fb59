"""From the invitation to the result on two screens, in real Chromium, on one machine.

The camera plays a drawn face; pictures of every page, at desktop and phone width, are left in
``test-results/``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import (
    RESULT_MS,
    Visitor,
    accept,
    answer_intake,
    chromium,
    hand_in,
    invite,
    record_every_part,
    visitors,
)
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
    with visitors(chrome, site.url, "clinician", "patient") as (clinician, patient):
        walk(clinician, patient)


def walk(clinician: Visitor, patient: Visitor) -> None:
    clinician.log_in("clinician@test.mimia", PASSWORD)
    link = invite(clinician, "Ada Harbour")
    clinician.picture("invite")
    clinician.page.goto("/clinic/")
    clinician.mark()

    accept(patient, link, "ada@test.mimia")
    patient.picture("screenings")
    answer_intake(patient)
    line = clinician.page.locator("#worklist").get_by_text("Ada Harbour")
    expect(line).to_be_visible(timeout=30_000)
    assert record_every_part(patient) == 4
    screening = hand_in(patient)
    patient.picture("status")

    # The result comes by itself, to both.
    expect(patient.page.locator("#result")).to_be_visible(timeout=RESULT_MS)
    patient.check_not_reloaded()
    patient.picture("result")
    row = clinician.page.locator("#worklist").get_by_role("row").filter(has_text="Ada Harbour")
    expect(row).to_contain_text("released", timeout=30_000)
    clinician.check_not_reloaded()
    clinician.picture("worklist")

    clinician.page.goto(f"/clinic/screenings/{screening}/")
    expect(clinician.page.locator("#case video").first).to_be_visible(timeout=30_000)
    clinician.page.wait_for_load_state("networkidle")
    clinician.picture("case")
