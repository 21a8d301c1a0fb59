"""Which measurements a bundle reads: those of its own encoder, or any that hold landmarks."""

from typing import Any

import pytest

from screening.models import Clip, ModelBundle
from screening.services import bundles, consents, measuring, screenings
from screening.services.measurements import Measured, keep, measured_for
from tests.screening import factories as make

pytestmark = pytest.mark.django_db


def by(encoder: str, state: str = "measured") -> dict[str, Any]:
    body: dict[str, Any] = make.measurement(
        "smile", state, "no_face" if state != "measured" else None
    )
    body["measurer"] |= {"digest": f"measurer with {encoder}", "encoder": encoder}
    return body


def bundle(encoder: str) -> ModelBundle:
    made: ModelBundle = make.BundleFactory(encoder=encoder)
    return made


def measured_clip(encoder: str, state: str = "measured") -> Clip:
    clip: Clip = make.send(make.clip_of(make.draft(), "smile"))
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    assert measuring.store_measurement(claim=claim, measurement=by(encoder, state))
    clip.refresh_from_db()
    return clip


def beside(clip: Clip, reader: ModelBundle) -> Any:
    (lacking,) = found(clip, reader).lack
    return measuring.store_beside(clip=lacking, measurement=by(reader.encoder))


def found(clip: Clip, reader: ModelBundle) -> Measured:
    return measured_for([clip], reader)


def test_each_source_reads_its_own_and_landmarks_are_in_all() -> None:
    clip = measured_clip("a")
    geometric, own, other = bundle(""), bundle("a"), bundle("b")
    assert (found(clip, geometric).lack, found(clip, own).lack) == ((), ())
    assert found(clip, geometric).digest == found(clip, own).digest
    before = found(clip, geometric)
    assert beside(clip, other)
    assert found(clip, other).to_json()["smile"]["measurer"]["encoder"] == "b"
    after = found(clip, geometric)
    assert after.digest == before.digest, "a row added for another bundle changes nobody's set"
    assert found(clip, own).digest == before.digest


def test_an_unusable_clip_is_so_for_every_source() -> None:
    clip = measured_clip("", state="unusable")
    assert found(clip, bundle("a")).lack == ()


def test_a_clip_is_claimed_for_the_pinned_bundle_else_for_the_active_one() -> None:
    first = bundles.activate(by=None, bundle=bundle("a"))
    screening = make.draft()
    clips = list(screenings.current_clips(screening))
    claim = measuring.claim_clip(clip_id=make.send(clips[0]).pk, seconds=60)
    assert claim is not None
    assert claim.reader == first
    make.send(clips[1])
    screenings.submit(by=make.person(screening), screening=screening)
    bundles.activate(by=None, bundle=bundle("b"))
    later = measuring.claim_clip(clip_id=clips[1].pk, seconds=60)
    assert later is not None
    assert later.reader == first


def test_nothing_is_kept_beside_of_another_recording() -> None:
    """The worker read a file; the row is another one's since."""
    clip = measured_clip("a")
    (lacking,) = found(clip, bundle("b")).lack
    assert measuring.lacks(lacking)
    Clip.objects.filter(pk=clip.pk).update(sha256="0" * 64)
    assert not measuring.lacks(lacking)
    assert measuring.store_beside(clip=lacking, measurement=by("b")) is None
    Clip.objects.filter(pk=clip.pk).update(sha256=clip.sha256, state="superseded")
    assert measuring.store_beside(clip=lacking, measurement=by("b")) is None


def test_of_several_rows_the_newest_of_ones_own_counts_else_the_oldest() -> None:
    """Rows that are added for other bundles change nothing."""
    clip = measured_clip("a")
    for encoder in ("b", "c"):
        assert beside(clip, bundle(encoder))
    body = by("a")
    body["measurer"]["digest"] = "a later measurer"
    assert keep(clip, body) == keep(clip, body)
    assert found(clip, bundle("a")).by_expression["smile"].measurer_digest == "a later measurer"
    row = found(clip, bundle("")).by_expression["smile"]
    assert (row.encoder, row.measurer_digest) == ("a", "measurer with a")


def test_nothing_is_kept_beside_without_consent() -> None:
    clip = measured_clip("a")
    (lacking,) = found(clip, bundle("b")).lack
    assert measuring.lacks(lacking)
    patient = clip.screening.patient
    consents.withdraw(patient=patient, by=make.person(clip.screening))
    assert measuring.store_beside(clip=lacking, measurement=by("b")) is None
    assert clip.measurements.count() == 1
