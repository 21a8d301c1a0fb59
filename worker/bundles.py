"""Bundles on disk become rows: verified in the measuring process, stored by the service.

One that ships with the code is served from there. Of any other the files are copied into the store
when it is registered, and fetched from it by each machine that serves it: the folder it came from
may be moved, trained over or deleted afterwards.
"""

import logging
from pathlib import Path
from typing import Any

from django.conf import settings

from screening.errors import Conflict, DomainError, Unavailable
from screening.models import ModelBundle
from screening.services import bundle_files, bundles
from worker.errors import MeasuringError, MeasuringFault
from worker.pool import Urgency, measuring_pool

logger = logging.getLogger(__name__)

DESCRIBE_SECONDS = 60.0
#: Where a machine keeps the bundles that it has fetched from a store elsewhere.
CACHE = "bundles"
#: Digests of active bundles whose files this process could not read, for ``/readyz``.
unreadable: set[str] = set()


def register(folder: Path | None = None) -> ModelBundle:
    """Registers the bundle in ``folder``, or the default one, after verifying all its files.

    Raises ``worker.errors.MeasuringFault`` with the sentence to show when it cannot be read, and
    Conflict, StoreAway or NoRoom when it cannot be copied.
    """
    return _registered(_describe(str(folder) if folder else _default_path()))


def _registered(found: dict[str, Any]) -> ModelBundle:
    folder = Path(found["path"]).resolve()
    shipped = (settings.ROOT / bundle_files.SHIPPED).resolve()
    if folder.parent == shipped:
        return bundles.register(**{**found, "path": str(bundle_files.SHIPPED / folder.name)})
    files = bundle_files.keep(folder=folder, digest=found["digest"])
    path = bundle_files.folder_key(found["digest"])
    return bundles.register(**{**found, "path": path, "files": files})


def folder_of(path: str, digest: str) -> Path:
    """Where this machine has a bundle's files; fetched now where it has not.

    Raises MeasuringFault where the store does not have them, StoreAway where that is not known.
    """
    row = ModelBundle.objects.filter(digest=digest).first()
    if row is None:
        return Path(settings.ROOT / path)
    try:
        local = bundle_files.local(row, settings.VAR / CACHE)
    except (FileNotFoundError, Conflict) as error:
        # As the science says it of a folder: the bundle is at fault, and no clip.
        raise MeasuringFault("bundle", f"the store does not have {row}: {error}") from error
    return (local or Path(settings.ROOT / path)).resolve()


def ensure_active() -> ModelBundle:
    """The active bundle; the default one at the first start, or when that was replaced by a newer.

    One that an administrator chose stays active even where its files cannot be read: another model
    would give other results. The log and this process's ``/readyz`` name it; its work stays due.
    A bundle that shipped and went with an update is marked so; what it still owed, the active one
    does at the next sweep.
    """
    for outside in ModelBundle.objects.filter(files=None).exclude(path=""):
        _adopt(outside)
    bundle = _active_or_default()
    for gone in ModelBundle.objects.exclude(pk=bundle.pk):
        is_shipped = Path(gone.path).parent == bundle_files.SHIPPED
        if is_shipped and not (settings.ROOT / gone.path).is_dir():
            bundles.files_gone(bundle=gone)
            logger.info("the files of %s are gone: an update replaced it", gone)
    return bundle


def ensure_shadow() -> None:
    """The experimental bundle that ships runs in the shadow from the first start on, unless the
    installation wants none (``MIMIA_SECOND_OPINION``) or an administrator took it out of there.

    To be called before :func:`ensure_active`, which retires what an update took the files of. That
    there is none is said in the log and stops nothing.
    """
    if not settings.SECOND_OPINION:
        return
    try:
        found = _describe(shadow=True)
        before = ModelBundle.objects.filter(name=found["name"]).order_by("created_at").last()
        if before is None or _gives_way(before, found["digest"]):
            bundle = _registered(found)
            bundles.set_shadow(by=None, bundle=bundle)
            logger.info("%s assesses in the shadow", bundle)
    except (MeasuringError, DomainError) as error:
        logger.error("no experimental second opinion: %s", error)


def _gives_way(bundle: ModelBundle, digest: str) -> bool:
    """To its later version: it runs, and is another one."""
    return bool(bundle.status == ModelBundle.Status.SHADOW and bundle.digest != digest)


def _adopt(bundle: ModelBundle) -> None:
    """A bundle that was registered before bundles were copied, and still is where it was."""
    folder = settings.ROOT / bundle.path
    if Path(bundle.path).parent == bundle_files.SHIPPED or not folder.is_dir():
        return
    try:
        found = _describe(str(folder))
        if found["digest"] != bundle.digest:
            logger.error("%s is not in %s any more: another one is", bundle, folder)
            return
        _registered(found)
        logger.info("%s is in the store now; %s is not needed any more", bundle, folder)
    except (MeasuringFault, Conflict, Unavailable) as error:
        logger.error("the files of %s were not copied from %s: %s", bundle, folder, error)


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


def _describe(path: str = "", *, shadow: bool = False) -> dict[str, Any]:
    """What the bundle at ``path`` says of itself; without one, that of the one that ships, or of
    its ``shadow``. Raises MeasuringFault when it cannot be read."""
    folder = str(Path(path).resolve()) if path else ""
    reads = [Path(folder)] if folder else []
    with measuring_pool().lend(Urgency.ASSESS) as process:
        what = {"path": folder, "shadow": shadow}
        return process.ask("describe_bundle", what, seconds=DESCRIBE_SECONDS, reads=reads)


def _still_there(bundle: ModelBundle) -> bool:
    try:
        found = _describe(str(folder_of(bundle.path, bundle.digest)))
    except MeasuringFault as error:
        logger.warning("the active bundle cannot be read: %s", error)
        return False
    return bool(found["digest"] == bundle.digest)
