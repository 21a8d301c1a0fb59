"""From an installed environment to a running site: migrations, demo, the site, READY.

Started by ``make run``. Stops cleanly on Ctrl-C or SIGTERM. Exit codes: 0 stopped on request,
2 wrong use (a port that is not one, or is taken), 1 the site did not come up or fell over.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
VAR = Path(os.environ.get("MIMIA_VAR", ROOT / "var"))
HOST = "127.0.0.1"
#: The measuring process loads its models within this; a slow disk at the first start is included.
READY_SECONDS = 180
STOP_SECONDS = 15
PAGES = {
    "home": "/",
    "patient": "/screenings/",
    "clinician": "/clinic/",
    "admin": "/admin/",
    "api": "/api/v1/",
}


class Stopped(Exception):
    """Somebody asked us to stop."""


def stop_on_signal(number: int, frame: FrameType | None) -> None:
    raise Stopped


def fail(sentence: str, code: int) -> int:
    print(f"mimia: {sentence}", file=sys.stderr)
    return code


def is_free(port: int) -> bool:
    """Whether the site could listen there (as servers do, whatever lingers in TIME_WAIT)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def manage(*arguments: str) -> None:
    """Run one management command to its end; its output is ours."""
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True)


def answers_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_ready(site: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and site.poll() is None:
        if answers_ready(port):
            return True
        time.sleep(0.1)
    return False


def write_addresses(port: int) -> str:
    """Adds the addresses to the credentials that ``manage.py demo`` left; returns the root."""
    url = f"http://{HOST}:{port}"
    path = VAR / "demo.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known["url"] = url
    known["addresses"] = {name: url + page for name, page in PAGES.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=2) + "\n")
    return url


def stop(site: subprocess.Popen[bytes]) -> None:
    """Ask, wait, then insist: the database is the truth, so nothing is lost either way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if site.poll() is None:
        site.terminate()
    try:
        site.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        site.kill()
        site.wait()


def serve(port: int) -> int:
    site = subprocess.Popen([sys.executable, "manage.py", "serve", "--port", str(port)], cwd=ROOT)
    try:
        if not wait_until_ready(site, port):
            why = "stopped" if site.poll() is not None else f"was not ready in {READY_SECONDS} s"
            return fail(f"the site {why}; its last lines stand above", 1)
        print(f"READY {write_addresses(port)}", flush=True)
        site.wait()
        return fail(f"the site stopped by itself (exit code {site.returncode})", 1)
    except Stopped:
        print("mimia: stopping", file=sys.stderr)
        return 0
    finally:
        stop(site)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the site with its demo on this machine.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    if not 0 < port < 65536:
        return fail(f"PORT={port} is not a port; choose one between 1 and 65535", 2)
    if not is_free(port):
        return fail(f"port {port} is in use; choose another: make run PORT={port % 65535 + 1}", 2)
    signal.signal(signal.SIGINT, stop_on_signal)
    signal.signal(signal.SIGTERM, stop_on_signal)
    try:
        manage("migrate", "--noinput", "--verbosity", "0")
        manage("demo")
        return serve(port)
    except Stopped:
        return 0
    except subprocess.CalledProcessError as error:
        return fail(f"`manage.py {error.cmd[2]}` failed; its message stands above", 1)


if __name__ == "__main__":
    sys.exit(main())
