"""The files of models in the store: copied in when registered, fetched where a model is used.

A bundle that came from a folder of somebody's is served from its own copy, under its digest, so
that nothing done to that folder afterwards changes or stops a model. A bundle that ships with the
code is not copied: the code has it on every machine, and its row has no files.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files.storage import default_storage

from screening.errors import Conflict
from screening.models import BundleFile, ModelBundle
from screening.services import listing, store

#: Where the bundles that ship are, in the code: an update may take one away.
SHIPPED = Path("ml/bundles")
#: The file that names all others, with their SHA-256.
DESCRIPTION = "bundle.json"


@dataclass(frozen=True)
class Kept:
    """One file in the store, verified."""

    name: str
    storage_key: str
    size: int
    sha256: str


def folder_key(digest: str) -> str:
    return f"{listing.BUNDLES}/{digest}"


def keep(*, folder: Path, digest: str) -> list[Kept]:
    """Copy the bundle in ``folder`` into the store, and read back what is there.

    Repeating it is harmless: what lies there already is compared and left. The description goes
    last. Raises Conflict where the folder does not hold that bundle (any more), StoreAway, NoRoom.
    """
    described = json.loads((folder / DESCRIPTION).read_bytes())
    if described.get("digest") != digest:
        raise Conflict(f"{folder} does not hold the bundle {digest[:12]} any more.")
    wanted = dict(described["files"])
    wanted[DESCRIPTION] = _digest_of(folder / DESCRIPTION)
    return [_keep_file(folder, name, digest, sha256) for name, sha256 in wanted.items()]


def _keep_file(folder: Path, name: str, digest: str, sha256: str) -> Kept:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise Conflict(f"{folder} names a file outside of it: {name}.")
    key = f"{folder_key(digest)}/{name}"
    if digest_in_store(key) != sha256:
        if default_storage.exists(key):
            store.remove(key, why="another file than the bundle's: copied again")
        # FileExistsError: another process copies the same bundle; what it wrote is read below.
        with (folder / name).open("rb") as content, suppress(FileExistsError):
            store.put(key, content, durable=True)
        if digest_in_store(key) != sha256:
            raise Conflict(f"{folder / name} changed while it was copied; register it again.")
    return Kept(name, key, store.size(key), sha256)


def note(bundle: ModelBundle, files: Sequence[Kept]) -> None:
    """Remember which files of the store are the bundle's."""
    for one in files:
        BundleFile.objects.get_or_create(
            bundle=bundle,
            name=one.name,
            defaults={"storage_key": one.storage_key, "size": one.size, "sha256": one.sha256},
        )


def local(bundle: ModelBundle, cache: Path) -> Path | None:
    """The bundle's files as a folder of this machine; None where it has none in the store.

    A store on this machine is that folder; from any other they are fetched once, into ``cache``,
    verified, and put in place as a whole. Raises FileNotFoundError, StoreAway, and Conflict where
    the store has something else.
    """
    files = list(bundle.files.all())
    if not files:
        return None
    if _is_local():
        return Path(default_storage.path(folder_key(bundle.digest)))
    target = cache / bundle.digest
    if all(_has_size(target / one.name, one.size) for one in files):
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".part-") as part:
        fetched = Path(part) / "bundle"
        for one in files:
            _fetch(one, fetched / one.name)
        shutil.rmtree(target, ignore_errors=True)
        try:
            fetched.replace(target)
        except OSError:
            # Another process of this machine was quicker.
            if not target.is_dir():
                raise
    return target


def _fetch(file: BundleFile, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    store.fetch(file.storage_key, to)
    if _digest_of(to) != file.sha256:
        raise Conflict(f"The store has another file than {file.bundle}'s {file.name}.")


def fault(bundle: ModelBundle) -> str:
    """What is wrong with the bundle's files, in a few words; empty where nothing is known to be.

    On this machine's disk each is read whenever it was written to since it was last found right;
    in a remote store it must be there with its size, and who fetches it reads it.
    """
    files = list(bundle.files.all())
    if not files:
        return _fault_in_folder(bundle)
    for one in files:
        try:
            size = default_storage.size(one.storage_key)
        except FileNotFoundError:
            return f"{one.name} is missing"
        is_read = _is_local()
        if size != one.size or (
            is_read and not _is_right(Path(default_storage.path(one.storage_key)), one.sha256)
        ):
            return f"{one.name} was changed"
    return ""


def _fault_in_folder(bundle: ModelBundle) -> str:
    """Of a bundle that ships, or was registered before bundles were copied. Nothing can be known of
    it where this machine has no such folder: the site's image has no models."""
    folder = settings.ROOT / bundle.path
    is_shipped = Path(bundle.path).parent == SHIPPED
    if is_shipped and not (settings.ROOT / SHIPPED).is_dir():
        return ""
    if not folder.is_dir():
        is_mine = is_shipped or (Path(bundle.path).is_absolute() and _is_local())
        return "their folder is not there" if is_mine else ""
    try:
        described = json.loads((folder / DESCRIPTION).read_bytes())
        if described["digest"] != bundle.digest:
            return "their folder holds another bundle"
        for name, sha256 in described["files"].items():
            if not _is_right(folder / name, sha256):
                return f"{name} was changed"
    except FileNotFoundError as missing:
        return f"{Path(missing.filename).name} is missing"
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"{DESCRIPTION} was changed"
    return ""


#: Files that were read and found right: path and SHA-256, when they were written to, their inode.
_right: set[tuple[str, str, int, int]] = set()


def _is_right(path: Path, sha256: str) -> bool:
    found = path.stat()
    mark = (str(path), sha256, found.st_mtime_ns, found.st_ino)
    if mark not in _right and _digest_of(path) == sha256:
        _right.add(mark)
    return mark in _right


def digest_in_store(key: str) -> str | None:
    """SHA-256 of an object; None where there is none."""
    sha256 = hashlib.sha256()
    try:
        with store.reaching(), default_storage.open(key) as content:
            while block := content.read(store.BLOCK):
                sha256.update(block)
    except FileNotFoundError:
        return None
    return sha256.hexdigest()


def _is_local() -> bool:
    return getattr(default_storage, "bucket", None) is None


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _digest_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
