"""Real Chromium with a fake camera that plays a drawn face, and people who use it by its words."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

PICTURES = Path(__file__).resolve().parents[2] / "test-results"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENT_PASSWORD = "my-cat-walks-at-dawn"
#: On a busy machine: countdown, recording, upload and measuring of one part.
PART_MS = 90_000
RESULT_MS = 180_000
# Playwright waits for five seconds by itself, which a busy machine takes for a page.
expect.set_options(timeout=PART_MS)


def chromium_program() -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs chromium (Debian: apt-get install chromium)")
    return str(program)


@contextmanager
def chromium(film: Path) -> Iterator[Browser]:
    """A browser whose camera loops ``film`` and is granted without asking."""
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
        # Whatever the browser would like to fetch by itself is none of this test's business.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person with one browser window; remembers everything that went wrong in it."""

    def __init__(self, browser: Browser, url: str, name: str, pictures: Path) -> None:
        self.url = url
        self.pictures = pictures
        self.name = name
        self.troubles: list[str] = []
        self.context: BrowserContext = browser.new_context(
            viewport=DESKTOP, permissions=["camera"], base_url=url
        )
        self.context.set_default_timeout(PART_MS)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("console", self._hear)
        self.page.on("response", self._watch)

    def _hear(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        if kind == "error" or "Content Security Policy" in text:
            self.troubles.append(f"console: {text}")

    def _watch(self, response: object) -> None:
        status, address = getattr(response, "status", 0), getattr(response, "url", "")
        if status >= 500:
            self.troubles.append(f"{status} from {address}")

    def log_in(self, email: str, password: str) -> None:
        self.page.goto("/accounts/login/")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.press("Sign in")
        self.page.wait_for_url(re.compile(r"(?<!login/)$"))

    def press(self, words: str) -> None:
        self.page.get_by_role("button", name=words).click()

    def mark(self) -> None:
        """Puts a mark into the page that a reload would wipe away."""
        self.page.evaluate("() => { window.seenByTest = true; }")

    def check_not_reloaded(self) -> None:
        assert self.page.evaluate("() => window.seenByTest === true"), "the page was loaded again"

    def picture(self, name: str) -> None:
        """The page as it is now, at desktop and at phone width."""
        for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            self.page.screenshot(path=self.pictures / f"{name}-{width}.png", full_page=True)
            self.check_fits(name, width)
        self.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]

    def check_fits(self, name: str, width: str) -> None:
        over = self.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if over > 0:
            self.troubles.append(f"the page {name} is {over} px too wide at {width} width")

    def close(self) -> None:
        self.context.close()
        assert not self.troubles, f"{self.name}'s browser had trouble: {self.troubles}"


@contextmanager
def visitors(browser: Browser, url: str, folder: str, *names: str) -> Iterator[list[Visitor]]:
    """Several people at the site, with their pictures in ``test-results/<folder>``; when something
    fails, also a picture of what each one saw last."""
    pictures = PICTURES / folder
    pictures.mkdir(parents=True, exist_ok=True)
    people = [Visitor(browser, url, name, pictures) for name in names]
    try:
        yield people
    except BaseException:
        for person in people:
            person.page.screenshot(path=pictures / f"failed-{person.name}.png", full_page=True)
        raise
    for person in people:
        person.close()


def invite(clinician: Visitor, patient_name: str) -> str:
    """The clinician makes an invitation; returns its link."""
    clinician.page.goto("/clinic/invite/")
    clinician.page.get_by_label(re.compile("name", re.IGNORECASE)).first.fill(patient_name)
    clinician.press("Make the link")
    link = clinician.page.get_by_label("Invitation link").input_value()
    assert link.startswith(clinician.url)
    return link


def accept(patient: Visitor, link: str, email: str) -> None:
    """From the link to the first page of the patient's own: account, then consent."""
    patient.page.goto(link)
    patient.picture("invitation")
    patient.page.get_by_label(re.compile("e-mail", re.IGNORECASE)).fill(email)
    patient.page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill(PATIENT_PASSWORD)
    patient.press("Go on")
    patient.page.wait_for_url("**/consent/")
    patient.picture("consent")
    patient.page.locator("input[name=scopes][value=care]").check()
    patient.press("I agree")
    patient.page.wait_for_url("**/screenings/")


def answer_intake(patient: Visitor) -> None:
    patient.press("Start")
    patient.page.wait_for_url("**/intake/")
    patient.page.get_by_label(re.compile(r"\bage\b|how old", re.IGNORECASE)).fill("67")
    patient.picture("intake")
    patient.press("Go on to the camera")
    patient.page.wait_for_url("**/record/")


def record_every_part(patient: Visitor) -> int:
    """Every part of the protocol, as a patient who follows the page; returns how many."""
    page = patient.page
    patient.press("Switch the camera on")
    framed = page.get_by_role("button", name="Yes, I can see my face")
    framed.wait_for(timeout=PART_MS)
    patient.picture("camera")
    framed.click()
    parts = 0
    ready = page.get_by_role("button", name="I am ready")
    review = page.get_by_role("button", name="Send to my clinic")
    goes_on = page.get_by_role("button", name=re.compile("Yes, (next part|finish)"))
    while True:
        expect(ready.or_(review)).to_be_visible(timeout=PART_MS)
        if review.is_visible():
            return parts
        if parts == 0:
            patient.picture("instruction")
        ready.click()
        if parts == 0:
            page.get_by_role("button", name="Stop").wait_for(timeout=PART_MS)
            patient.picture("recording")
        goes_on.wait_for(timeout=PART_MS)
        goes_on.click()
        parts += 1


def hand_in(patient: Visitor) -> str:
    """Sends the recordings; returns the screening's id, with its status page open."""
    expect(patient.page.get_by_role("button", name="Send to my clinic")).to_be_enabled()
    patient.picture("review")
    patient.press("Send to my clinic")
    patient.page.wait_for_url(re.compile(r"/screenings/[0-9a-f-]{36}/$"), timeout=PART_MS)
    patient.mark()
    return patient.page.url.rstrip("/").rsplit("/", 1)[1]


def walk(clinician: Visitor, patient: Visitor, *, parts: int) -> None:
    """The whole journey of ``parts`` recordings, to the result that arrives on both screens."""
    link = invite(clinician, "Ada Harbour")
    clinician.picture("invite")
    clinician.page.goto("/clinic/")
    clinician.mark()

    accept(patient, link, "ada@test.mimia")
    patient.picture("screenings")
    answer_intake(patient)
    row = clinician.page.locator("#worklist").get_by_role("row").filter(has_text="Ada Harbour")
    expect(row).to_be_visible(timeout=PART_MS)
    assert record_every_part(patient) == parts
    screening = hand_in(patient)
    patient.picture("status")

    # The result comes by itself, to both.
    expect(patient.page.locator("#result")).to_be_visible(timeout=RESULT_MS)
    patient.check_not_reloaded()
    patient.picture("result")
    expect(row).to_contain_text("released", timeout=PART_MS)
    clinician.check_not_reloaded()
    clinician.picture("worklist")

    clinician.page.goto(f"/clinic/screenings/{screening}/")
    video = clinician.page.locator("#case video").first
    expect(video).to_be_visible(timeout=PART_MS)
    clinician.page.wait_for_function(
        "() => document.querySelector('#case video').readyState >= 2", timeout=PART_MS
    )
    clinician.picture("case")
