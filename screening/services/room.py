"""How much may be kept: no disk is filled by one person, nor to its last byte by all together.

Two kinds of limit. *The reserve*: below so much free space no new bytes are taken, so that log-in,
reading, results and deletion, which need a little room of their own, go on. *A person's share*: the
films of one patient, the takes of one part, the uploads that stand open, and the pieces in which an
upload comes. Nothing that was acknowledged is ever dropped for room; who is refused keeps the take
and comes again.
"""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Sum

from screening.errors import NoRoom, Unavailable
from screening.models import Clip, Upload

NO_SPACE = (
    "There is no room for more recordings at the moment. This one is kept on your device and will "
    "be sent later."
)
SHARE_USED = (
    "Your recordings take all the room that there is for one person. This one is kept on your "
    "device. Please tell your clinic."
)
MANY_OPEN = "Several of your recordings are being sent already. This one follows."
CRUMBS = "This recording came in too many small pieces. It will be sent again in larger ones."
#: An upload may come in so many pieces, and in one more for each so many bytes.
PIECES = 200
BYTES_EACH = 64 * 1024
#: A person's share is looked at when an upload begins and whenever it has grown by so much.
SHARE_STEP = 8 * 1024 * 1024
#: With so little left a place is full, whatever the reserve.
FULL = 1024 * 1024


def require_space(size: int, *, is_finishing: bool = False) -> None:
    """Raises NoRoom where ``size`` more bytes would reach into the reserve.

    A recording that has arrived whole may use half of it for the moment in which its pieces are
    joined: finishing it is what gives their room back.
    """
    reserve = settings.RESERVE_BYTES // 2 if is_finishing else settings.RESERVE_BYTES
    short = [name for name, left in free().items() if left < _needed(name, size, reserve)]
    if short:
        raise NoRoom(NO_SPACE)


def below_reserve() -> dict[str, int]:
    """What is so full that no upload is taken: its name and its bytes left. For ``/readyz``."""
    reserve = max(settings.RESERVE_BYTES, FULL)
    return {name: left for name, left in free().items() if left < _needed(name, 0, reserve)}


def _needed(name: str, size: int, reserve: int) -> int:
    # A temporary folder is often small, and what lies in it is gone in a moment.
    return 2 * settings.UPLOAD_CHUNK_MAX_BYTES if name == "temporary folder" else size + reserve


def free() -> dict[str, int]:
    """Bytes left where recordings, rows and parts under way are written, as far as we can see it.

    A store on S3 and a database server have limits of their own, and answer when they are full.
    """
    folders = {"temporary folder": Path(tempfile.gettempdir())}
    with suppress(NotImplementedError):
        folders["store"] = Path(default_storage.path(""))
    if connection.vendor == "sqlite":
        folders["database"] = Path(connection.settings_dict["NAME"]).parent
    return {name: shutil.disk_usage(_existing(folder)).free for name, folder in folders.items()}


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def held(patient_id: UUID) -> int:
    """Bytes of this patient's films in the store, replaced ones and open uploads among them."""
    films = Clip.objects.filter(screening__patient=patient_id).exclude(storage_key="")
    coming = Upload.objects.filter(clip__screening__patient=patient_id, state=Upload.State.OPEN)
    return (films.aggregate(all=Sum("size"))["all"] or 0) + (
        coming.aggregate(all=Sum("offset"))["all"] or 0
    )


def require_share(patient_id: UUID, size: int) -> None:
    """Raises NoRoom where ``size`` more bytes are more than one person may keep."""
    if held(patient_id) + size > settings.PATIENT_MAX_BYTES:
        full = NoRoom(SHARE_USED, code="share_used")
        full.retry_after = 3600
        raise full


def require_few_open(patient_id: UUID, *, besides: UUID) -> None:
    """Raises Unavailable while uploads of this many other clips stand open."""
    rows = Upload.objects.filter(clip__screening__patient=patient_id, state=Upload.State.OPEN)
    if rows.exclude(clip=besides).count() >= settings.PATIENT_OPEN_UPLOADS:
        raise Unavailable(MANY_OPEN, code="many_open")


def has_grown(offset: int, size: int) -> bool:
    """Whether these bytes take an upload over a step at which the share is looked at again."""
    return offset // SHARE_STEP != (offset + size) // SHARE_STEP


def is_crumbs(upload: Upload) -> bool:
    """Whether an upload has come in more pieces than an honest one does."""
    return upload.chunks.count() >= PIECES + upload.offset // BYTES_EACH
