"""An update of a running site: sessions from before there were courses are put into some."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from screening.models import Course, Protocol, Screening, Site
from tests.screening import factories as make

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
BEFORE = "0017_viewing_choices"
JANUARY = datetime(2026, 1, 1, 12, tzinfo=UTC)


def before() -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate([("screening", BEFORE)])
    return executor.loader.project_state([("screening", BEFORE)]).apps


def update() -> None:
    """To the last one, whatever came since: the tests after these find the tables as they are."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("screening"))


@pytest.fixture
def old() -> Iterator[Any]:
    """The models as they were."""
    try:
        yield before()
    finally:
        update()


def session(old: Any, patient: Any, consent: Any, day: int, state: str = "withdrawn") -> Any:
    rows = old.get_model("screening", "Screening").objects
    made = rows.create(
        patient=patient,
        site=patient.site,
        protocol=patient.site.protocol,
        consent=consent,
        state=state,
    )
    rows.filter(pk=made.pk).update(created_at=JANUARY + timedelta(days=day))
    return made.pk


def test_old_sessions_are_put_into_courses_by_their_dates(old: Any) -> None:
    protocols = old.get_model("screening", "Protocol").objects
    sites = old.get_model("screening", "Site").objects
    own = protocols.create(slug="own", name="Our own")
    form = old.get_model("screening", "ConsentForm").objects.latest("version")
    held: list[list[Any]] = []
    for number, protocol in enumerate((protocols.get(slug="standard", version=1), own)):
        site = sites.create(name=f"Clinic {number}", protocol=protocol)
        patient = old.get_model("screening", "Patient").objects.create(
            site=site, pseudonym=f"P-OLD{number}"
        )
        consent = old.get_model("screening", "Consent").objects.create(
            patient=patient, form=form, scopes=["care"]
        )
        days = [0, 3, 13, 14, 20, 60]
        held.append([session(old, patient, consent, day) for day in reversed(days)][::-1])
    update()
    for ids in held:
        of = [Screening.objects.get(pk=pk).course for pk in ids]
        assert [of.index(one) for one in of] == [0, 0, 0, 3, 3, 5]
        assert of[3].opened_at == JANUARY + timedelta(days=14)
        assert of[3].closes_at == JANUARY + timedelta(days=28)
        assert of[0].protocol == Screening.objects.get(pk=ids[0]).protocol
    assert Course.objects.count() == 6
    assert not Screening.objects.filter(course=None).exists()
    assert set(Site.objects.values_list("course_days", flat=True)) == {14}


def test_a_clinics_own_protocols_stay_one_session_and_those_that_ship_go_on(old: Any) -> None:
    old.get_model("screening", "Protocol").objects.create(slug="own", name="Our own")
    update()
    standard, quick = (Protocol.objects.get(slug=slug, version=1) for slug in ("standard", "quick"))
    own = Protocol.objects.get(slug="own")
    assert (own.follow_up, own.least_sessions, own.most_sessions) == (None, 1, 1)
    assert (standard.follow_up, standard.least_sessions, standard.most_sessions) == (quick, 3, 5)
    assert (quick.follow_up, quick.least_sessions) == (None, 3)
    assert make.ProtocolFactory().least_sessions == 3
