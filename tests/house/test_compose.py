"""The compose file is valid, whole and closed, though no container engine is at hand to run it.

The same topology runs natively in ``tests/distributed``.
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

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"setup"}


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
    wanted = {"proxy", "web", "worker", "worker-gpu", "beat", "postgres", "redis", "objects"}
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
    if "build" in service:
        stages = re.findall(r"^FROM .* AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.M)
        assert service["build"]["target"] in stages
    else:
        assert re.search(r":\d", service["image"]), "an image without a version is another tomorrow"


def test_only_the_proxy_has_a_door() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in {"worker", "beat", "postgres", "redis", "objects"}:
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
    commands += re.findall(r"^CMD (\[.*?\])$", (ROOT / "Dockerfile").read_text(), re.M | re.S)
    text = "\n".join(commands)
    managed = set(re.findall(r"manage\.py (\w+)", text))
    assert {"migrate", "shell"} <= managed
    assert managed <= set(get_commands())
    applications = re.findall(r"webapp\.asgi:(\w+)", text)
    assert applications
    assert all(hasattr(importlib.import_module("webapp.asgi"), name) for name in applications)
    assert "webapp.celery" in text
    assert importlib.import_module("webapp.celery").app.main == "mimia"


def test_every_file_that_is_mounted_or_copied_exists() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source
    for sources in re.findall(
        r"^COPY ((?!--from).*) \S+$", (ROOT / "Dockerfile").read_text(), re.M
    ):
        for source in sources.split():
            assert (ROOT / source).exists(), source


def test_web_image_has_no_science() -> None:
    stage = re.search(
        r"^FROM base AS web\n(.*?)^# ---", (ROOT / "Dockerfile").read_text(), re.M | re.S
    )
    assert stage is not None
    assert "[ml]" not in stage[1]
    assert "COPY ml" not in stage[1]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/operations.md"])
def test_every_command_that_a_page_names_exists(document: str) -> None:
    named = set(re.findall(r"manage\.py (\w+)", (ROOT / document).read_text()))
    assert named <= set(get_commands())
