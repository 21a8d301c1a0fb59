"""Bundles on disk become rows: verified in the measuring process, stored by the service."""

import logging
from pathlib import Path
from typing import Any

from django.conf import settings

from screening.models import ModelBundle
from screening.services import bundles
from worker.pool import Urgency, measuring_pool

logger = logging.getLogger(__name__)

DESCRIBE_SECONDS = 60.0
#: Where the bundles that ship are, in the code: an update may take one away.
SHIPPED = Path("ml/bundles")
#: Digests of active bundles whose files this process could not read, for ``/readyz``.
unreadable: set[str] = set()


def register(folder: Path | None = None) -> ModelBundle:
    """Registers the bundle in ``folder``, or the default one, after verifying all its files.

    Raises ``worker.errors.MeasuringFault`` with the sentence to show when it cannot be read.
    """
    found = _describe(str(folder) if folder else _default_path())
    return bundles.register(**{**found, "path": _relative_to_code(found["path"])})


def ensure_active() -> ModelBundle:
    """The active bundle; the default one at the first start, or when that was replaced by a newer.

    One that an administrator chose stays active even where its files cannot be read: another model
    would give other results. The log and this process's ``/readyz`` name it; its work stays due.
    A bundle that shipped and went with an update is marked so; what it still owed, the active one
    does at the next sweep.
    """
    bundle = _active_or_default()
    for gone in ModelBundle.objects.exclude(pk=bundle.pk):
        is_shipped = Path(gone.path).parent == SHIPPED
        if is_shipped and not (settings.ROOT / gone.path).is_dir():
            bundles.files_gone(bundle=gone)
            logger.info("the files of %s are gone: an update replaced it", gone)
    return bundle


def _active_or_default() -> ModelBundle:
    active = ModelBundle.objects.filter(status=ModelBundle.Status.ACTIVE).first()
    if active is not None and _still_there(active):
        unreadable.discard(active.digest)
        return active
    if active is not None and active.name != _describe(_default_path())["name"]:
        unreadable.add(active.digest)
        logger.error("the active bundle %s cannot be read from %s", active, active.path)
        return active
    bundle = register()
    if bundle.status != ModelBundle.Status.ACTIVE:
        bundles.activate(by=None, bundle=bundle)
        logger.info("activated the bundle %s", bundle)
    return bundle


def _default_path() -> str:
    """Empty for the one that ships."""
    return str(settings.DEFAULT_BUNDLE or "")


def _describe(path: str) -> dict[str, Any]:
    """What the bundle at ``path`` says of itself. Raises MeasuringFault when it cannot be read."""
    folder = str(Path(path).resolve()) if path else ""
    reads = [Path(folder)] if folder else []
    with measuring_pool().lend(Urgency.ASSESS) as process:
        what = {"path": folder}
        return process.ask("describe_bundle", what, seconds=DESCRIBE_SECONDS, reads=reads)


def _still_there(bundle: ModelBundle) -> bool:
    from worker.errors import MeasuringFault

    try:
        found = _describe(str(settings.ROOT / bundle.path))
    except MeasuringFault as error:
        logger.warning("the active bundle cannot be read: %s", error)
        return False
    return bool(found["digest"] == bundle.digest)


def _relative_to_code(path: str) -> str:
    """A bundle that ships moves with the code; any other stays where it is."""
    folder = Path(path).resolve()
    root = settings.ROOT.resolve()
    return str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)
