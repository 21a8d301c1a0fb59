"""Runs the Compose topology from images that were built here, and one screening through it.

``scripts/stack/stack.sh`` builds the images and starts this. Containers are made by podman-compose
from ``docker-compose.yml`` as it stands; they are started in the order of its ``depends_on``, with
its own health checks as the conditions, which older engines leave to systemd. Then a clinic and its
people are made, a patient records two drawn clips over TLS through the proxy, and the result must
arrive. Last, the worker is killed with a clip in its hands and the stack must bring it to its end.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import urllib3
import yaml

from tests import clips
from tests.journey import PREPARE, Clinic, check_whole, clips_of, record_all, rows_of, submit

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "var" / "stack"
PROJECT = "mimia-stack"
HOST = "mimia.test"
PATIENCE = 300.0
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


class StackFailed(Exception):
    """The message says which service did not do what."""


def say(sentence: str) -> None:
    print(f"· {sentence}", flush=True)


def podman(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise StackFailed(f"podman {' '.join(arguments[:3])}: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def compose(*arguments: str) -> None:
    command = [str(WORK / "venv/bin/podman-compose"), "--env-file", str(WORK / ".env")]
    done = subprocess.run(
        [*command, "--project-name", PROJECT, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackFailed(f"podman-compose {arguments[0]}: {done.stderr[-2000:]}")


def container(service: str) -> str:
    return f"{PROJECT}_{service}_1"


def write_environment() -> None:
    """Secrets for this run alone, under the names that ``deploy/example.env`` lists."""
    names = [
        line.split("=")[0]
        for line in (ROOT / "deploy/example.env").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    chosen = {
        "MIMIA_HOST": HOST,
        "MIMIA_TLS": "internal",
        "EMAIL_URL": "consolemail://",
        "MIMIA_FROM_EMAIL": f"Mimia <noreply@{HOST}>",
    }
    values = {name: chosen.get(name) or secrets.token_hex(24) for name in names}
    # The people of this run are made by a script and have no second factor.
    values |= {"MIMIA_CLAIM_SECONDS": "10", "MIMIA_SWEEP_SECONDS": "5"}
    path = WORK / ".env"
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def services() -> dict[str, dict[str, Any]]:
    """What a plain ``up`` starts."""
    return {name: one for name, one in COMPOSE["services"].items() if "profiles" not in one}


def start_all() -> None:
    """Each service once the conditions of its ``depends_on`` hold."""
    waiting = dict(services())
    started: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while waiting:
        for name, service in list(waiting.items()):
            if all(
                holds(on, how["condition"]) for on, how in service.get("depends_on", {}).items()
            ):
                podman("start", container(name))
                say(f"started {name}")
                started.add(name)
                del waiting[name]
        if time.monotonic() > deadline:
            raise StackFailed(f"never started: {', '.join(waiting)}\n{report(started)}")
        time.sleep(1.0)
    for name in services():
        wait_until_well(name, deadline)


def holds(service: str, condition: str) -> bool:
    state = json.loads(podman("inspect", container(service)))[0]["State"]
    if condition == "service_completed_successfully":
        if state["Status"] == "exited" and state["ExitCode"]:
            raise StackFailed(f"{service} failed:\n{podman('logs', container(service))[-3000:]}")
        return bool(state["Status"] == "exited")
    return is_well(service)


def is_well(service: str) -> bool:
    """The service's own health check, as the Compose file writes it."""
    command = ["podman", "healthcheck", "run", container(service)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def wait_until_well(service: str, deadline: float) -> None:
    if "healthcheck" not in services()[service] or "disable" in services()[service]["healthcheck"]:
        return
    while not is_well(service):
        if time.monotonic() > deadline:
            raise StackFailed(f"{service} is not healthy:\n{report({service})}")
        time.sleep(1.0)
    say(f"{service} is healthy")


def report(names: set[str]) -> str:
    lines = []
    for name in sorted(names):
        logs = subprocess.run(
            ["podman", "logs", "--tail", "40", container(name)],
            capture_output=True,
            text=True,
            check=False,
        )
        lines.append(f"--- {name}\n{logs.stdout}{logs.stderr}")
    return "\n".join(lines)


class Stack:
    """What the journey asks of a topology: its address, and Python inside the site."""

    url = f"https://{HOST}"

    def python(self, code: str) -> Any:
        wrapped = (
            f"import json\nanswer = None\n{code}\nprint('\\n' + json.dumps(answer, default=str))"
        )
        told = podman(
            "exec", container("worker"), "python", "manage.py", "shell", "-v", "0", "-c", wrapped
        )
        return json.loads(told.splitlines()[-1])


def check_closed() -> None:
    """What the file promises of a container: no writing, one user, no way out, no capability."""
    for name in ("web", "worker", "copier", "keeper"):
        told = podman(
            "exec",
            container(name),
            "sh",
            "-c",
            "id -u; touch /app/probe 2>/dev/null && echo writable; grep CapEff /proc/1/status",
        )
        if "10001" not in told or "writable" in told or "0000000000000000" not in told:
            raise StackFailed(f"{name} is more open than the file says: {told}")
    way_out = "import socket; socket.create_connection(('192.0.2.1', 443), 3)"
    command = ["podman", "exec", container("worker"), "python", "-c", way_out]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        raise StackFailed("the worker reaches other networks")
    say("containers: read-only root, one user, no capabilities, workers without a way out")


def reach_the_proxy() -> None:
    """Resolve the host's name to the proxy, as a public name would, for this process only."""
    import socket

    networks = json.loads(podman("inspect", container("proxy")))[0]["NetworkSettings"]["Networks"]
    address = next(iter(networks.values()))["IPAddress"]
    resolve = socket.getaddrinfo

    def resolved(host: Any, *rest: Any, **more: Any) -> Any:
        return resolve(address if host == HOST else host, *rest, **more)

    socket.getaddrinfo = resolved
    authority = WORK / "authority.crt"
    podman("cp", f"{container('proxy')}:/data/caddy/pki/authorities/local/root.crt", str(authority))
    os.environ.update(REQUESTS_CA_BUNDLE=str(authority))


def screen(clinic: Clinic, number: int, files: dict[str, Path], *, kill: bool) -> None:
    patient = clinic.patient(number)
    screening = patient.begin()
    record_all(patient, screening, files)
    if kill:
        podman("kill", "--signal", "KILL", container("worker"))
        say("killed the worker")
        podman("start", container("worker"))
    submit(patient, screening)
    patient.wait_for_state(screening["id"], "released", seconds=PATIENCE)
    check_whole(rows_of(clinic, screening))
    if len(clips_of(screening)) != len(files):
        raise StackFailed("the protocol is not the one of the journey")


def main() -> int:
    keep = "--keep" in sys.argv[1:]
    urllib3.disable_warnings()
    write_environment()
    files = {name: clips.draw(WORK / f"{name}.mp4", name) for name in ("rest", "smile")}
    begun = time.monotonic()
    try:
        compose("down", "--volumes")
        compose("up", "--no-start", "--no-deps", *services())
        start_all()
        check_closed()
        stack = Stack()
        reach_the_proxy()
        clinic = Clinic(stack, stack.python(PREPARE)["site"])  # type: ignore[arg-type]
        screen(clinic, 0, files, kill=False)
        say("one screening went the whole way, over TLS")
        screen(clinic, 1, files, kill=True)
        say("another one with its worker killed under it")
    except StackFailed as failed:
        print(f"mimia: {failed}", file=sys.stderr)
        return 1
    finally:
        if not keep:
            compose("down", "--volumes")
    say(f"the stack works; {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
