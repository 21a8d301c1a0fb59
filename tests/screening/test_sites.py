"""A clinic's settings are changed by administrators, and each change can be found again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as PlainClient
from django.urls import reverse

from screening.errors import NotAllowed
from screening.models import AuditEntry, Site
from screening.services import sites
from tests.screening import factories as make
from tests.screening.accounts import confirmed
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db


def form_of(site: Site, **changes: Any) -> dict[str, Any]:
    """What the admin's page of a clinic sends."""
    inline = {"TOTAL_FORMS": 0, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1000}
    return {
        "name": site.name,
        "contact": site.contact,
        "release_policy": site.release_policy,
        "pd_prevalence": "",
        "course_days": site.course_days,
        "protocol": str(site.protocol_id),
        **{f"memberships-{key}": value for key, value in inline.items()},
        **changes,
    }


def test_a_changed_policy_leaves_a_line_in_the_audit_trail(
    client_of: Callable[..., Client],
) -> None:
    site, other, admin = make.SiteFactory(), make.ProtocolFactory(), make.AdminFactory()
    client = confirmed(client_of(admin))
    page = reverse("admin:screening_site_change", args=[site.pk])
    first = site.protocol_id
    changes = {"release_policy": "at_once", "protocol": str(other.pk)}
    assert client.post(page, form_of(site, **changes)).status_code == 302
    site.refresh_from_db()
    assert (site.release_policy, site.protocol) == ("at_once", other)
    line = AuditEntry.objects.get(action="site.changed")
    assert (line.actor, line.target) == (admin, f"site:{site.pk}")
    assert line.data == {
        "release_policy": "after_review → at_once",
        "protocol_id": f"{first} → {other.pk}",
    }
    client.post(page, form_of(site, contact="Telephone 1"))
    assert Site.objects.get(pk=site.pk).contact == "Telephone 1"
    assert AuditEntry.objects.filter(action="site.changed").count() == 1

    made = form_of(Site(name="New", protocol=other))
    assert client.post(reverse("admin:screening_site_add"), made).status_code == 302
    assert AuditEntry.objects.get(action="site.made").data["release_policy"] == "after_review"


def test_only_administrators_change_a_clinic() -> None:
    site = make.SiteFactory()
    with pytest.raises(NotAllowed):
        sites.save(by=make.ClinicianFactory(site=site), site=site)


def test_a_form_that_was_open_too_long_is_refused_in_the_words_of_the_site() -> None:
    client = PlainClient(enforce_csrf_checks=True)
    client.force_login(make.PatientFactory().user)
    refused = client.post(reverse("consent"))
    assert refused.status_code == 403
    assert "it was open too long" in refused.content.decode()
