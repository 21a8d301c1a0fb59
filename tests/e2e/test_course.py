"""A course of two sessions, in real Chromium: what comes next in two presses, and both at once.

The recordings come over the API, so that the walk is about the pages; the camera page has its own.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.clips import draw
from tests.e2e.browser import PART_MS, RESULT_MS, chromium, visitors
from tests.journey import PASSWORD, clips_of
from tests.person import Person
from tests.servers import wait_for
from tests.topology import Topology, one_machine

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

#: What the bundle that ships needs to say anything, and rest.
EXPRESSIONS = ("rest", "smile", "disgust")
SECONDS = 4.0
CLINIC = f"""
from screening.models import Membership, Patient, Protocol, Site, User
from screening.services import consents
protocol = Protocol.objects.create(slug="short", version=1, name="Short", least_sessions=2)
for order, expression in enumerate({EXPRESSIONS!r}, 1):
    protocol.steps.create(order=order, expression=expression, seconds=4,
                          repetitions=0 if expression == "rest" else 2, instruction="As shown.")
site = Site.objects.create(name="Harbour clinic", protocol=protocol, release_policy="at_once")
clinician = User.objects.create_user("clinician@test.mimia", "{PASSWORD}", name="Dr Test")
Membership.objects.create(user=clinician, site=site)
user = User.objects.create_user("ada@test.mimia", "{PASSWORD}")
Patient.objects.create(user=user, site=site, name="Ada Harbour")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with one_machine(tmp_path_factory.mktemp("site")) as topology:
        topology.python(CLINIC)
        yield topology


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Path]]:
    """What the face performs in each of two sessions."""
    folder = tmp_path_factory.mktemp("sessions")
    return [
        {
            name: draw(folder / f"{name}-{seed}.mp4", name, seconds=SECONDS, seed=seed)
            for name in EXPRESSIONS
        }
        for seed in (3, 4)
    ]


@pytest.fixture(scope="module")
def chrome(camera_film: Path) -> Iterator[Browser]:
    with chromium(camera_film) as opened:
        yield opened


def record(ada: Person, screening: str, files: dict[str, Path]) -> None:
    for expression, clip in clips_of(ada.get(f"screenings/{screening}/")).items():
        ada.record(clip, files[expression], SECONDS)
    ada.post(f"screenings/{screening}/submit/")


def test_two_sessions_become_one_result_on_both_screens(
    site: Topology, chrome: Browser, sessions: list[dict[str, Path]]
) -> None:
    ada = Person(site.url, "ada@test.mimia", PASSWORD)
    first = ada.begin(age_years=67, known_pd=True, pd_medication=True, hours_since_dose=2)["id"]
    record(ada, first, sessions[0])
    wait_for(lambda: ada.get(f"screenings/{first}/course/")["result"], "the person's first result")
    with visitors(chrome, site.url, "course", "clinician", "patient") as (clinician, patient):
        clinician.log_in("clinician@test.mimia", PASSWORD)
        clinician.page.goto(f"/clinic/screenings/{first}/")
        course = clinician.page.locator("#course")
        expect(course).to_contain_text("1 of 1 sessions count", timeout=PART_MS)
        clinician.mark()

        patient.log_in("ada@test.mimia", PASSWORD)
        patient.page.goto("/screenings/")
        expect(patient.page.get_by_role("heading", name="Next: a short session")).to_be_visible()
        patient.picture("home")
        patient.press("Start the next short session")
        dose = patient.page.get_by_label(re.compile("hours ago"))
        expect(dose).to_be_visible()
        assert patient.page.locator("form input:visible").count() == 1, "only what changes is asked"
        patient.picture("dose")
        dose.fill("3")
        patient.press("Go on to the camera")
        patient.page.wait_for_url("**/record/")

        second = patient.page.url.rstrip("/").rsplit("/", 2)[1]
        intake = ada.get(f"screenings/{second}/")["intake"]
        assert (intake["age_years"], intake["hours_since_dose"]) == (67, 3.0)
        patient.page.goto(f"/screenings/{second}/")
        patient.mark()
        record(ada, second, sessions[1])

        # By themselves, on both pages.
        expect(patient.page.get_by_role("heading", name="Your sessions")).to_be_visible(
            timeout=RESULT_MS
        )
        expect(patient.page.locator("[data-says=certainty_band]")).to_contain_text("2 sessions")
        patient.check_not_reloaded()
        patient.picture("result")
        expect(course).to_contain_text("2 of 2 sessions count", timeout=PART_MS)
        expect(course).to_contain_text("1 more: ±")
        clinician.check_not_reloaded()
        clinician.picture("case")
        patient.page.goto("/screenings/")
        expect(patient.page.get_by_text("You have done what was asked of you")).to_be_visible()
        patient.picture("home-enough")
