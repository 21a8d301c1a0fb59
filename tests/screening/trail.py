"""What an act leaves behind, for the tests that say it: see ``test_trail``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery.signals import before_task_publish
from django.db.models import Model

from screening.models import AuditEntry, Clip, Event, Patient, Screening, User
from tests.screening import factories as make


@dataclass
class Left:
    """``trail``: (action, actor, target, data); ``told``: (kind, data) of either stream."""

    trail: list[tuple[str, User | None, str, dict[str, Any]]] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


@contextmanager
def what_is_left(patient: Patient) -> Iterator[Left]:
    """Filled at the end with what happened inside."""
    left = Left()

    def publish(sender: str, body: Any, **_: Any) -> None:
        left.asked.append((sender, tuple(body[0])))

    known = set(AuditEntry.objects.values_list("pk", flat=True))
    last = dict.fromkeys((f"patient:{patient.pk}", f"site:{patient.site_id}"), 0)
    for event in Event.objects.filter(stream_id__in=last).order_by("number"):
        last[event.stream_id] = event.number
    before_task_publish.connect(publish)
    try:
        with make.committed():
            yield left
    finally:
        before_task_publish.disconnect(publish)
    for row in AuditEntry.objects.exclude(pk__in=known).order_by("created_at", "pk"):
        left.trail.append((row.action, row.actor, row.target, row.data))
    patients, sites = (
        [
            (event.kind, event.data)
            for event in Event.objects.filter(stream_id=key, number__gt=number).order_by("number")
        ]
        for key, number in last.items()
    )
    assert patients == sites, "both streams hear the same"
    left.told = patients


def named(row: Model) -> str:
    return f"{row._meta.model_name}:{row.pk}"


def of(screening: Screening, kind: str, state: str) -> tuple[str, dict[str, Any]]:
    return kind, {"screening": str(screening.pk), "state": state}


def of_clip(clip: Clip, state: str) -> tuple[str, dict[str, Any]]:
    told = {"clip": str(clip.pk), "expression": clip.step.expression, "reason": None}
    return f"clip.{state}", {"screening": str(clip.screening_id), "state": state, **told}


def is_as_stored(row: Model) -> bool:
    """Whoever was given the row reads the same in it as in the database."""
    fresh = type(row)._default_manager.get(pk=row.pk)
    return all(
        getattr(row, one.attname) == getattr(fresh, one.attname)
        for one in row._meta.concrete_fields
    )
