"""Replaced recordings go after a while: the row stays and says so, the file is removed."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from screening.models import Clip
from screening.services import events, installation, store
from screening.services.transitions import try_move

#: One turn of the sweeper removes no more than this; the next one goes on.
AT_ONCE = 200


def remove_old() -> int:
    """Remove the files of takes that were replaced ``SUPERSEDED_DAYS`` ago; returns how many.

    A take counts as replaced since its follower was made. Row first, then file: a crash between the
    two leaves a file without a row, which the survey finds. Each file is logged by the store.
    """
    if not installation.check().may_clean:
        return 0
    before = timezone.now() - timedelta(days=settings.SUPERSEDED_DAYS)
    follower = Clip.objects.filter(
        screening=OuterRef("screening"),
        step=OuterRef("step"),
        take__gt=OuterRef("take"),
        created_at__lte=before,
    )
    rows = Clip.objects.filter(Exists(follower), state=Clip.State.SUPERSEDED)
    old = list(rows.exclude(storage_key="").order_by("created_at")[:AT_ONCE])
    for clip in old:
        _remove(clip)
    return len(old)


def _remove(clip: Clip) -> None:
    keys = (clip.storage_key, clip.playback_key)
    gone = {"storage_key": "", "playback_key": "", "file_removed_at": timezone.now()}
    with transaction.atomic():
        if try_move(clip, expected=[Clip.State.SUPERSEDED], **gone):
            events.audit(by=None, action="clip.file_removed", target=clip)
            transaction.on_commit(lambda: store.remove(*keys, why="replaced long ago"))
