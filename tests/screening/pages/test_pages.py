"""The pages as their readers meet them: what they lead to, what they refuse, and in which words."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from screening.models import Consent, Intake, Invitation, Screening, User
from screening.services import consents, invitations, protocols, reviews, screenings
from tests.screening import factories as make

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User | None], Client]


@pytest.fixture
def as_user() -> SignedIn:
    def make_client(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return make_client


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_everybody_lands_where_their_work_is(as_user: SignedIn) -> None:
    patient, clinician = make.PatientFactory(), make.ClinicianFactory()
    assert as_user(patient.user).get("/").url == reverse("screenings")
    assert as_user(clinician).get("/").url == reverse("worklist")
    assert "not a diagnosis" in text_of(as_user(None).get("/"))
    assert "Administration" in text_of(as_user(make.AdminFactory()).get("/"))


def test_no_page_holds_inline_scripts_or_styles(as_user: SignedIn) -> None:
    screening = make.draft()
    clinician = make.ClinicianFactory(site=screening.site)
    patient_pages = ["screenings", "consent", "withdraw_consent"]
    key = {"key": screening.pk}
    Intake.objects.create(screening=screening)
    pages = [(None, "/"), (None, reverse("account_login"))]
    pages += [(make.person(screening), reverse(name)) for name in patient_pages]
    pages += [
        (make.person(screening), reverse(name, kwargs=key))
        for name in ("intake", "record", "screening")
    ]
    pages += [(clinician, reverse(name)) for name in ("worklist", "invite", "models")]
    pages.append((clinician, reverse("case", kwargs=key)))
    for user, path in pages:
        response = as_user(user).get(path)
        html = text_of(response)
        assert response.status_code == 200, path
        assert not re.search(r"<script(?![^>]*(src=|application/json))", html), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html), path
        assert "http://" not in html.replace("http://testserver", "").replace(
            "http://www.w3.org", ""
        ), path


def test_an_invitation_becomes_an_account_once(as_user: SignedIn) -> None:
    clinician = make.ClinicianFactory()
    site = clinician.memberships.get().site
    invited, token = invitations.invite(by=clinician, site=site, name="Erika")
    client, path = as_user(None), reverse("invitation", args=[token])
    assert "Welcome, Erika" in text_of(client.get(path))
    weak = client.post(path, {"email": "erika@example.org", "password": "short"})
    assert weak.status_code == 422
    assert "password" in text_of(weak)
    strong = client.post(path, {"email": "erika@example.org", "password": make.PASSWORD})
    assert strong.url == reverse("consent")
    assert client.get(reverse("screenings")).status_code == 200
    assert as_user(None).get(path).status_code == 410
    assert as_user(None).get(reverse("invitation", args=["guessed"])).status_code == 404
    invited.patient.refresh_from_db()
    assert invited.patient.user.email == "erika@example.org"


def test_consent_needs_the_screening_itself_and_leads_on(as_user: SignedIn) -> None:
    patient = make.PatientFactory()
    client = as_user(patient.user)
    form = str(consents.current_form().pk)
    refused = client.post(reverse("consent"), {"form": form, "scopes": ["research"]})
    assert refused.status_code == 422
    assert not Consent.objects.exists()
    given = client.post(reverse("consent"), {"form": form, "scopes": ["care", "training"]})
    assert given.url == reverse("screenings")
    assert Consent.objects.get().scopes == ["care", "training"]
    assert "You agreed to this text" in text_of(client.get(reverse("consent")))


def test_consent_is_given_only_to_the_text_that_was_shown(as_user: SignedIn) -> None:
    client = as_user(make.PatientFactory().user)
    shown = text_of(client.get(reverse("consent")))
    assert "My recordings, measurements" in shown
    assert "my face can be seen in the recordings" in shown
    read = re.search(r'name="form" value="([^"]+)"', shown)
    assert read is not None
    admin = make.AdminFactory()
    newer = protocols.new_form_version(by=admin, form=consents.current_form())
    protocols.publish(by=admin, form=newer)
    for form in ({"form": read.group(1)}, {}):
        answer = client.post(reverse("consent"), {**form, "scopes": ["care"]})
        assert answer.status_code == 422
        assert "The text has changed. Please read it again." in text_of(answer)
        assert str(newer.pk) in text_of(answer)
    assert not Consent.objects.exists()


def test_starting_without_consent_leads_to_the_text(as_user: SignedIn) -> None:
    patient = make.PatientFactory()
    assert as_user(patient.user).post(reverse("screenings")).url == reverse("consent")


def test_a_patient_goes_from_start_over_intake_to_the_camera(as_user: SignedIn) -> None:
    patient = make.PatientFactory()
    make.consent(patient)
    client = as_user(patient.user)
    intake = client.post(reverse("screenings")).url
    row = Screening.objects.get()
    assert intake == reverse("intake", kwargs={"key": row.pk})
    record = reverse("record", kwargs={"key": row.pk})
    assert client.get(record).url == intake
    wrong = client.post(intake, {"age_years": "7"})
    assert wrong.status_code == 422
    answers = {"age_years": "71", "sex": "female", "glasses": "yes", "beard": "no"}
    assert client.post(intake, answers).url == record
    kept = Intake.objects.get()
    assert (kept.age_years, kept.glasses, kept.beard, kept.stroke) == (71, True, False, None)
    assert client.get(record).status_code == 200
    assert client.post(reverse("screenings")).url == record


def test_an_intake_may_be_left_wholly_open(as_user: SignedIn) -> None:
    row = make.draft()
    path = reverse("intake", kwargs={"key": row.pk})
    assert as_user(make.person(row)).post(path).url.endswith("/record/")
    assert Intake.objects.get().known_pd is None


def test_lasting_answers_are_proposed_again_but_not_the_last_dose(as_user: SignedIn) -> None:
    first = make.draft()
    by = make.person(first)
    answers = {"sex": "male", "stroke": True, "hours_since_dose": 2.0}
    screenings.save_intake(by=by, screening=first, answers=answers)
    screenings.withdraw(by=by, screening=first)
    second = screenings.start(patient=first.patient)
    form = as_user(by).get(reverse("intake", kwargs={"key": second.pk})).context["form"]
    assert form["stroke"].value() == "yes"
    assert form["hours_since_dose"].value() is None


def test_the_history_says_where_each_screening_is(as_user: SignedIn) -> None:
    empty = make.PatientFactory()
    assert "There is none yet" in text_of(as_user(empty.user).get(reverse("screenings")))
    row = make.draft()
    html = text_of(as_user(make.person(row)).get(reverse("screenings")))
    assert "Not finished yet" in html
    assert "You have begun a screening" in html


def test_a_withdrawn_consent_stops_the_draft(as_user: SignedIn) -> None:
    row = make.draft()
    client = as_user(make.person(row))
    assert "Take your consent back?" in text_of(client.get(reverse("withdraw_consent")))
    client.post(reverse("withdraw_consent"))
    row.refresh_from_db()
    assert row.state == "withdrawn"
    assert consents.standing(patient=row.patient) is None


def test_a_strangers_screening_is_not_there(as_user: SignedIn) -> None:
    row = make.draft()
    stranger = as_user(make.person(make.draft()))
    for name in ("screening", "intake", "record"):
        assert stranger.get(reverse(name, kwargs={"key": row.pk})).status_code == 404
    assert stranger.post(reverse("withdraw_screening", kwargs={"key": row.pk})).status_code == 404
    case = reverse("case", kwargs={"key": row.pk})
    assert as_user(make.ClinicianFactory()).get(case).status_code == 404
    assert stranger.get(case).status_code == 403
    assert as_user(None).get(case).url.startswith(reverse("account_login"))


def test_the_link_of_an_invitation_is_shown_once_and_mailed_without_health_words(
    as_user: SignedIn, django_capture_on_commit_callbacks: Any
) -> None:
    client = as_user(make.ClinicianFactory())
    with django_capture_on_commit_callbacks(execute=True):
        made = client.post(
            reverse("invite"), {"name": "Erika Muster", "email": "erika@example.org"}
        )
    link = re.search(r"http://testserver/invitation/[^/]+/", text_of(made))
    assert link is not None
    assert link.group() not in text_of(client.get(reverse("invite")))
    (message,) = mail.outbox
    assert link.group() in message.body
    assert not re.search(r"parkinson|face|screening|health", message.body, re.IGNORECASE)


def test_an_unused_invitation_can_be_revoked_by_its_own_clinic_only(as_user: SignedIn) -> None:
    clinician = make.ClinicianFactory()
    site = clinician.memberships.get().site
    row, token = invitations.invite(by=clinician, site=site, name="Erika")
    other = as_user(make.ClinicianFactory()).post(reverse("invite"), {"revoke": str(row.pk)})
    assert other.status_code == 404
    as_user(clinician).post(reverse("invite"), {"revoke": str(row.pk)})
    assert Invitation.objects.get().revoked_at is not None
    assert as_user(None).get(reverse("invitation", args=[token])).status_code == 410


def test_models_are_compared_on_the_clinics_own_reviews(as_user: SignedIn) -> None:
    row = make.scored()
    clinician = make.ClinicianFactory(site=row.site)
    empty = text_of(as_user(clinician).get(reverse("models")))
    assert "No screening of this clinic has a review with a grade" in empty
    reviews.sign_off(by=clinician, screening=row, grade=2, note="")
    assert row.patient.pseudonym in text_of(as_user(clinician).get(reverse("models")))
    elsewhere = text_of(as_user(make.ClinicianFactory()).get(reverse("models")))
    assert row.patient.pseudonym not in elsewhere


def test_nonsense_in_place_of_an_invitation_is_not_found(as_user: SignedIn) -> None:
    client = as_user(make.ClinicianFactory())
    assert client.post(reverse("invite"), {"revoke": "nonsense"}).status_code == 404


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_mail_that_did_not_leave_is_not_called_sent(as_user: SignedIn, settings: Any) -> None:
    client = as_user(make.ClinicianFactory())
    who = {"name": "Erika Muster", "email": "erika@example.org"}
    assert "It was sent to erika@example.org" in text_of(client.post(reverse("invite"), who))
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    page = text_of(client.post(reverse("invite"), who))
    assert "could not be sent to erika@example.org" in page
    assert "It was sent" not in page
    assert re.search(r"http://testserver/invitation/[^/]+/", page)
