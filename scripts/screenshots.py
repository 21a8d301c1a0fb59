"""The pictures in docs/images: a running demo site (``make run``), walked through in Chromium.

Usage: python scripts/screenshots.py. Reads var/demo.json. The camera shows a drawn face; no
photograph of a person is ever taken. Records one screening as the demo patient on the way.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}
PART_MS = 90_000
RESULT_MS = 180_000


def browser_arguments(film: Path) -> list[str]:
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
        "--disable-background-networking",
    ]
    return [*arguments, "--no-sandbox"] if os.getuid() == 0 else arguments


def draw_film(path: Path) -> None:
    """A drawn face that smiles, for the fake camera."""
    command = [sys.executable, "-m", "ml", "phantom", "clip", "--expression", "smile"]
    subprocess.run([*command, "--seed", "4", "--out", str(path)], cwd=ROOT, check=True)


class Walk:
    """One signed-in person at one window size."""

    def __init__(self, browser: Browser, demo: dict[str, Any], viewport: ViewportSize) -> None:
        self.demo = demo
        context = browser.new_context(
            viewport=viewport, permissions=["camera"], base_url=demo["url"]
        )
        self.page: Page = context.new_page()

    def log_in(self, role: str) -> None:
        self.page.goto("/accounts/login/")
        account = self.demo["accounts"][role]
        self.page.get_by_label("E-mail address").fill(account["email"])
        self.page.get_by_label("Password", exact=True).fill(account["password"])
        self.press("Sign in")
        self.page.wait_for_load_state()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def shoot(self, name: str) -> None:
        IMAGES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=IMAGES / f"{name}.png")
        print(f"{name}.png: {(IMAGES / f'{name}.png').stat().st_size // 1024} KB")


def patient(browser: Browser, demo: dict[str, Any]) -> None:
    """From consent to the result, on a phone."""
    walk = Walk(browser, demo, PHONE)
    page = walk.page
    walk.log_in("patient")
    if page.get_by_role("link", name="Read the consent").count():
        page.get_by_role("link", name="Read the consent").click()
        page.get_by_role("checkbox").first.check()
        walk.press("I agree")
    start = page.get_by_role("button", name="Start", exact=True)
    (start if start.count() else page.get_by_role("link", name="Go on", exact=True)).click()
    page.wait_for_load_state()
    if page.url.endswith("/intake/"):
        page.get_by_label("Your age").fill("71")
        walk.press("Go on to the camera")
    walk.press("Switch the camera on")
    walk.press("Yes, I can see my face")
    more = True
    while more:
        smiles = page.get_by_role("heading", name="Smile").count() > 0
        walk.press("I am ready")
        if smiles:
            page.get_by_role("status").filter(has_text=re.compile("^Smile$")).first.wait_for()
            page.wait_for_timeout(700)
            walk.shoot("patient-recording")
        go_on = page.get_by_role("button", name=re.compile("^Yes, (next part|finish)$"))
        go_on.wait_for(timeout=PART_MS)
        more = "next" in go_on.inner_text()
        go_on.click()
    walk.press("Send to my clinic")
    page.locator("#result").wait_for(timeout=RESULT_MS)
    walk.shoot("patient-result")


def clinician(browser: Browser, demo: dict[str, Any]) -> None:
    """Worklist and the demo case, on a desk."""
    walk = Walk(browser, demo, DESKTOP)
    page = walk.page
    walk.log_in("clinician")
    page.locator(".worklist tbody tr").first.wait_for()
    walk.shoot("clinician-worklist")
    page.locator(".worklist tbody tr").filter(has_text="drawn face").get_by_role("link").click()
    chart = page.locator(".chart").first
    chart.wait_for()
    chart.click(position={"x": 120, "y": 60})
    page.wait_for_timeout(1000)
    page.evaluate("window.scrollTo(0, 0)")
    page.set_viewport_size({"width": 1280, "height": 1100})
    walk.shoot("clinician-case")


def admin(browser: Browser, demo: dict[str, Any]) -> None:
    walk = Walk(browser, demo, DESKTOP)
    walk.log_in("admin")
    walk.page.goto("/admin/")
    walk.shoot("admin")


def main() -> int:
    path = Path(os.environ.get("MIMIA_VAR", ROOT / "var")) / "demo.json"
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not path.exists() or program is None:
        print("screenshots: needs a running site (make run) and chromium", file=sys.stderr)
        return 2
    demo = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        film = Path(folder) / "face.mjpeg"
        draw_film(film)
        launch = playwright.chromium.launch
        browser = launch(executable_path=program, args=browser_arguments(film))
        for role in (patient, clinician, admin):
            role(browser, demo)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
