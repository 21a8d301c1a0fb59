"""The page of models: whom it counts, and whom it leaves out."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from screening.models import Patient, Screening
from screening.services import reviews
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


@pytest.mark.parametrize("change", [{"is_phantom": True}, {"state": "withdrawn"}])
def test_models_are_compared_without_phantoms_and_what_was_taken_back(
    client_of: Callable[..., Client], change: dict[str, object]
) -> None:
    kept, left_out = make.scored(), make.scored()
    Patient.objects.update(site=kept.site)
    Screening.objects.update(site=kept.site)
    clinician = client_of(make.ClinicianFactory(site=kept.site))
    for row, grade in ((kept, 1), (left_out, 3)):
        by = make.ClinicianFactory(site=kept.site)
        reviews.sign_off(by=by, screening=row, grade=grade)
    both = text_of(clinician.get(reverse("models")))
    assert "0.5 of 1" in both, "two grades, one pair, and the same index twice"
    Screening.objects.filter(pk=left_out.pk).update(**change)
    html = text_of(clinician.get(reverse("models")))
    assert "1 reviewed, 0 abstained" in html
    assert kept.patient.pseudonym in html
    assert left_out.patient.pseudonym not in html
