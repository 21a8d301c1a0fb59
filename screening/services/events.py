"""Numbered events: appended by the writing transaction, read in order by pages and sockets.

Each stream has a counter row. The writer's update of it locks it until the commit, so a number
becomes visible only after all smaller ones, and a reader that remembers the last number it saw
misses nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Model, Q
from django.utils import timezone

from screening.errors import NotFound
from screening.live import notify
from screening.models import AuditEntry, Clip, Event, EventStream, Screening, User
from screening.permissions import ActAsPatient, Actor, WorkAtSite

PAGE = 500
#: Conditions in one query: databases bound the depth of an expression.
STREAMS_AT_ONCE = 100
PRUNED_AT_ONCE = 1000


def site_stream(site_id: UUID) -> str:
    return f"site:{site_id}"


def patient_stream(patient_id: UUID) -> str:
    return f"patient:{patient_id}"


def append(*, screening: Screening, kind: str, data: dict[str, Any] | None = None) -> None:
    """Append to the site's and the patient's stream; the sockets are told after the commit.

    Must run inside the transaction that makes the change, as its last step (lock order).
    """
    keys = [site_stream(screening.site_id), patient_stream(screening.patient_id)]
    body = {"screening": str(screening.pk), "state": screening.state, **(data or {})}
    for key in keys:
        Event.objects.create(stream_id=key, number=_next_number(key), kind=kind, data=body)
    transaction.on_commit(lambda: notify(keys))


def append_clip(*, clip: Clip, screening: Screening, state: str, kind: str = "") -> None:
    """A clip came into ``state``: ids, expression, state and reason, never a measurement."""
    data = {
        "clip": str(clip.pk),
        "expression": clip.step.expression,
        "state": state,
        "reason": clip.reason or None,
    }
    append(screening=screening, kind=kind or f"clip.{state}", data=data)


def after(*, stream: str, number: int, limit: int = PAGE) -> Sequence[Event]:
    """The events of ``stream`` with a number greater than ``number``, in order."""
    rows = Event.objects.filter(stream_id=stream, number__gt=number).order_by("number")
    return list(rows[:limit])


def is_complete_after(*, number: int, last: int, rows: Sequence[Event]) -> bool:
    """Whether ``rows`` begin with the event that follows ``number``.

    They do not where it was pruned, or where the stream has not reached that number: an older
    backup was restored. Whoever asked has to read everything anew.
    """
    if number >= last:
        return number == last
    return bool(rows) and rows[0].number == number + 1


def prune() -> int:
    """Delete some of what happened longer than ``EVENT_DAYS`` ago; returns how many events.

    A page that asks for them is told to reload. The oldest rows have the smallest keys: no index by
    time is needed, and a large backlog goes a little at each sweep.
    """
    until = timezone.now() - timedelta(days=settings.EVENT_DAYS)
    oldest = Event.objects.order_by("pk").values_list("pk", "created_at")[:PRUNED_AT_ONCE]
    old = [pk for pk, at in oldest if at < until]
    return Event.objects.filter(pk__in=old).delete()[0] if old else 0


def between(*, spans: Mapping[str, tuple[int, int]]) -> dict[str, list[Event]]:
    """For each stream the events after the first number up to the second, in order."""
    found: dict[str, list[Event]] = {key: [] for key in spans}
    keys = list(spans)
    for start in range(0, len(keys), STREAMS_AT_ONCE):
        wanted = Q()
        for key in keys[start : start + STREAMS_AT_ONCE]:
            after, upto = spans[key]
            wanted |= Q(stream_id=key, number__gt=after, number__lte=upto)
        for event in Event.objects.filter(wanted).order_by("stream_id", "number"):
            found[event.stream_id].append(event)
    return found


def last_number(*, stream: str) -> int:
    """The number of the newest committed event; 0 for a stream that has none yet."""
    return last_numbers(streams=[stream])[stream]


def last_numbers(*, streams: Iterable[str]) -> dict[str, int]:
    """The same for many streams in one query."""
    numbers = dict.fromkeys(streams, 0)
    rows = EventStream.objects.filter(pk__in=list(numbers))
    return numbers | dict(rows.values_list("key", "last_number"))


def readable_stream(*, user: Actor, name: str) -> str:
    """The key of the stream that ``name`` means for this user: ``patient`` or ``site:<id>``.

    Raises NotFound when there is none or the user may not read it.
    """
    wish = (user.pk or 0, name)
    key = readable_streams(wishes=[wish])[wish]
    if key is None:
        raise NotFound
    return key


def readable_streams(*, wishes: Iterable[tuple[int, str]]) -> dict[tuple[int, str], str | None]:
    """For each wish (a user's id and ``patient`` or ``site:<id>``) the key; None: not theirs.

    Two queries for any number of people: the sockets ask for all of theirs at once.
    """
    asked = set(wishes)
    patients = ActAsPatient.holders(user for user, name in asked if name == "patient")
    sites = WorkAtSite.holders(user for user, name in asked if name != "patient")

    def key_of(user: int, name: str) -> str | None:
        if name == "patient":
            return patient_stream(patients[user]) if user in patients else None
        site = _site_id(name)
        return site_stream(site) if site and (user, site) in sites else None

    return {(user, name): key_of(user, name) for user, name in asked}


def _site_id(name: str) -> UUID | None:
    try:
        return UUID(name.removeprefix("site:")) if name.startswith("site:") else None
    except ValueError:
        return None


def audit(*, by: User | None, action: str, target: Model, **data: str | int | None) -> None:
    """A line in the audit trail: who did what to which row. Pseudonyms and ids only."""
    audit_named(by=by, action=action, target=f"{target._meta.model_name}:{target.pk}", **data)


def audit_named(*, by: User | None, action: str, target: str, **data: str | int | None) -> None:
    """The same about something that is no row, such as an account that does not exist."""
    AuditEntry.objects.create(actor=by, action=action, target=target, data=data)


def _next_number(key: str) -> int:
    rows = EventStream.objects.filter(key=key)
    if not rows.update(last_number=F("last_number") + 1):
        EventStream.objects.get_or_create(key=key)
        rows.update(last_number=F("last_number") + 1)
    return rows.values_list("last_number", flat=True).get()
