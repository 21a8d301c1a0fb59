"""A film whose address runs out: the player renews it, and where somebody was stays as it was."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.e2e import held
from tests.e2e.browser import PART_MS, Visitor, chromium, visitors
from tests.journey import PASSWORD
from tests.topology import Topology, one_machine

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

#: Long enough for a page to load on a busy machine, short enough to be waited for.
ADDRESS_SECONDS = 30
RATE, SECONDS = 5, 40
VIDEO = "document.querySelector('#case video')"
RUN_OUT = """async () => {
  while ((await fetch(window.old, { method: "HEAD" })).status !== 410)
    await new Promise((resolve) => setTimeout(resolve, 200));
}"""
#: The middle of the longest part that the browser has not fetched beforehand.
GAP = f"""() => {{
  const {{ buffered, duration }} = {VIDEO};
  const edges = [0];
  for (let n = 0; n < buffered.length; n += 1) edges.push(buffered.start(n), buffered.end(n));
  edges.push(duration);
  let best = [0, 0];
  for (let n = 0; n < edges.length; n += 2) {{
    if (edges[n + 1] - edges[n] > best[1] - best[0]) best = [edges[n], edges[n + 1]];
  }}
  return (best[0] + best[1]) / 2;
}}"""


def noise(path: Path) -> None:
    """Pictures that no codec makes small: the film's end is then not fetched beforehand."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as film:
        stream = film.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "16"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(RATE * SECONDS):
            picture = random.integers(0, 255, (480, 640, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Topology, str]]:
    folder = tmp_path_factory.mktemp("site")
    film = folder / "noise.mp4"
    noise(film)
    settings = {"MIMIA_MEDIA_SECONDS": str(ADDRESS_SECONDS), **held.QUIET}
    with one_machine(folder / "site", **settings) as topology:
        row = topology.python(
            "from pathlib import Path\nfrom tests.e2e import held\n"
            f"answer = str(held.case(b'a film' * 99, copy=Path({str(film)!r})).pk)"
        )
        yield topology, row


@pytest.fixture(scope="module")
def chrome(camera_film: Path) -> Iterator[Browser]:
    with chromium(camera_film) as opened:
        yield opened


def watch(clinician: Visitor, row: str) -> Page:
    page = clinician.page
    clinician.log_in(held.CLINICIAN, PASSWORD)
    page.goto(f"/clinic/screenings/{row}/")
    page.wait_for_function(f"() => {VIDEO}?.readyState >= 2", timeout=PART_MS)
    return page


def test_a_paused_film_gets_a_new_address_before_the_old_one_runs_out(
    case: tuple[Topology, str], chrome: Browser
) -> None:
    site, row = case
    with visitors(chrome, site.url, "film", "clinician") as (clinician,):
        page = watch(clinician, row)
        page.evaluate(f"() => {{ {VIDEO}.currentTime = 7.5; window.old = {VIDEO}.src; }}")
        page.wait_for_function(f"() => {VIDEO}.src !== window.old && {VIDEO}.readyState >= 2")
        assert page.evaluate(f"() => {VIDEO}.currentTime") == pytest.approx(7.5, abs=0.2)
        assert page.evaluate(f"() => {VIDEO}.paused")
        # The new one was there in time: nothing was asked for at an address that had run out.
        assert clinician.troubles == []


def test_a_film_that_runs_goes_on_after_its_address_ran_out(
    case: tuple[Topology, str], chrome: Browser
) -> None:
    site, row = case
    with visitors(chrome, site.url, "film", "clinician") as (clinician,):
        page = watch(clinician, row)
        # So slow that it still runs when the address has run out.
        page.evaluate(
            f"""async () => {{
              {VIDEO}.playbackRate = 0.0625;
              await {VIDEO}.play();
              window.old = {VIDEO}.src;
            }}"""
        )
        page.evaluate(RUN_OUT)
        assert page.evaluate(f"() => {VIDEO}.src === window.old && !{VIDEO}.paused")
        target = page.evaluate(GAP)
        page.evaluate(f"() => {{ {VIDEO}.currentTime = {target}; }}")
        page.wait_for_function(
            f"() => {VIDEO}.src !== window.old && {VIDEO}.readyState >= 2", timeout=PART_MS
        )
        at = page.evaluate(f"() => {VIDEO}.currentTime")
        assert target - 0.5 <= at <= target + 2
        page.wait_for_function(f"() => !{VIDEO}.paused && {VIDEO}.currentTime > {at}")
        assert page.evaluate(f"() => {VIDEO}.playbackRate") == 0.0625
        assert page.locator("#case .film [role=alert]").inner_text() == ""
        # Chromium itself writes the 410 to the console; that is the only trouble.
        assert all("410" in trouble for trouble in clinician.troubles), clinician.troubles
        clinician.troubles.clear()
