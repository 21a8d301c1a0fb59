"""Who looked at what is noted, and who may not is told nothing."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from screening.errors import NotAllowed, NotFound
from screening.models import AccessEvent, Screening, Viewing
from screening.permissions import ViewScreening
from screening.services import access, screenings
from tests.screening import factories as make
from tests.screening.meanwhile import before

pytestmark = pytest.mark.django_db


def test_two_requests_of_one_player_note_one_view() -> None:
    screening = make.submitted()
    clip, by = make.clip_of(screening, "smile"), make.ClinicianFactory(site=screening.site)

    def view() -> None:
        access.record_view(user=by, action=Viewing.CLIP, screening=screening, clip=clip)

    with before('INTO "screening_accessevent"', view):
        view()
    assert AccessEvent.objects.filter(user=by, clip_id=clip.pk).count() == 1


def test_a_view_is_noted_once_in_a_quarter_of_an_hour() -> None:
    """With whose eyes, on what; each clip by itself; and nobody for what is their own."""
    screening = make.submitted()
    clips = list(screenings.current_clips(screening))
    by, other = (make.ClinicianFactory(site=screening.site) for _ in range(2))
    begin = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    for user, clip, minutes in (
        (by, None, 0),
        (by, None, 14.9),
        (by, None, 15),
        (by, clips[0], 0),
        (by, clips[0], 14.9),
        (by, clips[1], 0),
        (other, None, 0),
        (make.person(screening), None, 0),
    ):
        access.record_view(
            user=user,
            action=Viewing.CLIP if clip else Viewing.SCREENING,
            screening=screening,
            clip=clip,
            at=begin + timedelta(minutes=minutes),
        )
    rows = AccessEvent.objects.order_by("quarter", "created_at", "pk")
    case, first = str(Viewing.SCREENING), str(Viewing.CLIP)
    quarter = int(begin.timestamp()) // 900
    assert {row.screening_id for row in rows} == {screening.pk}
    assert Counter((row.user, row.action, row.clip_id, row.quarter - quarter) for row in rows) == {
        (by, case, None, 0): 1,
        (by, case, None, 1): 1,
        (by, first, clips[0].pk, 0): 1,
        (by, first, clips[1].pk, 0): 1,
        (other, case, None, 0): 1,
    }
    access.record_view(user=other, action=Viewing.SCREENING, screening=screening)
    now = AccessEvent.objects.latest("created_at")
    assert abs(now.quarter - int(timezone.now().timestamp()) // 900) <= 1


@pytest.mark.parametrize("key", ["no key at all", 7, None])
def test_what_is_no_key_is_nobodys(key: object) -> None:
    by = make.AdminFactory()
    with pytest.raises(NotFound):
        access.find(ViewScreening, by, Screening.objects.all(), key)


def test_who_is_nobody_may_nothing() -> None:
    for asks in (
        lambda: access.require(ViewScreening, None, make.draft()),
        lambda: access.require_administrator(None),
        lambda: access.require_administrator(make.ClinicianFactory()),
    ):
        with pytest.raises(NotAllowed):
            asks()
    access.require_administrator(make.AdminFactory())
