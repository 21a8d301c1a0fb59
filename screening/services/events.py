"""Numbered events: appended by the writing transaction, read in order by pages and sockets.

Each stream has a counter row. The writer's update of it locks it until the commit, so a number
becomes visible only after all smaller ones, and a reader that remembers the last number it saw
misses nothing.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Model

from screening.errors import NotFound
from screening.live import notify
from screening.models import AuditEntry, Clip, Event, EventStream, Patient, Screening, Site, User
from screening.permissions import ActAsPatient, Actor, WorkAtSite

PAGE = 500


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


def last_number(*, stream: str) -> int:
    """The number of the newest committed event; 0 for a stream that has none yet."""
    found = EventStream.objects.filter(key=stream).values_list("last_number", flat=True).first()
    return found or 0


def readable_stream(*, user: Actor, name: str) -> str:
    """The key of the stream that ``name`` means for this user: ``patient`` or ``site:<id>``.

    Raises NotFound when there is none or the user may not read it. Sockets ask before every
    delivery.
    """
    if name == "patient" and isinstance(user, User):
        patient = ActAsPatient.filter(user, Patient.objects.all()).first()
        if patient is not None:
            return patient_stream(patient.pk)
    if name.startswith("site:"):
        try:
            site_id = UUID(name.removeprefix("site:"))
        except ValueError as wrong:
            raise NotFound from wrong
        if WorkAtSite.filter(user, Site.objects.filter(pk=site_id)).exists():
            return site_stream(site_id)
    raise NotFound


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
