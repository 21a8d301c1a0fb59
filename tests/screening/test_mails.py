"""Mails with hostile words in everything that goes into them: plain text, one line of subject."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from screening.services import invitations
from tests.screening import factories as make

pytestmark = pytest.mark.django_db
WORDS = "</p><img src=x onerror=planted(1)>{{7*7}}{site}%s\r\nBcc: all@example.org"


def test_no_word_of_a_person_s_steers_a_mail(client_of: Callable[..., Any]) -> None:
    site = make.SiteFactory(name=WORDS)
    clinician = make.ClinicianFactory(site=site, name=WORDS, email="dr@example.org")
    with make.committed():
        invitations.invite(
            by=clinician,
            site=site,
            name=WORDS[:60],
            email="ada@example.org",
            base_url="http://testserver/",
        )
    client_of(None).post("/accounts/password/reset/", {"email": clinician.email})
    assert sorted(address for one in mail.outbox for address in one.recipients()) == [
        "ada@example.org",
        "dr@example.org",
    ]
    for one in mail.outbox:
        assert one.content_subtype == "plain"
        assert not (isinstance(one, EmailMultiAlternatives) and one.alternatives)
        assert "\n" not in one.subject
        assert "planted" not in one.subject
        headers = one.message()
        assert headers["Bcc"] is None
        assert headers.get_content_type() == "text/plain"
