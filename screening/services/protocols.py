"""Versions of protocols and consent texts: a used one is frozen, a change is a new version."""

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from screening.errors import WrongState
from screening.models import ConsentForm, Protocol, ProtocolStep, Screening, User
from screening.services import access, events


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
            ProtocolStep(
                protocol=copy,
                order=step.order,
                expression=step.expression,
                seconds=step.seconds,
                repetitions=step.repetitions,
                instruction=step.instruction,
            )
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
