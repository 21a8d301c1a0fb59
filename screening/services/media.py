"""Which of a clip's files people are shown, and the headers under which its bytes leave.

Nothing of these headers comes from the one who sent the file. A film that no decoder of ours has
read is bytes of a stranger: it can be saved, and no browser shows it in our name.
"""

from dataclasses import dataclass

from screening import containers
from screening.errors import NotFound
from screening.models import Clip

COPY_TYPE = "video/mp4"
UNREAD_TYPE = "application/octet-stream"
#: Whatever the bytes are: opened as a page they may do nothing, and they load nothing.
POLICY = "sandbox; default-src 'none'"


@dataclass(frozen=True)
class Film:
    """One stored file of a clip, and how it is served. ``plays``: a page may show it."""

    key: str
    content_type: str
    plays: bool

    def headers(self) -> dict[str, str]:
        shown = "inline" if self.plays else "attachment"
        name = f"recording{containers.suffix(self.content_type)}"
        return {
            "Content-Type": self.content_type,
            "Content-Disposition": f'{shown}; filename="{name}"',
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }


def film_of(clip: Clip) -> Film:
    """The playback copy if there is one, else the original. Raises NotFound: nothing recorded."""
    if clip.playback_key:
        return Film(clip.playback_key, COPY_TYPE, plays=True)
    if not clip.storage_key:
        raise NotFound("There is no recording yet.")
    if clip.mime_type in containers.CONTAINERS and was_decoded(clip):
        return Film(clip.storage_key, clip.mime_type, plays=True)
    return Film(clip.storage_key, UNREAD_TYPE, plays=False)


def was_decoded(clip: Clip) -> bool:
    """Whether a measurement of this very file succeeded."""
    if clip.state == Clip.State.MEASURED:
        return True
    return clip.measurements.filter(clip_sha256=clip.sha256, state="measured").exists()


def plays(clip: Clip) -> bool:
    """Whether a page may show this clip's film."""
    return bool(clip.storage_key) and film_of(clip).plays
