"""The compose file is valid, whole and closed.

The same topology runs natively in ``tests/distributed``; ``make stack`` builds the images and runs
the file itself, where an engine can be installed.
"""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from screening import queue

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"setup"}
BUILT_HERE = {"mimia-web", "mimia-worker"}
#: Documented settings that the file does not pass on, each with the reason.
NOT_PASSED = {
    "MIMIA_STATIC": "fixed in the image",
    "MIMIA_DEBUG": "development only",
    "MIMIA_DATA": "training only",
}


def words(service: dict[str, Any]) -> str:
    command = service.get("command", "")
    return command if isinstance(command, str) else " ".join(command)


def test_follows_the_compose_schema() -> None:
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            str(ROOT / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_has_every_part_of_the_topology() -> None:
    workers = {"worker", "worker-gpu", "copier", "keeper"}
    wanted = {"proxy", "web", "postgres", "redis", "objects", *workers}
    assert wanted | ONE_SHOT == set(SERVICES)
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]
    devices = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_service_comes_back_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]
    assert {"interval", "timeout", "retries"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_image_has_a_version_or_is_built_here(name: str) -> None:
    service = SERVICES[name]
    if service["image"] in BUILT_HERE:
        stages = re.findall(r"^FROM .* AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        builders = [s for s in SERVICES.values() if s["image"] == service["image"] and "build" in s]
        assert [one["build"]["target"] in stages for one in builders] == [True], "built once"
        assert "build" in service or service["pull_policy"] == "never"
    else:
        assert re.search(r":\d", service["image"]), "an image without a version is another tomorrow"


def test_only_the_proxy_has_a_door() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in {"worker", "copier", "keeper", "postgres", "redis", "objects"}:
        assert SERVICES[name]["networks"] == ["inside"], name


def test_every_secret_comes_from_the_environment_and_is_named_in_the_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert not re.findall(r"(?<!\$)\$\{\w+(?::?-[^}]*)?\}", text), (
        "a default hides a missing secret"
    )
    example = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy/example.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert asked == set(example)
    secret = [name for name in example if "SECRET" in name or "PASSWORD" in name]
    assert secret
    assert all(example[name] == "" for name in secret)


def test_every_command_exists() -> None:
    commands = [words(service) for service in SERVICES.values()]
    commands += (ROOT / "deploy/setup.sh").read_text().splitlines()
    commands += re.findall(r"(?ms)^CMD (\[.*?\])$", (ROOT / "Dockerfile").read_text())
    text = "\n".join(commands)
    managed = set(re.findall(r"manage\.py (\w+)", text))
    assert {"migrate", "shell"} <= managed
    assert managed <= set(get_commands())
    servers = re.findall(r'"python", "-m", "([\w.]+)"', text)
    assert servers == ["webapp.server"], "the container's server is the one that serve runs"
    module, _, name = importlib.import_module("webapp.server").APPLICATION.partition(":")
    assert hasattr(importlib.import_module(module), name)
    assert "webapp.celery" in text
    assert importlib.import_module("webapp.celery").app.main == "mimia"


def test_every_queue_has_its_worker_and_copies_are_made_where_nobody_waits() -> None:
    taken = {
        name: set(found[1].split(","))
        for name, service in SERVICES.items()
        if (found := re.search(r"--queues=(\S+)", words(service)))
    }
    assert set().union(*taken.values()) == set(queue.every())
    measurers = [name for name, queues in taken.items() if "measure" in queues]
    assert measurers == ["worker", "worker-gpu"]
    assert all("playback" not in taken[name] and "keep" not in taken[name] for name in measurers)
    assert taken["keeper"] == {"keep"}, "what sweeps does nothing long"
    # Of several queues a worker takes the first by name: that order must be the one that is meant.
    assert sorted(taken["worker"]) == ["assess", "measure", "shadow"]
    assert "--pool=threads" in words(SERVICES["keeper"]), "the timer must not be forked"


def test_every_file_that_is_mounted_or_copied_exists() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source
    for sources in re.findall(
        r"^COPY ((?!--from).*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    ):
        for source in sources.split():
            assert (ROOT / source).exists(), source


def test_every_documented_setting_reaches_the_containers() -> None:
    table = (ROOT / "docs/operations.md").read_text()
    documented = {
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", line.split("|")[1])
    }
    assert len(documented) > 20
    for service in ("web", "worker", "copier", "keeper", "setup"):
        missing = documented - set(SERVICES[service]["environment"]) - set(NOT_PASSED)
        assert not missing, f"{service} is never told {sorted(missing)}"


def test_health_checks_ask_where_the_servers_listen() -> None:
    """``localhost`` may mean ::1 first, where nobody listens."""
    for name, service in SERVICES.items():
        assert "localhost" not in str(service.get("healthcheck", "")), name


def test_our_containers_are_bounded_and_write_to_memory_of_a_known_size_only() -> None:
    for name, service in SERVICES.items():
        if service["image"] not in BUILT_HERE:
            continue
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert {"mem_limit", "pids_limit"} <= set(service), name
        assert service["tmpfs"], name
        assert all("size=" in one and "mode=1777" in one for one in service["tmpfs"]), name
        written = {one.split(":")[0] for one in service["tmpfs"]}
        runtime = Path(service["environment"]["MIMIA_VAR"])
        assert str(runtime.parent) in written, "the runtime folder cannot be made"


def test_web_image_has_no_science() -> None:
    stage = re.search(
        r"^FROM base AS web\n(.*?)^# ---",
        (ROOT / "Dockerfile").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert stage is not None
    assert "[ml]" not in stage[1]
    assert "COPY ml" not in stage[1]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/operations.md"])
def test_every_command_that_a_page_names_exists(document: str) -> None:
    named = set(re.findall(r"manage\.py (\w+)", (ROOT / document).read_text()))
    assert named <= set(get_commands())


def test_no_server_believes_an_address_that_a_stranger_wrote() -> None:
    """uvicorn takes the first of the forwarded addresses; the site counts them from the right."""
    started = [(ROOT / "Dockerfile").read_text(), *map(words, SERVICES.values())]
    started.append((ROOT / "webapp/server.py").read_text())
    for text in started:
        assert "forwarded-allow-ips" not in text
        assert '"--proxy-headers"' not in text
        assert "proxy_headers=True" not in text
    assert "proxy_headers=False" in started[-1]
    assert SERVICES["web"]["environment"]["MIMIA_TRUSTED_PROXIES"] == "1"
