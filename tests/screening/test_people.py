"""Invitations, consents, demo accounts, and who the API says one is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from screening.errors import Conflict, DomainError, Gone, Invalid, NotAllowed, NotFound
from screening.models import ConsentForm, Invitation, Patient, User
from screening.permissions import REGISTRY
from screening.services import consents, demo, invitations, protocols, screenings
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def invited() -> tuple[Invitation, str]:
    site = make.SiteFactory()
    by = make.ClinicianFactory(site=site)
    return invitations.invite(by=by, site=site, name="Ada Byron", email="ada@example.org")


def accept(token: str, email: str = "ada@example.org", password: str = make.PASSWORD) -> User:
    return invitations.accept(token=token, email=email, password=password)


def test_the_token_is_kept_by_nobody(invited: tuple[Invitation, str]) -> None:
    invitation, token = invited
    assert token not in str(Invitation.objects.values())
    assert invitations.find(token=token) == invitation


def test_the_mail_has_the_link_and_no_health_word() -> None:
    site = make.SiteFactory(name="North Clinic")
    by = make.ClinicianFactory(site=site)
    with make.committed():
        _, token = invitations.invite(
            by=by, site=site, name="Ada", email="Ada@Example.org", base_url="https://mimia.test/"
        )
    sent = mail.outbox[0]
    assert sent.to == ["ada@example.org"]
    assert f"https://mimia.test/invitation/{token}/" in sent.body
    text = (sent.subject + sent.body).lower()
    for word in ("parkinson", "screening", "face", "health", "patient", "disease", "ada"):
        assert word not in text


def test_accepting_makes_the_account_once(invited: tuple[Invitation, str]) -> None:
    invitation, token = invited
    user = accept(token)
    assert user.check_password(make.PASSWORD)
    assert Patient.objects.get(pk=invitation.patient.pk).user == user
    with pytest.raises(Gone, match="used"):
        accept(token, email="other@example.org")


@pytest.mark.parametrize(
    ("email", "password", "error"),
    [
        ("no address", make.PASSWORD, Invalid),
        ("ada@example.org", "short", Invalid),
        ("ada@example.org", "password1234", Invalid),
        ("taken@example.org", make.PASSWORD, Conflict),
        ("Taken@Example.org", make.PASSWORD, Conflict),
    ],
)
def test_accepting_is_checked(
    invited: tuple[Invitation, str], email: str, password: str, error: type[DomainError]
) -> None:
    make.UserFactory(email="taken@example.org")
    with pytest.raises(error):
        accept(invited[1], email, password)
    # The link still works for who tries again.
    assert accept(invited[1])


def test_closed_links(invited: tuple[Invitation, str]) -> None:
    invitation, token = invited
    with pytest.raises(NotFound):
        invitations.find(token="something")
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Gone, match="expired"):
        accept(token)
    by = invitation.created_by
    assert by is not None
    invitations.revoke(by=by, invitation=invitation)
    with pytest.raises(Gone, match="withdrawn"):
        accept(token)
    with pytest.raises(DomainError):
        invitations.revoke(by=by, invitation=invitation)


def test_only_the_sites_clinicians_invite(invited: tuple[Invitation, str]) -> None:
    site = invited[0].site
    for by in (make.ClinicianFactory(), make.UserFactory(), make.AdminFactory()):
        with pytest.raises(NotAllowed):
            invitations.invite(by=by, site=site, name="Eve")
        with pytest.raises(NotAllowed):
            invitations.revoke(by=by, invitation=invited[0])


def test_an_inactive_clinician_is_nobody(invited: tuple[Invitation, str]) -> None:
    by = invited[0].created_by
    assert by is not None
    by.is_active = False
    by.save()
    with pytest.raises(NotAllowed):
        invitations.invite(by=by, site=invited[0].site, name="Eve")


@pytest.mark.parametrize("scopes", [[], ["research"], ["care", "everything"]])
def test_scopes_are_checked(scopes: list[str]) -> None:
    with pytest.raises(Invalid):
        consents.give(patient=make.PatientFactory(), form=consents.current_form(), scopes=scopes)


def test_a_new_text_is_asked_for_again() -> None:
    patient = make.PatientFactory()
    old = make.consent(patient)
    admin = make.AdminFactory()
    draft = protocols.new_form_version(by=admin, form=old.form)
    assert consents.is_current(old)
    protocols.publish(by=admin, form=draft)
    assert not consents.is_current(old)
    with pytest.raises(DomainError, match="newer"):
        consents.give(patient=patient, form=old.form, scopes=["care"])
    assert ConsentForm.objects.get(pk=old.form.pk).text
    new = make.consent(patient, "care", "research")
    old.refresh_from_db()
    assert (old.withdrawn_at is not None, new.scopes) == (True, ["care", "research"])
    assert screenings.start(patient=patient).consent == new


def test_widening_the_consent_keeps_running_work() -> None:
    screening = make.submitted()
    make.consent(screening.patient, "care", "training")
    make.assess(screening)
    assert screening.state == "scored"


def test_demo_accounts_only_where_allowed(settings: Settings) -> None:
    made = demo.create_accounts()
    again = demo.create_accounts(password="another one 123")
    assert User.objects.filter(email__endswith="@demo.mimia").count() == 3
    assert made.emails == again.emails
    assert User.objects.get(email=made.emails["patient"]).check_password("another one 123")
    assert demo.phantom_patient() == demo.phantom_patient()
    settings.DEMO_ACCOUNTS = False
    with pytest.raises(NotAllowed):
        demo.create_accounts()


def test_me_in_each_role(client_of: Callable[..., Client]) -> None:
    patient = make.PatientFactory()
    clinician = make.ClinicianFactory(site=patient.site)
    roles = {}
    for user in (patient.user, clinician, make.AdminFactory()):
        body = client_of(user).get("/api/v1/me/").json()
        roles[body["role"]] = (bool(body["patient"]), len(body["sites"]))
        assert body["csrf"]
    assert roles == {"patient": (True, 0), "clinician": (False, 1), "admin": (False, 0)}
    nobody = client_of(None).get("/api/v1/me/")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "not_logged_in")


def test_writes_need_the_csrf_token() -> None:
    patient = make.PatientFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(patient.user)
    assert client.post("/api/v1/screenings/").status_code == 403
    token = client.get("/api/v1/me/").json()["csrf"]
    answer = client.post("/api/v1/screenings/", HTTP_X_CSRFTOKEN=token)
    assert answer.json()["code"] == "consent_missing"


def test_a_permission_says_the_same_of_a_row_and_of_a_list() -> None:
    """For every permission, every row and everybody; and nobody may do anything at all."""
    from django.contrib.auth.models import AnonymousUser

    screening = make.scored()
    make.scored()
    uploads = make.draft(screening.patient)
    make.uploads.create(by=make.person(uploads), clip=make.clip_of(uploads, "rest"))
    invitations.invite(
        by=make.ClinicianFactory(site=screening.site), site=screening.site, name="Ada"
    )
    everybody = [*User.objects.all(), make.AdminFactory()]
    for permission in REGISTRY.values():
        rows = permission.model._default_manager.all()
        assert rows, f"no row to ask {permission.name} about"
        for user in everybody:
            listed = set(permission.filter(user, rows))
            assert listed == {row for row in rows if permission.allows(user, row)}
            assert not set(permission.filter(AnonymousUser(), rows))
