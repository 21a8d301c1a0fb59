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


def register(folder: Path | None = None) -> ModelBundle:
    """Registers the bundle in ``folder``, or the default one, after verifying all its files.

    Raises ``worker.errors.MeasuringFault`` with the sentence to show when it cannot be read.
    """
    path = str(folder or settings.DEFAULT_BUNDLE or "")
    with measuring_pool().lend(Urgency.ASSESS) as process:
        found = process.ask("describe_bundle", {"path": path}, seconds=DESCRIBE_SECONDS)
    return bundles.register(**{**found, "path": _relative_to_code(found["path"])})


def ensure_active() -> ModelBundle:
    """The active bundle; the default one at the first start, or when its files changed or went."""
    active = ModelBundle.objects.filter(status=ModelBundle.Status.ACTIVE).first()
    if active is not None and _still_there(active):
        return active
    bundle = register()
    if bundle.status != ModelBundle.Status.ACTIVE:
        bundles.activate(by=None, bundle=bundle)
        logger.info("activated the bundle %s", bundle)
    return bundle


def _still_there(bundle: ModelBundle) -> bool:
    from worker.errors import MeasuringFault

    what: dict[str, Any] = {"path": str(settings.ROOT / bundle.path)}
    try:
        with measuring_pool().lend(Urgency.ASSESS) as process:
            found = process.ask("describe_bundle", what, seconds=DESCRIBE_SECONDS)
    except MeasuringFault as error:
        logger.warning("the active bundle cannot be read: %s", error)
        return False
    return bool(found["digest"] == bundle.digest)


def _relative_to_code(path: str) -> str:
    """A bundle that ships moves with the code; any other stays where it is."""
    folder = Path(path).resolve()
    root = settings.ROOT.resolve()
    return str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)
