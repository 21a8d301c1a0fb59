"""No word of a browser's becomes a header: types from a list, and bytes that are never a page."""

import base64
import hashlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from screening import containers
from screening.errors import UnknownContainer
from screening.models import Clip, Upload
from screening.services import media, uploads
from tests.screening import factories as make
from tests.screening.conftest import Client
from worker import recording

Clients = Callable[..., Client]
TUS = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_DEFER_LENGTH": "1"}
SCRIPT = b"<script>parent.planted = true</script>" * 20
HOSTILE = [
    "text/html",
    "text/javascript",
    "application/javascript",
    "image/svg+xml",
    "application/xhtml+xml",
    "text/html; video/webm",
    "video/webm, text/html",
    "video/webm\r\nX-Planted: 1",
    "video/webmé",
    "video/",
    "video",
    "x" * 5000,
    "application/octet-stream",
    "video/x-msvideo",
    "video/x-motion-jpeg",
    "multipart/x-mixed-replace",
    "video/webm; x*1=a; x*=b",
    "video/webm; x*=bogus'en'a",
]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("video/webm", "video/webm"),
        ('video/webm; codecs="vp8, opus"', "video/webm"),
        ("video/webm;codecs=vp9", "video/webm"),
        (" Video/MP4 ; codecs=avc1.42E01F", "video/mp4"),
        ("video/x-matroska;codecs=avc1", "video/x-matroska"),
        ("video/matroska", "video/x-matroska"),
        ("video/quicktime", "video/quicktime"),
        ("", ""),
        ("  ", ""),
        ('video/webm; x="<script>"', "video/webm"),
    ],
)
def test_a_container_is_kept_in_our_words(said: str, kept: str) -> None:
    assert containers.normalised(said) == kept


@pytest.mark.parametrize("said", HOSTILE)
def test_anything_else_is_refused(said: str) -> None:
    with pytest.raises(UnknownContainer):
        containers.normalised(said)


def in_metadata(said: str) -> str:
    return f"filetype {base64.b64encode(said.encode()).decode()}"


@pytest.mark.django_db
@pytest.mark.parametrize("said", HOSTILE)
def test_an_upload_of_something_else_is_refused_when_it_begins(
    client_of: Clients, said: str
) -> None:
    clip = make.clip_of(make.draft(), "smile")
    client = client_of(make.person(clip.screening))
    where = f"/api/v1/clips/{clip.pk}/uploads/"
    answer = client.post(where, HTTP_UPLOAD_METADATA=in_metadata(said), **TUS)
    assert (answer.status_code, answer.json()["code"]) == (415, "file_type")
    assert not Upload.objects.exists()
    clip.refresh_from_db()
    assert clip.state == "expected"


@pytest.mark.django_db
def test_every_type_that_a_command_gives_is_taken() -> None:
    for said in recording.MIME_TYPES.values():
        clip = make.clip_of(make.draft(), "smile")
        assert uploads.create(by=make.person(clip.screening), clip=clip, mime_type=said)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Clip, Upload])
def test_the_database_itself_takes_no_other_type(model: Any) -> None:
    clip = make.clip_of(make.draft(), "smile")
    uploads.create(by=make.person(clip.screening), clip=clip)
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(mime_type="text/html")


def sent(state: str, said: str = "video/webm", data: bytes = SCRIPT) -> Clip:
    """A clip with these bytes that ended in this state."""
    screening = make.draft()
    clip, by = make.clip_of(screening, "smile"), make.person(screening)
    upload = uploads.create(by=by, clip=clip, mime_type=said)
    uploads.append(by=by, upload=upload, offset=0, data=data)
    digest = hashlib.sha256(data).hexdigest()
    clip = uploads.complete(by=by, upload=upload, size=len(data), sha256=digest, announced={})
    if state == "copied":
        key = f"{clip.storage_key}.copy"
        default_storage.save(key, ContentFile(b"a copy"))
        Clip.objects.filter(pk=clip.pk).update(playback_key=key)
    elif state != "received":
        make.measure(clip, state, "not_a_video" if state == "unusable" else None)
    clip.refresh_from_db()
    return clip


@pytest.mark.django_db
@pytest.mark.parametrize("asked", ["", "bytes=0-", "bytes=1-", "bytes=-3", "bytes=99999-"])
@pytest.mark.parametrize(
    ("state", "said", "kind", "shown"),
    [
        ("received", "video/webm", "application/octet-stream", "attachment"),
        ("unusable", "video/mp4", "application/octet-stream", "attachment"),
        ("measured", "", "application/octet-stream", "attachment"),
        ("measured", "video/webm;codecs=vp8", "video/webm", "inline"),
        ("measured", "video/quicktime", "video/quicktime", "inline"),
        ("copied", "video/x-matroska", "video/mp4", "inline"),
    ],
)
def test_what_is_served_has_headers_of_ours(
    client_of: Clients, state: str, said: str, kind: str, shown: str, asked: str
) -> None:
    clip = sent(state, said)
    client = client_of(make.ClinicianFactory(site=clip.screening.site))
    ranges = {"HTTP_RANGE": asked} if asked else {}
    answer = client.get(f"/api/v1/clips/{clip.pk}/video/", follow=True, **ranges)
    name = f"recording{containers.suffix(kind)}"
    assert answer["Content-Type"] == kind
    assert answer["Content-Disposition"] == f'{shown}; filename="{name}"'
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    shown_there = client.get(f"/api/v1/clips/{clip.pk}/").json()
    assert shown_there["video_plays"] is (shown == "inline")


@pytest.mark.django_db
def test_a_measurement_of_another_file_opens_nothing() -> None:
    clip = sent("measured")
    assert media.film_of(clip).plays
    Clip.objects.filter(pk=clip.pk).update(state="superseded", sha256="0" * 64)
    clip.refresh_from_db()
    assert not media.film_of(clip).plays


STORED = {
    "text/html": "",
    "text/javascript": "",
    "": "",
    "video/webm;codecs=vp8": "video/webm",
    "VIDEO/MP4; codecs=avc1": "video/mp4",
    "video/x-motion-jpeg": "",
    "video/webm": "video/webm",
}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_update_neutralises_what_was_stored_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a site that took any type: its update changes them, then adds the constraint."""
    update = import_module("screening.migrations.0005_containers")
    rules = {
        model: next(c for c in model._meta.constraints if c.name.endswith("type_is_a_container"))
        for model in (Clip, Upload)
    }
    with connection.schema_editor() as editor, monkeypatch.context() as before:
        for model, rule in rules.items():
            others = [one for one in model._meta.constraints if one is not rule]
            before.setattr(model._meta, "constraints", others)
            editor.remove_constraint(model, rule)
    rows = {}
    for said in STORED:
        clip = make.clip_of(make.draft(), "smile")
        rows[said] = clip, uploads.create(by=make.person(clip.screening), clip=clip)
        Clip.objects.filter(pk=clip.pk).update(mime_type=said)
        Upload.objects.filter(clip=clip).update(mime_type=said)
    update.keep_containers_only(apps, None)
    with connection.schema_editor() as editor:
        for model, rule in rules.items():
            editor.add_constraint(model, rule)
    for said, pair in rows.items():
        for row in pair:
            row.refresh_from_db()
            assert row.mime_type == STORED[said]
