"""The admin site: every model can be found, evidence cannot be edited, actions call services."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from screening.models import (
    AccessEvent,
    AuditEntry,
    Clip,
    Consent,
    ConsentForm,
    ModelBundle,
    Patient,
    Protocol,
    Screening,
)
from screening.services import measuring, screenings
from tests.screening import factories as make
from tests.screening.accounts import confirmed
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db
MODELS = list(apps.get_app_config("screening").get_models())
EVIDENCE = [
    "accessevent",
    "assessment",
    "auditentry",
    "bundlefile",
    "clip",
    "clipmeasurement",
    "consent",
    "course",
    "courseresult",
    "event",
    "installation",
    "intake",
    "invitation",
    "modelbundle",
    "quarantinedobject",
    "review",
    "screening",
    "storesurvey",
    "upload",
    "uploadchunk",
]


@pytest.fixture
def admin_client(client_of: Callable[..., Client]) -> Client:
    """Signed in, and confirmed that it is they: what changes people asks for that."""
    client = client_of(make.AdminFactory())
    assert confirmed(client).session
    return client


def act(client: Client, model: type[Any], action: str, *rows: Any, **more: str) -> str:
    """Choose rows in a list and run an action; the page that follows."""
    address = reverse(f"admin:screening_{model._meta.model_name}_changelist")
    chosen = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(address, chosen, follow=True).content.decode()


def test_every_model_is_listed_and_searched(admin_client: Client) -> None:
    make.scored()
    make.read_together()
    for model in MODELS:
        assert admin.site._registry[model].search_fields, model
        address = reverse(f"admin:screening_{model._meta.model_name}_changelist")
        assert admin_client.get(address).status_code == 200
        assert admin_client.get(address, {"q": "P-2"}).status_code == 200
        for row in model._default_manager.all()[:1]:
            one = reverse(f"admin:screening_{model._meta.model_name}_change", args=[row.pk])
            assert admin_client.get(one).status_code == 200


def test_evidence_is_read_only(admin_client: Client) -> None:
    make.scored()
    make.read_together()
    for name in EVIDENCE:
        model = apps.get_model("screening", name)
        assert admin_client.get(reverse(f"admin:screening_{name}_add")).status_code == 403, name
        for row in model._default_manager.all()[:1]:
            one = reverse(f"admin:screening_{name}_change", args=[row.pk])
            assert admin_client.post(one, {}).status_code == 403, name
            gone = reverse(f"admin:screening_{name}_delete", args=[row.pk])
            assert admin_client.post(gone, {"post": "yes"}).status_code == 403, name


def test_only_administrators(client_of: Callable[..., Client]) -> None:
    screening = make.draft()
    clinician = make.ClinicianFactory(site=screening.site)
    for user in (make.person(screening), clinician, None):
        assert client_of(user).get("/admin/screening/screening/").status_code == 302


def test_opening_a_case_is_noted(admin_client: Client) -> None:
    screening = make.draft()
    admin_client.get(reverse("admin:screening_screening_change", args=[screening.pk]))
    noted = AccessEvent.objects.get()
    assert (noted.action, noted.screening_id) == ("admin.screening.viewed", screening.pk)


def test_failed_clip_is_measured_again(admin_client: Client) -> None:
    clip = make.send(make.clip_of(make.draft(), "smile"))
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    measuring.fail(claim=claim, code="measuring_fault")
    act(admin_client, Clip, "measure_again", clip)
    clip.refresh_from_db()
    assert (clip.state, clip.attempts, clip.reason) == ("received", 0, "")
    page = act(admin_client, Clip, "measure_again", clip)
    assert "Only a failed clip can be measured again." in page


def test_bundles_live_in_the_admin(admin_client: Client) -> None:
    old, new = make.active_bundle(), make.BundleFactory()
    act(admin_client, ModelBundle, "run_in_the_shadow", new)
    new.refresh_from_db()
    assert new.status == "shadow"
    assert "activating another one" in act(admin_client, ModelBundle, "retire", old)
    act(admin_client, ModelBundle, "activate", new)
    assert dict(ModelBundle.objects.values_list("pk", "status")) == {
        old.pk: "retired",
        new.pk: "active",
    }
    act(admin_client, ModelBundle, "activate", old)
    assert ModelBundle.objects.get(status="active") == old
    assert AuditEntry.objects.filter(action="bundle.activated").count() == 3


def test_used_protocol_is_frozen_and_copied(admin_client: Client) -> None:
    screening = make.draft()
    used = screening.protocol
    one = reverse("admin:screening_protocol_change", args=[used.pk])
    assert admin_client.post(one, {"name": "Changed"}).status_code == 403
    act(admin_client, Protocol, "make_a_new_version", used)
    copy = Protocol.objects.get(slug=used.slug, version=2)
    assert list(copy.steps.values_list("expression", flat=True)) == ["rest", "smile"]
    page = reverse("admin:screening_protocol_change", args=[copy.pk])
    assert b'name="steps-0-instruction"' in admin_client.get(page).content


def test_published_consent_text_is_frozen_and_copied(admin_client: Client) -> None:
    first = ConsentForm.objects.get()
    one = reverse("admin:screening_consentform_change", args=[first.pk])
    assert admin_client.post(one, {"title": "Changed", "text": "x"}).status_code == 403
    screening = make.draft()
    act(admin_client, ConsentForm, "make_a_new_version", first)
    second = ConsentForm.objects.get(version=2)
    edited = reverse("admin:screening_consentform_change", args=[second.pk])
    assert admin_client.post(edited, {"title": "New", "text": "Words"}).status_code == 302
    act(admin_client, ConsentForm, "publish", second)
    with pytest.raises(make.WrongState) as asked_again:
        screenings.start(patient=screening.patient)
    assert asked_again.value.code == "consent_missing"
    assert Consent.objects.get().form == first


def test_patient_is_erased_from_the_admin_once_that_was_typed(admin_client: Client) -> None:
    patient = make.scored().patient
    before = Screening.objects.get().state
    asked = act(admin_client, Patient, "erase_for_good", patient)
    assert patient.pseudonym in asked
    assert 'name="typed"' in asked
    for typed in ("", "yes", "erase"):
        act(admin_client, Patient, "erase_for_good", patient, typed=typed)
        row = Screening.objects.get()
        assert (row.state, row.patient.name) == (before, patient.name)
    done = act(admin_client, Patient, "erase_for_good", patient, typed="ERASE")
    assert "erase for good, done" in done
    row = Screening.objects.get()
    assert (row.state, row.patient.name) == ("withdrawn", "")


def test_administrators_log_in_where_attempts_are_limited_and_a_second_factor_is_asked(
    client_of: Callable[..., Client],
) -> None:
    boss = make.AdminFactory()
    client = client_of(None)
    page = reverse("admin:login")
    typed = {"username": boss.email, "password": make.PASSWORD, "next": "/admin/"}
    for answer in (client.get(page), client.post(page, typed)):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(reverse("account_login"))
    assert "_auth_user_id" not in client.session
    assert client_of(make.ClinicianFactory()).get(page).status_code == 403
    assert client_of(boss).get(page).headers["Location"] == reverse("admin:index")
