"""Every way in which a take, a camera, a device's storage or a network can fail, in real Chromium.

Each fault is made at the browser's own interfaces before the page's scripts run. The page must
end it in words of its own with a way on, claim nothing that is not so, and show nothing that the
browser says. Pictures of every state are left in ``test-results/recorder-faults/``.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.e2e.browser import DESKTOP, PART_MS, PHONE, PICTURES, chromium
from tests.journey import PASSWORD
from tests.topology import Topology, one_machine

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

PEOPLE = 24
#: How many seconds a recording takes. What fails while it runs needs a long one: on a busy machine
#: a short one is over before the fault has come, or before the page has looked often enough.
RECORDINGS = {"short": 4, "long": 30}
#: A whole recording is larger than this: it must be sent in pieces.
CHUNK_BYTES = 128 * 1024
CLINIC = f"""
from screening.models import Patient, Protocol, ProtocolStep, Site, User
from screening.services import consents, screenings
for name, seconds in {RECORDINGS!r}.items():
    protocol = Protocol.objects.create(slug=name, name=name)
    ProtocolStep.objects.create(protocol=protocol, order=1, expression="rest", seconds=seconds,
                                repetitions=0, instruction="Please look into the camera.")
    site = Site.objects.create(name=name, protocol=protocol)
    for number in range({PEOPLE}):
        user = User.objects.create_user(f"{{name}}{{number}}@test.mimia", "{PASSWORD}", name="Ada")
        patient = Patient.objects.create(site=site, user=user, name="Ada")
        consents.give(patient=patient, form=consents.current_form(), scopes=["care"])
        screenings.save_intake(by=user, screening=screenings.start(patient=patient), answers={{}})
"""
#: What no patient may ever read.
RAW = re.compile(
    r"boom|DOMException|TypeError|SyntaxError|NotSupported|Quota|Security|Unexpected|undefined|"
    r"null|NaN|object Object|<!doctype|\{\"|tus:|Error:",
    re.IGNORECASE,
)

#: A camera that is a canvas: full of noise, until the test freezes, turns or ends it.
CANVAS = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [320, 240];
  const draw = () => {
    for (let n = 0; n < 60 && !window.frozen; n += 1) {
      pen.fillStyle = `hsl(${360 * Math.random()} 50% 50%)`;
      pen.fillRect(320 * Math.random(), 240 * Math.random(), 40, 40);
    }
    requestAnimationFrame(draw);
  };
  draw();
  window.camera = canvas;
  window.stream = canvas.captureStream(30);
  return window.stream;
};
"""
RECORDER = """
const { start } = MediaRecorder.prototype;
MediaRecorder.prototype.start = function (...given) {
  window.recorder = this;
  return start.apply(this, given);
};
"""
NO_START = """
const { start } = MediaRecorder.prototype;
MediaRecorder.prototype.start = function (...given) {
  if (!window.healed) throw new DOMException("boom: the recorder", "NotSupportedError");
  return start.apply(this, given);
};
"""
NO_RECORDER = """
const Real = window.MediaRecorder;
window.MediaRecorder = function (...given) {
  if (!window.healed) throw new DOMException("boom: no such type", "NotSupportedError");
  return new Real(...given);
};
window.MediaRecorder.isTypeSupported = (type) => Real.isTypeSupported(type);
"""
#: Once it has begun, by itself.
FREEZES = """
const { start } = MediaRecorder.prototype;
MediaRecorder.prototype.start = function (...given) {
  this.addEventListener("start", () => { window.frozen = true; });
  return start.apply(this, given);
};
"""
#: Takes: how the browser is changed before, what happens during the recording, what is read then.
TAKES = {
    "start-throws": (NO_START, None, "The recording did not begin"),
    "constructor-throws": (NO_RECORDER, None, "The recording did not begin"),
    "start-never-comes": (
        """const on = Object.getOwnPropertyDescriptor(MediaRecorder.prototype, "onstart");
        Object.defineProperty(MediaRecorder.prototype, "onstart", { configurable: true,
          set(hear) { on.set.call(this, (event) => window.healed && hear(event)); } });""",
        None,
        "The recording did not begin",
    ),
    "camera-stands-still": (CANVAS + FREEZES, None, "picture stood still"),
    "camera-ends-without-event": (
        "",
        "document.querySelector('video').srcObject.getTracks()[0].stop()",
        "The camera was switched off",
    ),
    "phone-turned": (
        CANVAS,
        "[camera.width, camera.height] = [240, 320]",
        "The device was turned",
    ),
    "recorder-breaks": (
        RECORDER,
        "recorder.dispatchEvent(new Event('error'))",
        "This recording did not work",
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    settings = {"MIMIA_UPLOAD_CHUNK_MAX_BYTES": str(CHUNK_BYTES)}
    with one_machine(tmp_path_factory.mktemp("fault-site"), **settings) as topology:
        topology.python(CLINIC)
        yield topology


@pytest.fixture(scope="module")
def chrome(camera_film: Path) -> Iterator[Browser]:
    with chromium(camera_film) as opened:
        yield opened


@pytest.fixture(scope="module")
def people() -> Iterator[int]:
    """A person of their own for each test."""
    return iter(range(PEOPLE))


class Patient:
    """One person at the recorder, on a phone; remembers what a script threw."""

    def __init__(self, context: BrowserContext, name: str) -> None:
        self.context = context
        self.name = name
        self.thrown: list[str] = []
        context.set_default_timeout(PART_MS)
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.thrown.append(str(error)))

    def open_recorder(self) -> None:
        self.page.goto("/screenings/")
        self.page.get_by_role("link", name="Go on", exact=True).click()
        self.page.wait_for_url("**/record/")

    def fill_the_device(self) -> None:
        """The browser itself allows this site hardly anything more."""
        protocol = self.context.new_cdp_session(self.page)
        wish = {"origin": self.page.evaluate("location.origin"), "quotaSize": 20_000}
        protocol.send("Storage.overrideQuotaForOrigin", wish)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def begin(self) -> None:
        self.press("Switch the camera on")
        self.press("Yes, I can see my face")
        self.press("I am ready")

    def sees(self, words: str | re.Pattern[str], timeout: float = PART_MS) -> None:
        expect(self.page.get_by_text(words).first).to_be_visible(timeout=timeout)

    def does_well(self) -> None:
        self.sees("Well done", PART_MS)

    def picture(self) -> None:
        """What is on the screen now, at both widths; nothing of it is the browser's own words."""
        text = self.page.locator("main").inner_text()
        assert not RAW.search(text), text
        PICTURES.joinpath("recorder-faults").mkdir(parents=True, exist_ok=True)
        for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            path = PICTURES / "recorder-faults" / f"{self.name}-{width}.png"
            self.page.screenshot(path=path, full_page=True)

    def hand_in(self) -> None:
        """Goes to the overview, sends everything, and arrives at the screening's page once."""
        left: list[str] = []

        def note(request: Request) -> None:
            if request.is_navigation_request() and request.frame == self.page.main_frame:
                left.append(request.url)

        self.press("Yes, finish")
        self.page.on("request", note)
        self.press("Send to my clinic")
        self.page.wait_for_url(re.compile(r"/screenings/[0-9a-f-]{36}/$"), timeout=PART_MS)
        expect(self.page.get_by_role("heading", name="We have your recordings")).to_be_visible()
        assert len(left) == 1, left


@pytest.fixture
def patient(
    site: Topology, chrome: Browser, people: Iterator[int], request: pytest.FixtureRequest
) -> Iterator[Patient]:
    """Signed in; their recording is short, or long where the fault comes while it runs."""
    context = chrome.new_context(viewport=PHONE, permissions=["camera"], base_url=site.url)  # type: ignore[arg-type]
    callspec = getattr(request.node, "callspec", None)
    name = callspec.id if callspec else request.node.name.removeprefix("test_").replace("_", "-")
    one = Patient(context, name)
    one.page.goto("/accounts/login/")
    recording = "long" if name in TAKES else "short"
    one.page.get_by_label("E-mail address").fill(f"{recording}{next(people)}@test.mimia")
    one.page.get_by_label("Password", exact=True).fill(PASSWORD)
    one.press("Sign in")
    one.page.wait_for_url(re.compile(r"(?<!login/)$"))
    yield one
    context.close()
    assert not one.thrown, one.thrown


@pytest.mark.parametrize(("before", "during", "words"), TAKES.values(), ids=TAKES.keys())
def test_a_take_that_fails_says_why_and_leads_on(
    patient: Patient, before: str, during: str | None, words: str
) -> None:
    if before:
        patient.page.add_init_script(f"(() => {{ {before} }})()")
    patient.open_recorder()
    patient.begin()
    if during:
        expect(patient.page.get_by_text("Recording", exact=True)).to_be_visible(timeout=PART_MS)
        patient.page.evaluate(during)
    patient.sees(words)
    expect(patient.page.get_by_role("heading", name="Let us do this part again")).to_be_visible()
    # What was begun was given up: no word of it stays.
    expect(patient.page.locator(".sending")).to_be_hidden()
    patient.picture()
    # The way on leads to a recording: here the fault is over, as when a cable is plugged in again.
    patient.page.evaluate("window.healed = true; window.frozen = false")
    patient.press("Record again")
    framed = patient.page.get_by_role("button", name="Yes, I can see my face")
    ready = patient.page.get_by_role("button", name="I am ready")
    expect(framed.or_(ready)).to_be_visible()
    if before == NO_START:
        framed.click()
        ready.click()
        patient.does_well()


def test_stop_works_from_the_countdown_on(patient: Patient) -> None:
    patient.open_recorder()
    patient.begin()
    patient.press("Stop")
    patient.sees("You stopped this recording")


#: Another connection is upgrading the same database and never done: every other one waits for it.
SILENT = """const request = indexedDB.open("mimia-outbox", 1);
request.onupgradeneeded = () => {
  request.result.createObjectStore("takes", { keyPath: "id" });
  const store = request.result.createObjectStore("chunks");
  const stay = () => { store.count().onsuccess = stay; };
  stay();
};"""
REFUSED = """IDBFactory.prototype.open = () => {
  throw new DOMException("boom: insecure", "SecurityError");
}"""
STORAGE = {
    "storage-refused": (REFUSED, "This browser keeps nothing on this device"),
    "storage-silent": (SILENT, "storage does not answer"),
    "storage-full": ("", "no room left"),
}


@pytest.mark.parametrize(("fault", "words"), STORAGE.values(), ids=STORAGE.keys())
def test_where_the_device_keeps_nothing_the_window_does_and_says_so(
    patient: Patient, fault: str, words: str
) -> None:
    if fault:
        patient.page.add_init_script(f"(() => {{ {fault} }})()")
    patient.open_recorder()
    patient.page.get_by_role("button", name="Switch the camera on").wait_for(timeout=PART_MS)
    patient.context.set_offline(True)
    patient.press("Switch the camera on")
    patient.press("Yes, I can see my face")
    if not fault:
        patient.fill_the_device()
    patient.press("I am ready")
    patient.does_well()
    patient.sees(words)
    patient.sees("Please keep this page open until your recording has been sent: it is only here.")
    patient.picture()
    patient.context.set_offline(False)
    patient.hand_in()


def test_a_question_without_an_answer_is_said_and_a_late_yes_counts(patient: Patient) -> None:
    patient.page.add_init_script(
        """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => {
          await new Promise((resolve) => { window.answer = resolve; });
          return ask(wanted);
        };"""
    )
    patient.open_recorder()
    patient.press("Switch the camera on")
    patient.sees("If your browser asks")
    patient.sees("Perhaps your browser is asking you", PART_MS)
    patient.picture()
    patient.page.evaluate("answer()")
    expect(patient.page.get_by_role("button", name="Yes, I can see my face")).to_be_visible()


def test_a_camera_without_a_picture_is_said(patient: Patient) -> None:
    patient.page.add_init_script(
        """navigator.mediaDevices.getUserMedia = async () =>
          document.createElement("canvas").captureStream(0);"""
    )
    patient.open_recorder()
    patient.press("Switch the camera on")
    patient.sees("The camera gives no picture", PART_MS)
    patient.picture()


def test_a_page_whose_script_does_not_come_says_so(patient: Patient) -> None:
    patient.page.emulate_media(reduced_motion="reduce")
    patient.page.route("**/record*.js", lambda route: route.abort())
    patient.open_recorder()
    patient.sees("This takes longer than it should.")
    patient.page.unroute("**/record*.js")
    patient.page.get_by_role("link", name="Please load this page again.").click()
    expect(patient.page.get_by_role("button", name="Switch the camera on")).to_be_visible()


HTML = "<!doctype html><title>Hotel</title><p>Error: please sign in to our Wi-Fi"


def test_a_page_in_place_of_data_is_never_shown(patient: Patient) -> None:
    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body=HTML)

    patient.page.route("**/api/v1/**", answer)
    patient.open_recorder()
    patient.sees("We cannot reach your clinic just now")
    patient.sees("Something in your network answers in place of your clinic")
    patient.picture()
    patient.page.unroute("**/api/v1/**")
    patient.page.get_by_role("link", name="Try again").click()
    patient.begin()
    patient.page.route("**/api/v1/**", answer)
    patient.does_well()
    patient.sees("1 recording is waiting. Something in your network")
    patient.page.unroute("**/api/v1/**")
    patient.hand_in()


def refuse_patch(
    status: int, body: str, headers: dict[str, str], times: int | None = None
) -> Callable[[Route], None]:
    """A network or a clinic that does not take pieces, for so many times."""
    seen: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method != "PATCH" or (times is not None and len(seen) >= times):
            route.continue_()
            return
        seen.append(route.request.url)
        kind = "text/html" if body.startswith("<") else "application/json"
        route.fulfill(status=status, content_type=kind, body=body, headers=headers)

    return answer


@pytest.mark.parametrize("status", [405, 403], ids=["patch-405", "patch-403"])
def test_a_proxy_that_blocks_patch_is_passed_by_post(patient: Patient, status: int) -> None:
    patient.page.route("**/api/v1/uploads/*/", refuse_patch(status, HTML, {}))
    patient.open_recorder()
    patient.begin()
    patient.does_well()
    patient.hand_in()


def test_a_recording_too_large_for_one_piece_is_sent_in_smaller_ones(patient: Patient) -> None:
    refused: list[int] = []
    patient.page.on(
        "response", lambda answer: refused.append(answer.status) if answer.status == 413 else None
    )
    patient.open_recorder()
    patient.press("Switch the camera on")
    patient.press("Yes, I can see my face")
    patient.context.set_offline(True)
    patient.press("I am ready")
    patient.does_well()
    patient.context.set_offline(False)
    patient.hand_in()
    assert refused, "the whole recording went through in one piece: it tests nothing"


BUSY = json.dumps({"code": "busy", "detail": "The clinic’s computer is busy."})
FULL_SERVER = json.dumps({"code": "full", "detail": "The clinic’s computer is full."})


@pytest.mark.parametrize(
    ("status", "body"), [(503, BUSY), (507, FULL_SERVER)], ids=["busy", "full"]
)
def test_a_clinic_that_is_busy_or_full_is_said_calmly_and_obeyed(
    patient: Patient, status: int, body: str
) -> None:
    waits = refuse_patch(status, body, {"Retry-After": "6"}, times=1)
    patient.page.route("**/api/v1/uploads/*/", waits)
    patient.open_recorder()
    patient.begin()
    words = json.loads(body)["detail"]
    patient.sees(f"1 recording is waiting. {words} Your recording is safe on this device.")
    patient.picture()
    patient.does_well()
    patient.hand_in()
