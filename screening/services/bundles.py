"""Model bundles: registered by digest, tried in the shadow, made active, retired, brought back.

A bundle whose files went with an update of the code has no path any more: it cannot be used until
it is registered again from where its files are, and what it still owed another one does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from screening.errors import Conflict, WrongState
from screening.models import ModelBundle, Screening, User
from screening.services import access, bundle_files, events, protocols
from screening.services.transitions import lock_screening, move

Status = ModelBundle.Status


def register(
    *,
    path: str,
    name: str,
    version: str,
    digest: str,
    sources: Sequence[Mapping[str, Any]],
    metadata: Mapping[str, Any],
    encoder: str = "",
    files: Sequence[bundle_files.Kept] = (),
    by: User | None = None,
) -> ModelBundle:
    """Make a bundle known. The same digest again brings back the row that is there.

    ``encoder``: digest of the image encoder that its intensity source needs, if it needs one;
    ``files``: its files in the store, where it does not ship with the code.
    The caller (``worker``, which may read bundles) has verified the files. Raises Conflict when
    name and version belong to another digest: identity is the digest, but a label must not mislead.
    """
    with transaction.atomic():
        if found := ModelBundle.objects.filter(digest=digest).first():
            # The directory may have moved with the installation; its content is the same. Once it
            # has files in the store it is served from there.
            bundle_files.note(found, files)
            if files or not found.files.exists():
                ModelBundle.objects.filter(pk=found.pk).update(path=path)
                found.path = path
            return found
        if ModelBundle.objects.filter(name=name, version=version).exists():
            raise Conflict(f"There is another bundle {name} {version} with other content.")
        bundle = ModelBundle.objects.create(
            path=path,
            name=name,
            version=version,
            digest=digest,
            sources=[dict(source) for source in sources],
            metadata=dict(metadata),
            encoder=encoder,
        )
        bundle_files.note(bundle, files)
        events.audit(by=by, action="bundle.registered", target=bundle, digest=digest)
    return bundle


def active() -> ModelBundle:
    """The bundle that new screenings are assessed with. Raises WrongState when there is none."""
    bundle = ModelBundle.objects.filter(status=Status.ACTIVE).first()
    if bundle is None:
        raise WrongState("No model is active. Please tell the clinic.", code="no_bundle")
    return bundle


def activate(*, by: User | None, bundle: ModelBundle) -> ModelBundle:
    """Make this one active and retire the one before; going back is activating the old one.

    ``by`` is None only for the installation itself (the first bundle). Raises WrongState for one
    that is active already, or whose files are gone.
    """
    if by is not None:
        access.require_administrator(by)
    _require_files(bundle)
    with transaction.atomic():
        # All rows are locked, not the active one alone: else two first activations would not meet.
        locked = ModelBundle.objects.select_for_update().order_by("pk")
        for before in [one for one in locked if one.status == Status.ACTIVE and one != bundle]:
            move(before, expected=[Status.ACTIVE], status=Status.RETIRED)
            events.audit(by=by, action="bundle.retired", target=before)
        move(
            bundle,
            expected=[Status.REGISTERED, Status.SHADOW, Status.RETIRED],
            detail="This bundle is active already.",
            status=Status.ACTIVE,
            activated_at=timezone.now(),
        )
        protocols.offer_what_is_read(bundle)
        events.audit(by=by, action="bundle.activated", target=bundle)
    return bundle


def set_shadow(*, by: User | None, bundle: ModelBundle) -> ModelBundle:
    """Let this one assess beside the active bundle; patients never see what it says."""
    if by is not None:
        access.require_administrator(by)
    _require_files(bundle)
    with transaction.atomic():
        move(
            bundle,
            expected=[Status.REGISTERED, Status.RETIRED],
            detail="Only a registered or retired bundle can become a shadow.",
            status=Status.SHADOW,
            **ModelBundle.UNTRIED,
        )
        events.audit(by=by, action="bundle.shadowed", target=bundle)
    return bundle


def retire(*, by: User, bundle: ModelBundle) -> ModelBundle:
    """Stop using a registered or shadow bundle. The active one is retired by activating another."""
    access.require_administrator(by)
    with transaction.atomic():
        move(
            bundle,
            expected=[Status.REGISTERED, Status.SHADOW],
            detail="The active bundle is retired by activating another one.",
            status=Status.RETIRED,
        )
        events.audit(by=by, action="bundle.retired", target=bundle)
    return bundle


def files_gone(*, bundle: ModelBundle) -> None:
    """An update of the code took this bundle's files away: it has no path any more, and does not go
    on as a shadow. Another one has been made active before."""
    with transaction.atomic():
        ModelBundle.objects.filter(pk=bundle.pk).update(path="")
        ModelBundle.objects.filter(pk=bundle.pk, status=Status.SHADOW).update(status=Status.RETIRED)
        events.audit(by=None, action="bundle.files_gone", target=bundle)


def repin_to_active() -> int:
    """Screenings that wait for the result of a bundle without files get the active one's instead;
    returns how many. What was scored stays as it is."""
    waiting = Screening.objects.filter(state=Screening.State.SUBMITTED, bundle__path="")
    found = list(waiting.values_list("pk", flat=True))
    if not found:
        return 0
    bundle, repinned = active(), 0
    for screening_id in found:
        with transaction.atomic():
            locked = lock_screening(screening_id)
            before = locked.bundle
            rows = Screening.objects.filter(pk=locked.pk, state=Screening.State.SUBMITTED)
            if before is None or not rows.update(bundle=bundle, **Screening.UNTRIED):
                continue
            events.audit(
                by=None,
                action="screening.repinned",
                target=locked,
                before=str(before),
                after=str(bundle),
            )
            repinned += 1
    return repinned


def _require_files(bundle: ModelBundle) -> None:
    if not ModelBundle.objects.filter(pk=bundle.pk).exclude(path="").exists():
        raise WrongState(
            f"The files of {bundle} went with an update. Register it again from where its directory"
            " still is: python manage.py register_bundle DIR."
        )
