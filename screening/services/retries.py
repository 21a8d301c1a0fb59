"""How often assessing is tried, and when again: nothing that fails stays due at every sweep.

An attempt at a screening is counted where it is claimed, so one that kills its worker counts too.
The wait doubles with each attempt. After the last one an administrator starts it again. A shadow
bundle that fails several times in a row is left alone for a while, then asked about one screening.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from screening import queue
from screening.errors import WrongState
from screening.models import Clip, ModelBundle, Screening, User
from screening.services import access, events
from screening.services.screenings import current_clips
from screening.services.transitions import lock_screening

logger = logging.getLogger(__name__)

#: From this attempt on people read that the result is delayed; those before may be bad luck.
DELAYED_AT = 4
#: About half a day of trying.
MOST_ATTEMPTS = 20
LONGEST_WAIT = timedelta(hours=1)
#: So many failures in a row are the shadow bundle's doing, and not one screening's.
SHADOW_FAILURES = 3
SHADOW_LONGEST_WAIT = timedelta(hours=6)
#: Long enough to stand in a queue; else every sweep would ask once more, until it is full of that.
PASSED_ON = timedelta(minutes=5)


def may_assess(screening_id: UUID) -> bool:
    """Count an attempt at a submitted screening. False when its attempts are used up."""
    with transaction.atomic():
        locked = lock_screening(screening_id)
        if locked.state != Screening.State.SUBMITTED:
            return True
        if locked.assess_attempts >= MOST_ATTEMPTS:
            return False
        attempt = locked.assess_attempts + 1
        Screening.objects.filter(pk=locked.pk).update(
            assess_attempts=attempt, assess_after=timezone.now() + wait(attempt, LONGEST_WAIT)
        )
        if attempt in (DELAYED_AT, MOST_ATTEMPTS):
            logger.error("screening %s: attempt %d to assess it", locked.pk, attempt)
        if attempt == DELAYED_AT:
            events.append(screening=locked, kind="screening.delayed")
    return True


def is_delayed(screening: Screening) -> bool:
    """Whether its clips are measured and the result does not come."""
    return screening.state == Screening.State.SUBMITTED and screening.assess_attempts >= DELAYED_AT


def due_now() -> Q:
    """Screenings with attempts left whose wait is over."""
    waited = Q(assess_after__isnull=True) | Q(assess_after__lte=timezone.now())
    return waited & Q(assess_attempts__lt=MOST_ATTEMPTS)


def assess_again(*, by: User, screening: Screening) -> Screening:
    """Give a submitted screening its attempts back and assess it (administrators).

    Raises NotAllowed, WrongState (not submitted, or its clips are not all done).
    """
    access.require_administrator(by)
    with transaction.atomic():
        locked = lock_screening(screening.pk)
        waiting = current_clips(locked).exclude(state__in=Clip.TERMINAL)
        if locked.state != Screening.State.SUBMITTED or waiting.exists():
            raise WrongState("Only a submitted screening with all clips done can be assessed.")
        Screening.objects.filter(pk=locked.pk).update(**Screening.UNTRIED)
        events.audit(by=by, action="screening.requeued", target=locked)
        queue.enqueue_on_commit(queue.ASSESS_SCREENING, str(locked.pk))
    return locked


def shadow_failed(*, bundle_id: UUID) -> None:
    """A shadow bundle could not assess: after some failures in a row it is left alone a while."""
    ModelBundle.objects.filter(pk=bundle_id).update(failures=F("failures") + 1)
    failures = ModelBundle.objects.values_list("failures", flat=True).get(pk=bundle_id)
    if failures >= SHADOW_FAILURES:
        rest_for = wait(failures - SHADOW_FAILURES + 1, SHADOW_LONGEST_WAIT)
        ModelBundle.objects.filter(pk=bundle_id).update(retry_after=timezone.now() + rest_for)


def shadow_worked(bundle_id: UUID) -> None:
    ModelBundle.objects.filter(pk=bundle_id, failures__gt=0).update(**ModelBundle.UNTRIED)


def shadows_to_ask() -> list[ModelBundle]:
    """The shadow bundles that are not left alone just now."""
    rows = ModelBundle.objects.filter(status=ModelBundle.Status.SHADOW)
    return list(rows.filter(Q(retry_after__isnull=True) | Q(retry_after__lte=timezone.now())))


def lease_shadow(
    *, bundle_id: UUID, seconds: float, held: datetime | None = None
) -> datetime | None:
    """The right to measure clips for a shadow, for ``seconds``: one task has it, of all workers.

    ``held``: the end of the lease that this task has, to go on with it. None when another has it.
    """
    now = timezone.now()
    until = now + timedelta(seconds=seconds)
    free = Q(measuring_until__isnull=True) | Q(measuring_until__lte=now)
    mine = Q(measuring_until=held) if held else free
    rows = ModelBundle.objects.filter(mine, pk=bundle_id)
    return until if rows.update(measuring_until=until) else None


def end_lease(*, bundle_id: UUID, held: datetime) -> None:
    rows = ModelBundle.objects.filter(pk=bundle_id, measuring_until=held)
    rows.update(measuring_until=None)


def goes_on(*, screening_id: UUID, seconds: float) -> None:
    """Clips are being measured for the bundle that owes the result: for ``seconds`` nobody else
    need begin."""
    until = timezone.now() + timedelta(seconds=seconds)
    rows = Screening.objects.filter(pk=screening_id, state=Screening.State.SUBMITTED)
    rows.filter(assess_after__lt=until).update(assess_after=until)


def passed_on(*, screening_id: UUID) -> None:
    """Another task was asked to measure for it: should that hint be lost, it is due again then."""
    rows = Screening.objects.filter(pk=screening_id, state=Screening.State.SUBMITTED)
    rows.update(assess_after=timezone.now() + PASSED_ON)


def rest(*, screening_id: UUID, seconds: float) -> None:
    """What it needs cannot be had just now: no attempt, and not again before ``seconds``."""
    rows = Screening.objects.filter(pk=screening_id, state=Screening.State.SUBMITTED)
    until = timezone.now() + timedelta(seconds=seconds)
    rows.filter(assess_attempts__gt=0).update(
        assess_attempts=F("assess_attempts") - 1, assess_after=until
    )


def got_on(*, screening_id: UUID) -> None:
    """One of those clips was measured: no attempt has failed so far."""
    rows = Screening.objects.filter(pk=screening_id, state=Screening.State.SUBMITTED)
    rows.update(assess_attempts=0)


def wait(attempt: int, longest: timedelta) -> timedelta:
    """One sweep, then twice as long each time."""
    # 2**12 sweeps are longer than any longest wait; without the limit the number overflows.
    return min(timedelta(seconds=settings.SWEEP_SECONDS) * 2 ** min(attempt - 1, 12), longest)
