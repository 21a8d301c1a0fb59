"""A folder of clips named by expression (``rest.mp4``, ``smile.webm``, …), or of such folders: the
sessions of one person."""

from collections.abc import Callable
from pathlib import Path

from vocabulary.expressions import ASKED
from worker.recording import MIME_TYPES, FileClip


class FolderError(Exception):
    """The folder cannot be screened; the message says why and what to do, in one line."""


def sessions(folder: Path, warn: Callable[[str], None]) -> dict[str, dict[str, FileClip]]:
    """The clips of each sub-folder that has any, by its name; none where ``folder`` itself holds
    clips, or where no sub-folder does. Raises :class:`FolderError` as :func:`read`."""
    entries = _entries(folder)
    if any(_expression(path) for path in entries):
        return {}
    inside = [path for path in entries if path.is_dir() and not path.name.startswith(".")]
    found = {
        path.name: read(path, lambda line, name=path.name: warn(f"{name}: {line}"))  # type: ignore[misc]
        for path in inside
        if any(_expression(clip) for clip in _entries(path))
    }
    for path in entries if found else ():
        if path.name not in found and not path.name.startswith("."):
            warn(f"ignored: {path.name} (not a folder of videos named by an expression)")
    return found


def read(folder: Path, warn: Callable[[str], None]) -> dict[str, FileClip]:
    """The clips by expression. Files with other names are told to ``warn`` and left alone.

    Raises :class:`FolderError`: no such folder, no clip with a known name, an expression twice.
    """
    entries = _entries(folder)
    found: dict[str, FileClip] = {}
    for path in entries:
        expression = _expression(path)
        if expression is None:
            if not path.name.startswith("."):
                warn(f"ignored: {path.name} (not a video named by an expression)")
            continue
        if expression in found:
            twice = found[expression].path.name
            raise FolderError(f"{expression} is there twice: {twice} and {path.name}; remove one")
        _check_readable(path)
        found[expression] = FileClip(path)
    if not found:
        raise FolderError(
            f"no clip in {folder} has a known name; name each by its expression: "
            + ", ".join(f"{name}.mp4" for name in ASKED)
        )
    return found


def _entries(folder: Path) -> list[Path]:
    if not folder.exists():
        raise FolderError(f"no such folder: {folder}; give the folder that holds the clips")
    if not folder.is_dir():
        raise FolderError(f"{folder} is a file; give the folder that holds the clips")
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise FolderError(f"{folder} cannot be read: {error.strerror}") from error


def _expression(path: Path) -> str | None:
    """The expression that a video file's name gives, in any case of letters; else None."""
    name = path.stem.lower()
    is_video = path.suffix.lower() in MIME_TYPES
    return name if is_video and name in ASKED and path.is_file() else None


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise FolderError(f"{path.name} cannot be read: {error.strerror}") from error
