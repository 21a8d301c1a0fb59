"""No secret that an address holds is written to a log, whichever logger names the address."""

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from screening.services import invitations
from tests.screening import factories as make
from tests.test_permission_matrix import routes
from webapp.logs import SECRET_PART

HANDLER = "stderr"
ROOT = Path(__file__).resolve().parents[2]
SECRET_ADDRESSES = [
    "/invitation/s3cret/",
    "/invitation/s3cret?a=b",
    "/accounts/password/reset/key/1-s3cret/",
    "/accounts/confirm-email/MQ:1abc:s3cret/",
    "/accounts/login/?next=/invitation/s3cret/",
    "/accounts/login/?next=%2Finvitation%2Fs3cret%2F&a=b",
    "/api/v1/clips/1/media/s3cret.1-2_3:4/",
    "/api/v1/clips/1/media/s3cret/?part=1",
]
#: Names of parts of an address that are a key by themselves.
KEYS = {"token", "key", "uidb36", "signed"}
#: These hold a row's own id, which is no permission.
ROW_KEYS = re.compile(r"<uuid:key>")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the site's own handler writes."""
    handler = next(one for one in logging.getLogger().handlers if one.name == HANDLER)
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before or handler.stream)


@pytest.mark.django_db
def test_an_invitation_that_is_refused_is_logged_without_its_token(log: io.StringIO) -> None:
    by = make.ClinicianFactory()
    site = by.memberships.get().site
    _, token = invitations.invite(by=by, site=site, name="Ada Byron")
    path = invitations.path(token)
    weak = {"email": "ada@example.org", "password": "short"}
    assert Client().post(path, weak).status_code == 422
    assert Client(enforce_csrf_checks=True).post(path, weak).status_code == 403
    assert Client().get(invitations.path("no-such-token")).status_code == 404
    text = log.getvalue()
    assert text.count("/invitation/") >= 3
    assert token not in text
    assert "no-such-token" not in text


@pytest.mark.parametrize("name", ["django.request", "django.server", "uvicorn.access", "celery"])
@pytest.mark.parametrize("path", SECRET_ADDRESSES)
def test_every_logger_of_addresses_is_covered(log: io.StringIO, name: str, path: str) -> None:
    logger = logging.getLogger(name)
    logger.error('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", path, "1.1", 404)
    logger.error("asked for %(path)s", {"path": path})
    logger.error(f"asked for {path}")  # noqa: G004
    assert log.getvalue().count("asked for") == 2
    assert "s3cret" not in log.getvalue()


def proxy_filter() -> re.Pattern[str]:
    """The proxy's own expression (RE2, of which this is a part that Python reads alike)."""
    written = re.search(r'request>uri regexp "(.+)" "', (ROOT / "deploy/Caddyfile").read_text())
    assert written is not None
    return re.compile(written[1])


@pytest.mark.parametrize("path", SECRET_ADDRESSES)
def test_the_proxy_writes_none_of_them_down(path: str) -> None:
    masked = proxy_filter().sub(r"\1-", path)
    assert "s3cret" not in masked
    assert masked.startswith(path[:7])


def test_every_address_with_a_key_in_it_is_among_them() -> None:
    """A new route with a key in its address is masked in both logs, or fails here."""
    found = 0
    for name, pattern in routes():
        route = str(pattern.pattern)
        keys = KEYS & (set(pattern.pattern.converters) | set(pattern.pattern.regex.groupindex))
        if not keys or ROW_KEYS.search(route):
            continue
        prefix = "/accounts/" if name.startswith("account_") else "/"
        before = re.sub(r"<uuid:pk>", "1", route.lstrip("^"))
        path = prefix + re.split(r"<|\(\?P", before)[0] + "s3cret"
        for written in (SECRET_PART.sub(r"\1-", path), proxy_filter().sub(r"\1-", path)):
            assert "s3cret" not in written, f"{name}: {path}"
        found += 1
    assert found >= 3


def test_nothing_that_was_sent_begins_a_line_of_its_own(log: io.StringIO) -> None:
    forged = "x\n2026-01-01 INFO screening forged\r\x1b[31m\u2028\u202e"
    logging.getLogger("screening").warning("asked for %s", forged)
    Client().get("/nothing%0A2026-01-01%20forged%1B%5B31m")
    lines = log.getvalue().splitlines()
    assert [line.count("forged") for line in lines] == [1, 1]
    assert not re.search("[\x00-\x08\x0b-\x1f\u2028\u202e]", log.getvalue())


@pytest.mark.django_db
def test_a_refusal_says_when_in_utc_and_who_without_a_name(log: io.StringIO) -> None:
    user = make.UserFactory(email="ada@example.org")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/clinic/", REMOTE_ADDR="192.0.2.7").status_code in (403, 404)
    Client().get("/clinic/screenings/nothing/", REMOTE_ADDR="192.0.2.7")
    refused, missing = log.getvalue().splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z WARNING ", refused)
    assert refused.endswith(f"(account {user.pk}, network 192.0.2.0/24)")
    assert missing.endswith("(account nobody, network 192.0.2.0/24)")
    assert "ada@" not in log.getvalue()


def test_the_server_does_not_write_down_who_opens_a_socket(log: io.StringIO) -> None:
    server = logging.getLogger("uvicorn.error")
    server.info('%s - "WebSocket %s" [accepted]', "192.0.2.1:5", "/ws/site/1/")
    server.info('%s - "WebSocket %s" 403', "192.0.2.1:5", "/ws/site/1/")
    server.info("connection open")
    server.info("connection closed")
    server.info("connection rejected (%d %s)", 403, "Forbidden")
    server.info("Uvicorn running on %s", "http://127.0.0.1:1")
    server.error("Exception in ASGI application")
    assert len(log.getvalue().splitlines()) == 2
