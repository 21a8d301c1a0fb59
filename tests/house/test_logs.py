"""No secret that an address holds is written to a log, whichever logger names the address."""

import io
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from screening.services import invitations
from tests.screening import factories as make

HANDLER = "stderr"


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
@pytest.mark.parametrize(
    "path", ["/invitation/s3cret/", "/invitation/s3cret?a=b", "/password/reset/key/1-s3cret/"]
)
def test_every_logger_of_addresses_is_covered(log: io.StringIO, name: str, path: str) -> None:
    logger = logging.getLogger(name)
    logger.error('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", path, "1.1", 404)
    logger.error("asked for %(path)s", {"path": path})
    logger.error(f"asked for {path}")
    assert log.getvalue().count("asked for") == 2
    assert "s3cret" not in log.getvalue()
