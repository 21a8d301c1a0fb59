"""Versions of protocols and consent texts: a used one is frozen, a change is a new version."""

import logging
from typing import Any

from django.apps.registry import Apps
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from screening.errors import NotFound, WrongState
from screening.models import (
    ConsentForm,
    Course,
    ModelBundle,
    Protocol,
    ProtocolStep,
    Screening,
    User,
)
from screening.services import access, events
from vocabulary.expressions import ASKED, Expression

logger = logging.getLogger(__name__)

#: The protocol that asks for every expression.
COMPLETE = "standard"
#: The protocol that asks for what the model reads, and for nothing else.
READ = "quick"


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
        version = protocols.create(version=newest.version + 1, **_head_of(newest))
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
    """Whether a screening or a course followed this version: from then on it cannot change."""
    return (
        Screening.objects.filter(protocol=protocol).exists()
        or Course.objects.filter(protocol=protocol).exists()
    )


def default() -> Protocol:
    """What a new site follows: just what the active model reads, or the quick protocol's newest
    version where no model is active or none asks for that."""
    versions = list(Protocol.objects.filter(slug=READ).order_by("-version"))
    if not versions:
        raise NotFound("There is no protocol to begin with.")
    bundle = ModelBundle.objects.filter(status=ModelBundle.Status.ACTIVE).first()
    wanted = _read_by(bundle) if bundle is not None else []
    return next((one for one in versions if _asks(one) == set(wanted)), versions[0])


def for_research(protocol: Protocol) -> list[str]:
    """The expressions that it asks for and the active model does not read: they count for nobody's
    result. Empty where that is not known."""
    bundle = ModelBundle.objects.filter(status=ModelBundle.Status.ACTIVE).first()
    read = _read_by(bundle) if bundle is not None else []
    asked = [step.expression for step in protocol.steps.all()]
    return [one for one in asked if one not in read] if read else []


def offer_what_is_read(bundle: ModelBundle) -> None:
    """Make a next version of the quick protocol where none asks for just what this model reads, so
    that every recording counts. No site uses it yet."""
    wanted = _read_by(bundle)
    versions = list(Protocol.objects.filter(slug=READ).order_by("-version"))
    if not wanted or not versions or any(_asks(one) == set(wanted) for one in versions):
        return
    newest = versions[0]
    known = {step.expression: _step_of(step) for step in newest.steps.all()}
    steps = [known.get(e) or {"expression": e, **_first_words(Expression(e))} for e in wanted]
    version = Protocol.objects.create(version=newest.version + 1, **_head_of(newest))
    ProtocolStep.objects.bulk_create(
        ProtocolStep(protocol=version, order=order, **fields)
        for order, fields in enumerate(steps, start=1)
    )
    logger.info("%s %d asks for what %s reads", READ, version.version, bundle)


def _read_by(bundle: ModelBundle) -> list[str]:
    """Rest, against which everything is measured, and what the model reads, in the order in which
    it is asked for; nothing where the model does not say what it reads."""
    read = bundle.metadata.get("expressions") or ()
    return [str(e) for e in ASKED if e == Expression.REST or e in read] if read else []


def _asks(protocol: Protocol) -> set[str]:
    return {step.expression for step in protocol.steps.all()}


def _head_of(protocol: Any) -> dict[str, Any]:
    """What a next version takes over, apart from its steps."""
    names = ("slug", "name", "follow_up", "least_sessions", "most_sessions")
    # Migrated back to before there were courses, there is less.
    return {name: getattr(protocol, name) for name in names if hasattr(protocol, name)}


def is_form_used(form: ConsentForm) -> bool:
    """Whether somebody accepted this text: from then on it cannot change."""
    return form.consents.exists()


def new_version(*, by: User, protocol: Protocol) -> Protocol:
    """A copy with the next number and the same steps, free to be edited. No site uses it yet."""
    access.require_administrator(by)
    with transaction.atomic():
        rows = Protocol.objects.filter(slug=protocol.slug)
        newest = rows.aggregate(newest=Max("version"))["newest"]
        copy = Protocol.objects.create(version=newest + 1, **_head_of(protocol))
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
