"""The experimental bundle that ships assesses in the shadow, for clinicians, unless told not to."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from screening.models import ModelBundle, Screening
from tests.worker.people import PASSWORD, Session, make_clinician
from worker import bundles, steps
from worker.pool import MeasuringPool

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
Status = ModelBundle.Status


def shadow() -> ModelBundle:
    return ModelBundle.objects.get(name="drawn-curves")


def test_it_runs_in_the_shadow_from_the_first_start_on(pool: MeasuringPool) -> None:
    bundles.ensure_shadow()
    active = bundles.ensure_active()
    assert active.name == "fusion"
    assert (shadow().status, shadow().metadata["drawn"]) == (Status.SHADOW, True)
    bundles.ensure_shadow()
    assert ModelBundle.objects.count() == 2


def test_who_took_it_out_of_the_shadow_is_obeyed(pool: MeasuringPool, settings: Any) -> None:
    settings.SECOND_OPINION = False
    bundles.ensure_shadow()
    assert not ModelBundle.objects.exists()
    settings.SECOND_OPINION = True
    bundles.ensure_shadow()
    retired = shadow()
    ModelBundle.objects.filter(pk=retired.pk).update(status=Status.RETIRED)
    bundles.ensure_shadow()
    assert shadow().status == Status.RETIRED
    # Nor does a later version of it come back by itself.
    ModelBundle.objects.filter(pk=retired.pk).update(digest="0" * 64, version="0.0.1")
    bundles.ensure_shadow()
    assert [one.version for one in ModelBundle.objects.all()] == ["0.0.1"]


def test_an_update_brings_the_later_version(pool: MeasuringPool) -> None:
    bundles.ensure_shadow()
    old = shadow()
    gone = {"digest": "0" * 64, "version": "0.0.1", "path": "ml/bundles/drawn-curves-0.0.1"}
    ModelBundle.objects.filter(pk=old.pk).update(**gone)
    bundles.ensure_shadow()
    bundles.ensure_active()
    found = ModelBundle.objects.filter(name="drawn-curves").values_list("version", "status")
    assert dict(found) == {"0.0.1": Status.RETIRED, "0.1.0": Status.SHADOW}


def test_what_keeps_it_away_stops_nothing(
    pool: MeasuringPool, caplog: pytest.LogCaptureFixture
) -> None:
    bundles.ensure_shadow()
    ModelBundle.objects.update(digest="0" * 64)
    bundles.ensure_shadow()
    assert "no experimental second opinion: There is another bundle drawn-curves" in caplog.text
    assert bundles.ensure_active().name == "fusion"


def result(screening: Screening, email: str) -> Any:
    client = Client()
    assert client.login(username=email, password=PASSWORD)
    return client.get(f"/api/v1/screenings/{screening.pk}/assessment/").json()


def test_a_clinician_reads_what_it_says_and_a_patient_never_does(
    session: Session, pool: MeasuringPool
) -> None:
    bundles.ensure_shadow()
    bundles.ensure_active()
    for expression in ("rest", "smile"):
        steps.measure(session.send(expression).pk)
    screening = session.submit()
    make_clinician(session.site)
    assert steps.assess(screening.pk) == 2
    (said,) = result(screening, "clinician@example.org")["second_opinions"]
    assert said["bundle"] == {"name": "drawn-curves", "version": "0.1.0"}
    assert 0 < said["p_pd_lstm"] < 1, "it read the curves"
    # One expression of three is too little for it, as for the active one.
    assert said["abstained_words"].startswith("Too few of the expressions")
    assert said["auroc"]["low"] < said["auroc"]["value"] < said["auroc"]["high"]
    Screening.objects.filter(pk=screening.pk).update(state="released", released_at=timezone.now())
    assert "second_opinions" not in result(screening, session.user.email)
    # Out of the shadow, it is heard no more.
    ModelBundle.objects.filter(pk=shadow().pk).update(status=Status.RETIRED)
    assert result(screening, "clinician@example.org")["second_opinions"] == []
