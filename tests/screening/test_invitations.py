"""Each reason for which an invitation is refused has its own code, and nothing is made."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from screening.errors import Conflict, DomainError, Gone, NotFound
from screening.models import Invitation, Patient, User
from screening.services import invitations
from tests.screening import factories as make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": " \n"}, "name_missing"),
        ({"name": "Ada", "email": "ada at home"}, "email"),
    ],
)
def test_nobody_is_invited_without_a_name_or_address(given: dict[str, str], code: str) -> None:
    site = make.SiteFactory()
    with pytest.raises(make.Invalid) as wrong:
        invitations.invite(by=make.ClinicianFactory(site=site), site=site, **given)
    assert wrong.value.code == code
    assert not Patient.objects.filter(site=site).exists()


def invited(email: str = "", base_url: str = "") -> tuple[Invitation, str]:
    site = make.SiteFactory()
    by = make.ClinicianFactory(site=site)
    return invitations.invite(
        by=by, site=site, name="Adelheid Quell", email=email, base_url=base_url
    )


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"accepted_at": timezone.now()}, Gone, "used"),
        ({"revoked_at": timezone.now()}, Gone, "revoked"),
        ({"expires_at": timezone.now()}, Gone, None),
        ({"token_sha256": "0" * 64}, NotFound, None),
    ],
)
def test_a_link_that_opens_no_more(
    change: dict[str, object], kind: type[DomainError], code: str | None
) -> None:
    made, token = invited()
    assert invitations.find(token=token) == made
    Invitation.objects.filter(pk=made.pk).update(**change)
    for act in (
        lambda: invitations.find(token=token),
        lambda: invitations.accept(token=token, email="a@example.org", password=make.PASSWORD),
    ):
        with pytest.raises(kind) as wrong:
            act()
        assert code is None or wrong.value.code == code
    assert not User.objects.filter(email="a@example.org").exists()
    if "expires_at" not in change and "token_sha256" not in change:
        with pytest.raises(make.WrongState):
            invitations.revoke(by=make.ClinicianFactory(site=made.site), invitation=made)


@pytest.mark.parametrize(
    ("email", "password", "code"),
    [
        ("ada at home", make.PASSWORD, "email"),
        ("ada@example.org", "short", "password"),
        ("ada@example.org", "ada@example.org", "password"),
        ("ada@example.org", "adelheid quell", "password"),
        ("THERE@example.org", make.PASSWORD, "email_in_use"),
    ],
)
def test_an_account_that_cannot_be_made_leaves_the_link_open(
    email: str, password: str, code: str
) -> None:
    make.UserFactory(email="there@example.org")
    made, token = invited()
    with pytest.raises((make.Invalid, Conflict)) as wrong:
        invitations.accept(token=token, email=email, password=password)
    assert wrong.value.code == code
    assert invitations.find(token=token) == made
    made.patient.refresh_from_db()
    assert made.patient.user is None


def test_a_link_is_long_enough_and_kept_as_its_hash() -> None:
    made, token = invited()
    assert len(token) >= 43  # 32 bytes
    assert token not in made.token_sha256
    assert made.expires_at - timezone.now() > timedelta(days=13)


@pytest.mark.parametrize(("email", "base_url"), [("", "https://x"), ("a@example.org", "")])
def test_nothing_is_mailed_without_an_address(email: str, base_url: str) -> None:
    with make.committed():
        invited(email, base_url)
    assert mail.outbox == []


def test_a_link_is_mailed_once_it_stands() -> None:
    with make.committed():
        made, token = invited("ada@example.org", "https://clinic.example/")
        assert mail.outbox == []
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["ada@example.org"], invitations.SUBJECT)
    assert f"\nhttps://clinic.example/invitation/{token}/\n" in sent.body
    assert made.site.name in sent.body
    assert made.was_mailed


def test_a_mail_that_does_not_leave_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The invitation stands: the clinician has the link on the page."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("ada@example.org")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    with make.committed():
        made, token = invited("ada@example.org", "https://clinic.example")
    assert made.was_mailed is False
    assert invitations.find(token=token) == made
