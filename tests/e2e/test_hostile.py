"""Hostile words and bytes in everything that is stored; then every page, as each role, in Chromium.

Nothing runs: no handler, no dialog, no element that the words would have made, no report of the
pages' own policy. Nothing breaks: no 5xx, no error of a script.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, Response

from tests.e2e import held, plant
from tests.e2e.browser import Visitor, chromium
from tests.journey import PASSWORD
from tests.topology import Topology, one_machine

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

#: Runs before anything else on each page; what the planted words would do is kept.
LISTEN = """
window.ran = [];
window.planted = (what) => window.ran.push(`ran: ${what}`);
addEventListener("securitypolicyviolation", (event) => {
  window.ran.push(`policy: ${event.violatedDirective} ${event.blockedURI} at ${event.sourceFile}`);
});
"""
FOUND = """() => [
  ...window.ran,
  ...[...document.querySelectorAll('u, img[src="x"], svg[onload]')].map((one) => one.outerHTML),
]"""
SANDBOX = ("default-src 'none'", "the document's frame is sandboxed")
#: Our own pages that fill themselves: these are given time to do so.
FILLED = ("/clinic/", "/screenings/")
EMAILS = {"patient": held.PATIENT, "clinician": held.CLINICIAN, "admin": held.ADMIN}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with one_machine(tmp_path_factory.mktemp("site"), **held.QUIET) as topology:
        yield topology


@pytest.fixture(scope="module")
def planted(site: Topology) -> dict[str, Any]:
    found: dict[str, Any] = site.python("from tests.e2e import plant\nanswer = plant.site()")
    return found


@pytest.fixture(scope="module")
def chrome(camera_film: Any) -> Iterator[Browser]:
    with chromium(camera_film) as opened:
        yield opened


def test_every_column_is_planted(planted: dict[str, Any]) -> None:
    """Else a page would be walked without what could break it."""
    names = {f"{model._meta.label}.{field.name}" for model, field in plant.columns()}
    assert set(planted["planted"]) == names, "make a row of it in plant.site, or say why not"


@pytest.mark.parametrize("role", ["anonymous", "patient", "clinician", "admin"])
def test_nothing_runs_and_nothing_breaks(
    site: Topology, planted: dict[str, Any], chrome: Browser, role: str
) -> None:
    wrong: list[str] = []
    visitor = Visitor(chrome, site.url, role, site.folder)
    try:
        if role in EMAILS:
            visitor.log_in(EMAILS[role], PASSWORD)
        visitor.context.add_init_script(LISTEN)
        visitor.page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        for path in planted["pages"][role]:
            wrong += [f"{path}: {what}" for what in walk(visitor, path)]
    finally:
        visitor.context.close()
    assert not wrong, "\n".join(wrong)


def walk(visitor: Visitor, path: str) -> list[str]:
    """Open one page; what ran or broke there."""
    page = visitor.page
    visitor.troubles.clear()
    answer = opened(page, path)
    if answer is not None and path.startswith(FILLED) and answer.ok:
        page.wait_for_load_state("networkidle")
    # A film that is opened as a page stands in a sandbox: that its player is refused there, is how.
    expected = SANDBOX if "/media/" in path or path.endswith("/video/") else ()
    errors = [one for one in visitor.troubles if not any(words in one for words in expected)]
    errors = [one for one in errors if "Failed to load resource" not in one]
    # What was only downloaded ran nowhere; the page before it was looked at when it was opened.
    found = [] if answer is None else page.evaluate(FOUND)
    return [*found, *errors]


def opened(page: Page, path: str) -> Response | None:
    try:
        return page.goto(path)
    except Error as error:
        # What is given as an attachment only leaves the page before it where it is.
        if "Download is starting" not in error.message:
            raise
        return None
