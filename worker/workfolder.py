"""Temporary folders that do not outlive their owner, not even one that was killed.

The owner holds a lock on a file in its folder; the kernel lets go of it when the process ends,
however it ends. Whoever starts next, and every sweep, removes the folders that nobody holds.
"""

import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "mimia-work-"
#: Not locked yet: renamed within a moment.
NEW_PREFIX = ".mimia-new-"
LOCK = ".held"


class WorkFolder:
    """An empty folder that only this user can open, until ``remove`` or the end of the process."""

    def __init__(self) -> None:
        made = Path(tempfile.mkdtemp(prefix=NEW_PREFIX))
        lock = _held(made / LOCK)
        self.path = made.rename(made.with_name(PREFIX + made.name.removeprefix(NEW_PREFIX)))
        self._finish = weakref.finalize(self, _remove, self.path, lock, os.getpid())

    def remove(self) -> None:
        """Removes it with all that is in it; a second time does nothing."""
        self._finish()


@contextmanager
def work_folder() -> Iterator[Path]:
    """A work folder for as long as the block runs."""
    folder = WorkFolder()
    try:
        yield folder.path
    finally:
        folder.remove()


def emptied(folder: Path) -> Path:
    """``folder``, new or without what was in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def remove_orphans() -> int:
    """Removes the folders of this user whose owners are gone; returns how many there were."""
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
            finally:
                os.close(lock)
    return removed


def _held(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _remove(path: Path, lock: int, owner: int) -> None:
    # A forked child has the object too; the folder is not its to remove.
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        os.close(lock)
