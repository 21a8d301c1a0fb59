"""Which objects of the store the rows name, asked a page of keys at a time."""

from collections.abc import Iterator, Sequence

from django.db.models import Model
from django.utils import timezone

from screening.models import BundleFile, Clip, QuarantinedObject, UploadChunk
from screening.services import listing

#: Every column that names an object. A test fails when a model gains one that is not here.
COLUMNS: tuple[tuple[type[Model], str], ...] = (
    (Clip, "storage_key"),
    (Clip, "playback_key"),
    (UploadChunk, "storage_key"),
    (BundleFile, "storage_key"),
)
#: Keys in one question.
PAGE = 500


def keys(asked: Sequence[str]) -> set[str]:
    """Those of the asked keys that a row names."""
    return {key for page in range(0, len(asked), PAGE) for key in _named(asked[page : page + PAGE])}


def _named(asked: Sequence[str]) -> Iterator[str]:
    models = [key for key in asked if key.startswith(f"{listing.BUNDLES}/")]
    others = [key for key in asked if not key.startswith(f"{listing.BUNDLES}/")]
    for model, column in COLUMNS:
        if keys := models if model is BundleFile else others:
            rows = model._default_manager.filter(**{f"{column}__in": keys})
            yield from rows.order_by().values_list(column, flat=True)


def quarantine_anew() -> None:
    """What waits in quarantine begins its time again."""
    QuarantinedObject.objects.filter(deleted_at__isnull=True).update(first_seen_at=timezone.now())
