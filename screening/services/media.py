"""Which of a clip's files people are shown, under which headers, and at which address.

Nothing of these headers comes from the one who sent the file. A film that no decoder of ours has
read is bytes of a stranger: it can be saved, and no browser shows it in our name.

An address is good for some minutes, for one person and one file of one clip: one that is copied,
mailed or logged opens nothing. At ours the permission is asked again for every part; where browsers
reach an S3 store, its own signed address takes the load off the site, and asking for it counts as
the view.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.urls import reverse

from screening import containers
from screening.errors import Gone, NotFound
from screening.models import Clip, User, Viewing
from screening.permissions import ViewClip
from screening.services import access, store

COPY_TYPE = "video/mp4"
UNREAD_TYPE = "application/octet-stream"
#: Whatever the bytes are: opened as a page they may do nothing, and they load nothing.
POLICY = "sandbox; default-src 'none'"
COPY, ORIGINAL = "copy", "original"


@dataclass(frozen=True)
class Film:
    """One stored file of a clip, and how it is served. ``plays``: a page may show it."""

    name: str
    key: str
    content_type: str
    plays: bool

    def headers(self) -> dict[str, str]:
        shown = "inline" if self.plays else "attachment"
        file_name = f"recording{containers.suffix(self.content_type)}"
        return {
            "Content-Type": self.content_type,
            "Content-Disposition": f'{shown}; filename="{file_name}"',
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }


@dataclass(frozen=True)
class Address:
    """``url`` is good for ``seconds`` from now."""

    url: str
    seconds: int
    plays: bool


def film_of(clip: Clip) -> Film:
    """The playback copy if there is one, else the original. Raises NotFound: nothing recorded."""
    return _copy(clip) if clip.playback_key else _original(clip)


def plays(clip: Clip) -> bool:
    """Whether a page may show this clip's film."""
    return bool(clip.storage_key) and film_of(clip).plays


def was_decoded(clip: Clip) -> bool:
    """Whether a measurement of this very file succeeded."""
    if clip.state == Clip.State.MEASURED:
        return True
    return clip.measurements.filter(clip_sha256=clip.sha256, state="measured").exists()


def address(*, by: User, clip: Clip) -> Address:
    """Where ``by`` gets this clip's film, for a while. Raises NotAllowed, NotFound."""
    access.require(ViewClip, by, clip)
    film = film_of(clip)
    seconds = settings.MEDIA_SECONDS
    url = store.address(film.key, seconds=seconds, headers=film.headers())
    if url is None:
        token = _signer(by, clip).sign(film.name)
        url = reverse("api-clip-media", args=[clip.pk, token])
    else:
        note_view(by=by, clip=clip)
    return Address(url, seconds, film.plays)


def opened(*, by: User, clip: Clip, token: str) -> Film:
    """The film that an address of ours means. Raises NotAllowed, NotFound (not signed for this
    person and clip), Gone (``address_expired``: another one can be had)."""
    access.require(ViewClip, by, clip)
    try:
        name = _signer(by, clip).unsign(token, max_age=settings.MEDIA_SECONDS)
    except signing.SignatureExpired as late:
        raise Gone("This address has expired. Ask for a new one.", code="address_expired") from late
    except signing.BadSignature as wrong:
        raise NotFound from wrong
    return _copy(clip) if name == COPY else _original(clip)


def note_view(*, by: User, clip: Clip) -> None:
    access.record_view(user=by, action=Viewing.VIDEO, screening=clip.screening, clip=clip)


def _copy(clip: Clip) -> Film:
    if not clip.playback_key:
        raise NotFound("There is no recording yet.")
    return Film(COPY, clip.playback_key, COPY_TYPE, plays=True)


def _original(clip: Clip) -> Film:
    if not clip.storage_key:
        raise NotFound("There is no recording yet.")
    if clip.mime_type in containers.CONTAINERS and was_decoded(clip):
        return Film(ORIGINAL, clip.storage_key, clip.mime_type, plays=True)
    return Film(ORIGINAL, clip.storage_key, UNREAD_TYPE, plays=False)


def _signer(by: User, clip: Clip) -> signing.TimestampSigner:
    """Signs the name of one of the clip's files for one person; neither stands in the address."""
    return signing.TimestampSigner(salt=f"screening.media {by.pk} {clip.pk}")
