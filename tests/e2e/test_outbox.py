"""What a recording survives on the patient's own device: no connection, a killed browser, a page
that goes into the background, a camera that is refused."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect, sync_playwright

from tests.e2e.browser import PART_MS, chromium_program
from tests.journey import PASSWORD
from tests.topology import Topology, one_machine

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

EMAIL = "outbox@test.mimia"
CLINIC = f"""
from screening.models import Patient, Protocol, ProtocolStep, Site, User
from screening.services import consents, screenings
protocol = Protocol.objects.create(slug="short", name="Short")
for order, expression in enumerate(["rest", "smile"], start=1):
    ProtocolStep.objects.create(protocol=protocol, order=order, expression=expression, seconds=4,
                                repetitions=0, instruction="Please look into the camera.")
site = Site.objects.create(name="Outbox clinic", protocol=protocol)
user = User.objects.create_user("{EMAIL}", "{PASSWORD}", name="Ada")
patient = Patient.objects.create(site=site, user=user, name="Ada")
consents.give(patient=patient, form=consents.current_form(), scopes=["care"])
screenings.save_intake(by=user, screening=screenings.start(patient=patient), answers={{}})
"""
COUNT = """async () => {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open("mimia-outbox");
    request.onsuccess = () => resolve(request.result);
  });
  const count = (name) => new Promise((resolve) => {
    const request = database.transaction(name).objectStore(name).count();
    request.onsuccess = () => resolve(request.result);
  });
  return [await count("takes"), await count("chunks")];
}"""
EMPTY = f"""async () => {{
  const count = {COUNT};
  while ((await count())[0] > 0) await new Promise((resolve) => setTimeout(resolve, 100));
}}"""
STATES = """async () => {
  const { screening } = JSON.parse(document.getElementById("page").textContent);
  const answer = await fetch(`/api/v1/screenings/${screening}/`);
  return (await answer.json()).steps.map((step) => step.clip.state);
}"""
#: The device's clock was 20 days slow when the recording was made.
LONG_AGO = """async () => {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open("mimia-outbox");
    request.onsuccess = () => resolve(request.result);
  });
  const store = database.transaction("takes", "readwrite").objectStore("takes");
  const [take] = await new Promise((resolve) => {
    store.getAll().onsuccess = (event) => resolve(event.target.result);
  });
  const written = store.put({ ...take, createdAt: take.createdAt - 20 * 86_400_000 });
  await new Promise((resolve) => { written.onsuccess = resolve; });
}"""
UNCHANGED = f"async (before) => String(await ({STATES})()) === String(before)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with one_machine(tmp_path_factory.mktemp("outbox-site")) as topology:
        topology.python(CLINIC)
        yield topology


@contextmanager
def device(profile: Path, film: Path | None, url: str) -> Iterator[BrowserContext]:
    """A browser whose profile stays on disk; without a film there is no camera."""
    arguments = ["--disable-background-networking", "--use-fake-ui-for-media-stream"]
    if film is not None:
        arguments.append("--use-fake-device-for-media-stream")
        arguments.append(f"--use-file-for-fake-video-capture={film}")
    if os.getuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium_program(),
            args=arguments,
            base_url=url,
            permissions=["camera"],
            viewport={"width": 390, "height": 844},
        )
        context.set_default_timeout(PART_MS)
        yield context
        with suppress(Error):  # a browser that was killed has nothing left to close
            context.close()


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name).click()


def open_recorder(page: Page) -> None:
    page.goto("/screenings/")
    if "/login/" in page.url:
        page.get_by_label("E-mail address").fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        press(page, "Sign in")
    page.get_by_role("link", name="Go on", exact=True).click()
    page.wait_for_url("**/record/")


def kill(profile: Path) -> None:
    """SIGKILL to the browser process that owns this profile, as when a device loses its power."""
    lock = os.readlink(profile / "SingletonLock")
    os.kill(int(lock.rsplit("-", 1)[1]), signal.SIGKILL)


def test_a_recording_without_connection_survives_a_killed_browser(
    site: Topology, camera_film: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    with device(profile, camera_film, site.url) as context:
        page = context.pages[0]
        open_recorder(page)
        press(page, "Switch the camera on")
        press(page, "Yes, I can see my face")
        context.set_offline(True)
        press(page, "I am ready")
        expect(page.get_by_role("heading", name="Well done")).to_be_visible(timeout=PART_MS)
        expect(page.get_by_text("1 recording is waiting")).to_be_visible(timeout=PART_MS)
        takes, chunks = page.evaluate(COUNT)
        assert takes == 1
        assert chunks >= 1
        page.evaluate(LONG_AGO)
        kill(profile)
    with device(profile, camera_film, site.url) as context:
        page = context.pages[0]
        open_recorder(page)
        page.evaluate(EMPTY)
        assert page.evaluate(STATES)[0] in ("received", "measuring", "measured")
        press(page, "Switch the camera on")
        press(page, "Yes, I can see my face")
        expect(page.get_by_text("Part 2 of 2")).to_be_visible()


def test_a_page_in_the_background_ends_the_take_and_keeps_nothing_of_it(
    site: Topology, camera_film: Path, tmp_path: Path
) -> None:
    with device(tmp_path / "profile", camera_film, site.url) as context:
        page = context.pages[0]
        open_recorder(page)
        press(page, "Switch the camera on")
        press(page, "Yes, I can see my face")
        before = page.evaluate(STATES)
        press(page, "I am ready")
        expect(page.get_by_text("Recording", exact=True)).to_be_visible(timeout=PART_MS)
        page.evaluate(
            """() => {
              Object.defineProperty(document, "visibilityState",
                { value: "hidden", configurable: true });
              document.dispatchEvent(new Event("visibilitychange"));
              delete document.visibilityState;
            }"""
        )
        expect(page.get_by_role("heading", name="Let us do this part again")).to_be_visible()
        assert page.evaluate(COUNT) == [0, 0]
        page.wait_for_function(UNCHANGED, arg=before)
        press(page, "Record again")
        expect(page.get_by_role("button", name="I am ready")).to_be_visible()


def test_a_device_without_a_camera_gets_help_with_a_drawing(site: Topology, tmp_path: Path) -> None:
    with device(tmp_path / "profile", None, site.url) as context:
        page = context.pages[0]
        open_recorder(page)
        press(page, "Switch the camera on")
        expect(page.get_by_role("heading", name="No camera was found")).to_be_visible()
        picture = page.locator("img.help-picture")
        page.wait_for_function("(image) => image.naturalWidth > 0", arg=picture.element_handle())
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
