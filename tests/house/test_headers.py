"""Headers and cookies: health data are kept by no cache, and nothing but the camera is opened."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from screening.services import invitations
from tests.house.test_production import CHOSEN, run_python
from tests.screening import factories as make
from tests.test_permission_matrix import address, ask, clients, routes, rules_of
from tests.test_permission_matrix import case as case  # a fixture
from webapp.headers import PERMISSIONS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db
#: What the pages' scripts ask the browser for, and the name of the permission.
USES = {
    "getUserMedia": "camera",
    "wakeLock": "screen-wake-lock",
    "clipboard": "clipboard-write",
    ".play()": "autoplay",
}


def test_no_answer_about_anybody_is_stored(case) -> None:  # type: ignore[no-untyped-def]
    """Every address that a person can open, pages and API, errors too."""
    stored = []
    for role, client in clients(case).items():
        for name, pattern in routes():
            path = address(name, pattern, case)
            rule = (rules_of(name) or {}).get("GET")
            if path is None or rule is None or name.startswith("admin:"):
                continue
            answer = ask(client, "GET", path, rule, case)
            if "no-store" not in answer.headers.get("Cache-Control", ""):
                stored.append(f"{name} as {role}: {answer.headers.get('Cache-Control')}")
            assert answer.headers["Permissions-Policy"] == PERMISSIONS
    assert stored == []


def test_errors_are_not_stored_either() -> None:
    client = Client()
    for path in ("/nothing/", "/api/v1/nothing/", invitations.path("guessed")):
        assert "no-store" in client.get(path).headers["Cache-Control"]


def test_the_camera_is_all_that_pages_may_open() -> None:
    said = dict(part.split("=") for part in PERMISSIONS.split(", "))
    assert said["camera"] == "(self)"
    assert said["microphone"] == said["geolocation"] == said["payment"] == "()"
    scripts = "".join(file.read_text() for file in (ROOT / "webapp/frontend/src").rglob("*.ts"))
    for use, permission in USES.items():
        assert use in scripts, f"{use} is not used any more: take {permission} away"
        assert said[permission] == "(self)"


def test_cookies_of_production_belong_to_this_host_alone(tmp_path: Path) -> None:
    asked = """
import django; django.setup()
from django.conf import settings
names = [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME]
names += [settings.KNOWN_BROWSER_COOKIE_NAME]
assert all(name.startswith("__Host-") for name in names), names
assert settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE
assert settings.SESSION_COOKIE_PATH == settings.CSRF_COOKIE_PATH == "/"
assert settings.SESSION_COOKIE_DOMAIN is settings.CSRF_COOKIE_DOMAIN is None
"""
    done = run_python(tmp_path, "-c", asked, **CHOSEN)
    assert done.returncode == 0, done.stderr


def test_pages_name_the_cookie_that_their_scripts_read(settings) -> None:  # type: ignore[no-untyped-def]
    settings.CSRF_COOKIE_NAME = "__Host-csrftoken"
    page = Client().get(reverse("account_login")).content.decode()
    assert 'data-csrf-cookie="__Host-csrftoken"' in page
    for file in (ROOT / "webapp/frontend/src").rglob("*.ts"):
        if file.name != "api.ts":
            assert "document.cookie" not in file.read_text(), file.name


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "SOMETHING"])
def test_methods_that_nothing_here_has_are_refused(method: str) -> None:
    for path in ("/healthz", "/accounts/login/", "/api/v1/", "/nothing/"):
        answer = Client().generic(method, path)
        assert answer.status_code == 405
        assert "TRACE" not in answer.headers["Allow"]


def test_an_answer_of_the_api_is_a_file_with_a_name_of_ours() -> None:
    for path in ("/api/v1/", "/api/v1/screenings/", "/healthz"):
        said = Client().get(path).headers
        assert said["Content-Type"] == "application/json"
        assert said["Content-Disposition"] == 'attachment; filename="api.json"'


def test_the_api_takes_json_and_no_forms() -> None:
    client = Client()
    client.force_login(make.ClinicianFactory(), backend="django.contrib.auth.backends.ModelBackend")
    for kind in ("application/xml", "application/x-www-form-urlencoded", "text/plain", ""):
        refused = client.generic("POST", reverse("api-invitations"), "a=b", kind)
        assert refused.status_code == 415, kind


def test_no_other_site_reads_our_files_or_answers() -> None:
    assert settings.WHITENOISE_ALLOW_ALL_ORIGINS is False
    for path in ("/", "/api/v1/", "/accounts/login/"):
        said = Client().get(path, HTTP_ORIGIN="https://elsewhere.example").headers
        assert "Access-Control-Allow-Origin" not in said


def test_the_api_answers_with_its_index() -> None:
    answer = Client().get("/api/v1/")
    assert answer.status_code == 200
    addresses = answer.json()["addresses"]
    assert addresses["screening"] == "/api/v1/screenings/{id}/"
    assert addresses["index"] == "/api/v1/"
    assert answer.json()["documentation"].endswith("/api/docs/")


def test_the_documentation_has_no_inline_script() -> None:
    page = Client().get("/api/docs/").content.decode()
    assert not re.search(r"<script(?![^>]*src=)", page)
    assert "<style" not in page
    script = re.search(r'<script src="([^"]*\?[^"]*)"', page)
    assert script is not None
    code = Client().get(script[1].replace("&amp;", "&"))
    assert code.status_code == 200
    assert "javascript" in code.headers["Content-Type"]
