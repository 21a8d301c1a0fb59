"""Versions of protocols and consent texts: a used one is frozen, a change is a new version."""

import logging
from typing import Any

from django.apps.registry import Apps
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from screening.errors import WrongState
from screening.models import ConsentForm, Protocol, ProtocolStep, Screening, User
from screening.services import access, events
from vocabulary.expressions import ASKED, Expression

logger = logging.getLogger(__name__)

#: The protocol that asks for every expression.
COMPLETE = "standard"


def offer_new_expressions(*, apps: Apps, using: str) -> None:
    """Make a next version of the standard protocol where the code has learnt an expression that no
    version of it ever asked for. No site uses it yet: a clinic chooses its version.

    Called after each migration, with the models as they are then. An expression that a clinic has
    taken out stays out.
    """
    try:
        protocols: Any = apps.get_model("screening", "Protocol").objects.using(using)
        step: Any = apps.get_model("screening", "ProtocolStep")
    except LookupError:
        return  # migrated back to nothing
    rows = step.objects.using(using).filter(protocol__slug=COMPLETE)
    asked = set(rows.values_list("expression", flat=True))
    new = [expression for expression in ASKED if expression not in asked]
    newest = protocols.filter(slug=COMPLETE).order_by("-version").first()
    if newest is None or not new:
        return
    steps = [_step_of(row) for row in rows.filter(protocol=newest).order_by("order")]
    steps += [{"expression": str(e), **_first_words(e)} for e in new]
    with transaction.atomic(using=using):
        version = protocols.create(slug=COMPLETE, version=newest.version + 1, name=newest.name)
        step.objects.using(using).bulk_create(
            step(protocol=version, order=order, **fields)
            for order, fields in enumerate(steps, start=1)
        )
    logger.info("%s %d asks for %s as well", COMPLETE, version.version, ", ".join(new))


def _first_words(expression: Expression) -> dict[str, Any]:
    """What a step says that no clinic has written."""
    asking = expression.entry.asking
    return {name: getattr(asking, name) for name in ("seconds", "repetitions", "instruction")}


def _step_of(row: Any) -> dict[str, Any]:
    """What a step says, apart from its place."""
    names = ("expression", "seconds", "repetitions", "instruction")
    return {name: getattr(row, name) for name in names}


def is_used(protocol: Protocol) -> bool:
    """Whether a screening followed this version: from then on it cannot change."""
    return Screening.objects.filter(protocol=protocol).exists()


def is_form_used(form: ConsentForm) -> bool:
    """Whether somebody accepted this text: from then on it cannot change."""
    return form.consents.exists()


def new_version(*, by: User, protocol: Protocol) -> Protocol:
    """A copy with the next number and the same steps, free to be edited. No site uses it yet."""
    access.require_administrator(by)
    with transaction.atomic():
        rows = Protocol.objects.filter(slug=protocol.slug)
        newest = rows.aggregate(newest=Max("version"))["newest"]
        copy = Protocol.objects.create(slug=protocol.slug, version=newest + 1, name=protocol.name)
        ProtocolStep.objects.bulk_create(
            ProtocolStep(protocol=copy, order=step.order, **_step_of(step))
            for step in protocol.steps.all()
        )
        events.audit(by=by, action="protocol.new_version", target=copy, version=copy.version)
    return copy


def new_form_version(*, by: User, form: ConsentForm) -> ConsentForm:
    """An unpublished copy of a consent text with the next number."""
    access.require_administrator(by)
    with transaction.atomic():
        newest = ConsentForm.objects.aggregate(newest=Max("version"))["newest"]
        copy = ConsentForm.objects.create(version=newest + 1, title=form.title, text=form.text)
        events.audit(by=by, action="consent_form.new_version", target=copy, version=copy.version)
    return copy


def publish(*, by: User, form: ConsentForm) -> ConsentForm:
    """Make this text the one in force: patients are asked again before their next recording.

    Raises NotAllowed, WrongState (published before).
    """
    access.require_administrator(by)
    with transaction.atomic():
        rows = ConsentForm.objects.filter(pk=form.pk, published_at__isnull=True)
        if not rows.update(published_at=timezone.now()):
            raise WrongState("This text was published already.")
        events.audit(by=by, action="consent_form.published", target=form, version=form.version)
    form.refresh_from_db()
    return form
