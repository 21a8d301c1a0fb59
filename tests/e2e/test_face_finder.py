"""The face finder sends nothing: its library would report to its maker; the build cuts that out.

The site's Content-Security-Policy stops such a report too. Here it is switched off, and the clock
of the library's reporter runs two hundred times faster: only the cut stands in the way.
"""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, Route

from tests.e2e.browser import PART_MS, chromium

pytestmark = pytest.mark.browser

DIST = Path(__file__).resolve().parents[2] / "webapp" / "frontend" / "dist"
#: The reporter sends once a minute; were it there, it would send every 0.3 s.
MINUTE, SHORT = ",6e4)", ",300)"
LOOKS = 12
#: Shows the finder's worker a picture of the camera, again and again, and gathers what it answers.
WATCH = """async (looks) => {
  const video = document.createElement("video");
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
  await video.play();
  const worker = new Worker("/face-worker.js", { type: "module" });
  const answer = () => new Promise((done) => { worker.onmessage = ({ data }) => done(data); });
  worker.postMessage({ type: "start", vision: "/vision" });
  const ready = await answer();
  let faces = 0;
  const until = performance.now() + 2000;
  for (let n = 0; n < looks || performance.now() < until; n += 1) {
    const bitmap = await createImageBitmap(video);
    worker.postMessage({ type: "frame", bitmap }, [bitmap]);
    const { reading } = await answer();
    faces += reading.faces?.length ?? 0;
  }
  return { finder: ready.finder, faces };
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    """What the build made, served without any policy."""
    if not (DIST / "vision" / "face.tflite").exists():
        pytest.skip("needs the built pages with the face finder (make run builds them)")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(DIST)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_nothing_leaves_the_page_while_faces_are_found(address: str, camera_film: Path) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def hurry(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(MINUTE, SHORT))

    def stop(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    with chromium(camera_film) as browser:
        context = browser.new_context(permissions=["camera"], bypass_csp=True)
        context.set_default_timeout(PART_MS)
        context.on("request", note)
        context.route(lambda url: not url.startswith(address), stop)
        context.route(f"{address}/face-worker.js", hurry)
        page = context.new_page()
        page.goto(f"{address}/logo.svg")
        page.goto(f"{address}/faces/")
        seen = page.evaluate(WATCH, LOOKS)
    assert seen["finder"], "the face finder did not start"
    assert seen["faces"] > 0, "it ran, but found no face"
    assert any(url.endswith(".wasm") for url in asked), "requests of the worker are not seen"
    abroad = {url for url in asked if urlsplit(url).scheme not in ("blob", "data")}
    assert {url for url in abroad if not url.startswith(address)} == set()
