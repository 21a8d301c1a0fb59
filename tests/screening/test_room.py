"""No disk is filled by one: a person's share, a reserve for everybody, replaced takes that go."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.middleware.csrf import get_token
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import Settings

from screening.models import AuditEntry, Clip, Upload, UploadChunk
from screening.services import clips, room, superseded, uploads
from screening.services.screenings import current_clips
from tests.screening import factories as make
from tests.screening.conftest import Client
from tests.screening.test_uploads import DATA, OCTETS, TUS, Sender, Stored, sender
from webapp import health

__all__ = ["sender"]
pytestmark = pytest.mark.django_db
#: More than any disk has.
EVERYTHING = 2**60


def check_refused(answer: Any, code: str, status: int = 507) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert int(answer["Retry-After"]) > 0
    assert "device" in answer.json()["detail"] or status != 507
    assert answer["Tus-Resumable"] == "1.0.0"


def test_below_the_reserve_uploads_wait_and_all_else_goes_on(
    sender: Sender, stored: Stored, settings: Settings
) -> None:
    assert sender.patch(0, DATA[:100]).status_code == 204
    settings.RESERVE_BYTES = EVERYTHING
    check_refused(sender.patch(100, DATA[100:]), "no_room")
    assert sender.head()["Upload-Offset"] == "100", "what was acknowledged is still there"
    other = Sender(sender.client, make.clip_of(sender.clip.screening, "rest"))
    check_refused(other.create(), "no_room")
    assert sender.client.get("/api/v1/screenings/").status_code == 200
    assert "uploads are refused" in health._result("room", health._room)

    settings.RESERVE_BYTES = 0
    assert sender.patch(100, DATA[100:]).status_code == 204
    assert sender.complete().status_code == 200

    settings.RESERVE_BYTES = EVERYTHING
    assert other.client.post("/api/v1/consents/withdraw/").status_code == 204
    assert len(stored()) == 1


def test_deletion_goes_on_below_the_reserve(
    sender: Sender, stored: Stored, settings: Settings
) -> None:
    sender.patch(0)
    settings.RESERVE_BYTES = EVERYTHING
    assert sender.client.delete(sender.where, **TUS).status_code == 204
    assert stored() == []


def test_what_has_arrived_may_be_finished_from_half_the_reserve(
    sender: Sender, settings: Settings
) -> None:
    sender.patch(0)
    left = room.free()["store"]
    settings.RESERVE_BYTES = left + left // 2
    check_refused(sender.patch(len(DATA)), "no_room")
    assert sender.complete().status_code == 200


def test_one_person_has_a_share(sender: Sender, stored: Stored, settings: Settings) -> None:
    settings.PATIENT_MAX_BYTES = 2 * len(DATA)
    for _ in range(2):
        assert sender.patch(0).status_code == 204
        assert sender.complete().status_code == 200
        by = make.person(sender.clip.screening)
        sender.clip.refresh_from_db()
        sender.clip = clips.rerecord(by=by, clip=sender.clip)
        answer = sender.create(HTTP_UPLOAD_LENGTH=str(len(DATA)))
    check_refused(answer, "share_used")
    assert sender.create().status_code == 201, "its length is not known yet"
    assert len(stored()) == 2
    stranger = make.draft()
    assert make.send(make.clip_of(stranger, "smile")).state == "received"


def test_a_growing_upload_meets_the_share_too(
    sender: Sender, stored: Stored, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SHARE_STEP", 1000)
    settings.PATIENT_MAX_BYTES = 2500
    codes = [sender.patch(offset, b"x" * 500).status_code for offset in range(0, 3000, 500)]
    assert codes[:4] == [204] * 4
    assert codes[-1] in (409, 507)
    assert 507 in codes
    assert sum(UploadChunk.objects.values_list("size", flat=True)) <= 2500


def test_twenty_takes_of_one_part_and_no_more(sender: Sender, settings: Settings) -> None:
    settings.STEP_TAKES = 2
    clip = sender.clip
    for expected in (201, 422):
        assert make.send(clip).state == "received"
        answer = sender.client.post(f"/api/v1/clips/{clip.pk}/rerecord/")
        assert answer.status_code == expected
        if expected == 201:
            clip = Clip.objects.get(pk=answer.json()["id"])
    assert answer.json()["code"] == "takes_used"
    assert "The last recording counts" in answer.json()["detail"]


def test_few_uploads_stand_open_at_a_time(sender: Sender, settings: Settings) -> None:
    settings.PATIENT_OPEN_UPLOADS = 1
    other = Sender(sender.client, make.clip_of(sender.clip.screening, "rest"))
    check_refused(other.create(), "many_open", status=503)
    assert sender.create().status_code == 201, "the same clip takes the place of its own"
    sender.patch(0)
    assert sender.complete().status_code == 200
    assert other.create().status_code == 201


def test_a_recording_in_crumbs_is_begun_anew(sender: Sender, stored: Stored) -> None:
    """1,500 one-byte parts made 1,503 files. The page begins anew when an upload is gone."""
    most = 0
    for offset in range(1500):
        answer = sender.patch(offset, b"x")
        if answer.status_code != 204:
            break
        most = max(most, offset + 1)
    assert (answer.status_code, answer.json()["code"]) == (410, "many_pieces")
    assert most == room.PIECES
    assert stored() == []
    assert sender.create().status_code == 201
    assert sender.patch(0).status_code == 204
    assert sender.complete().status_code == 200


def test_small_parts_of_a_long_recording_are_honest(sender: Sender) -> None:
    """Two seconds of a dark, still picture are some kilobytes: a minute of them is thirty parts."""
    parts = [b"x" * 9_000] * 120
    for number, part in enumerate(parts):
        assert sender.patch(number * 9_000, part).status_code == 204
    assert sender.complete(b"".join(parts)).status_code == 200


def test_replaced_takes_go_after_their_time(
    sender: Sender, stored: Stored, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old = make.send(sender.clip)
    by = make.person(old.screening)
    new = make.send(clips.rerecord(by=by, clip=old))
    keys = {old.storage_key, new.storage_key}
    assert superseded.remove_old() == 0, "it was replaced a moment ago"
    assert set(stored()) == keys
    long_ago = timezone.now() - timedelta(days=settings.SUPERSEDED_DAYS, seconds=1)
    Clip.objects.filter(pk=new.pk).update(created_at=long_ago)
    Clip.objects.filter(pk=old.pk).update(created_at=long_ago)
    with make.committed():
        assert superseded.remove_old() == 1
    assert superseded.remove_old() == 0
    assert stored() == [new.storage_key]
    assert old.storage_key in caplog.text
    old.refresh_from_db()
    assert (old.state, old.storage_key) == ("superseded", "")
    assert old.file_removed_at is not None
    assert AuditEntry.objects.filter(action="clip.file_removed", target=f"clip:{old.pk}").exists()
    assert new in current_clips(new.screening)


def test_post_stands_for_patch_and_delete_where_a_proxy_blocks_them(
    sender: Sender, stored: Stored
) -> None:
    def override(method: str, offset: int = 0, data: bytes = DATA) -> Any:
        return sender.client.post(
            sender.where,
            data,
            content_type=OCTETS,
            HTTP_X_HTTP_METHOD_OVERRIDE=method,
            HTTP_UPLOAD_OFFSET=str(offset),
            **TUS,
        )

    answer = override("PATCH", 0, DATA[:100])
    assert (answer.status_code, answer["Upload-Offset"]) == (204, "100")
    assert override("patch", 100, DATA[100:]).status_code == 204
    for other in ("", "GET", "HEAD", "PUT", "POST"):
        assert override(other).status_code == 405
    assert override("DELETE").status_code == 204
    assert stored() == []
    elsewhere = sender.client.post("/api/v1/me/", HTTP_X_HTTP_METHOD_OVERRIDE="GET")
    assert elsewhere.status_code == 405, "only at tus addresses"


def test_a_post_in_place_of_patch_needs_its_csrf_token(sender: Sender) -> None:
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(make.person(sender.clip.screening))
    token = get_token(RequestFactory().get("/"))
    upload = Upload.objects.get()

    def send(**headers: str) -> int:
        answer = checked.post(
            f"/api/v1/uploads/{upload.pk}/",
            DATA,
            content_type=OCTETS,
            HTTP_X_HTTP_METHOD_OVERRIDE="PATCH",
            HTTP_UPLOAD_OFFSET="0",
            **TUS,
            **headers,
        )
        return int(answer.status_code)

    assert send() == 403
    assert Upload.objects.get().offset == 0
    checked.cookies["csrftoken"] = token
    assert send(HTTP_X_CSRFTOKEN=token) == 204


def test_terminated_rows_do_not_pile_up(sender: Sender) -> None:
    for _ in range(3):
        assert sender.create().status_code == 201
    Upload.objects.filter(state="terminated").update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )
    uploads.sweep()
    assert [row.state for row in Upload.objects.all()] == ["open"]
