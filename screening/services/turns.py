"""Whose clip is measured next: patients take turns, so that nobody waits behind another's many.

A patient waits for a turn since the last one, or since the clip came when that was later. Whoever
has waited longest is next; of one patient's clips, the one that came first. So a newcomer waits for
one clip of everybody who was there before, however many each of them has sent.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from screening.models import Clip
from screening.permissions import stands

State = Clip.State
#: Turns older than this change nothing: every clip that waits came later.
REMEMBERED = timedelta(days=1)


def waiting() -> QuerySet[Clip]:
    """Clips to measure now, in the order of their turns: received ones, and those whose worker was
    not heard of for as long as its claim ran."""
    now = timezone.now()
    is_free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    taken = Clip.objects.filter(
        screening__patient=OuterRef("screening__patient"), claimed_at__gt=now - REMEMBERED
    )
    last_turn = taken.order_by().values("screening__patient").annotate(at=Max("claimed_at"))
    rows = Clip.objects.filter(is_free, state__in=[State.RECEIVED, State.MEASURING])
    return (
        rows.filter(stands("screening__"))
        .annotate(
            since=Greatest("received_at", Coalesce(Subquery(last_turn.values("at")), "received_at"))
        )
        .order_by("since", "received_at", "pk")
    )


def next_clip(*, without: list[UUID]) -> UUID | None:
    """The clip whose turn it is, but for those that were just found to be somebody else's."""
    return waiting().exclude(pk__in=without).values_list("pk", flat=True).first()
