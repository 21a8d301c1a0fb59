"""A released screening with a film, a result and a review, made inside the site's own Django."""

import hashlib
from pathlib import Path
from typing import Any

from screening.models import Clip, Membership, Screening, Site, User
from screening.services import invitations, measuring, reviews, screenings, uploads
from tests.journey import PASSWORD
from tests.screening import factories as make

CLINICIAN = "clinician@test.mimia"
PATIENT = "patient@test.mimia"
ADMIN = "admin@test.mimia"
#: A site whose own worker leaves these clips alone.
QUIET = {"MIMIA_SWEEP_SECONDS": "3600"}


def case(film: bytes, *, said: str = "video/webm", copy: Path | None = None) -> Screening:
    """Of two expressions; ``film`` is what both were recorded as, ``copy`` what reviewers play."""
    protocol = make.ProtocolFactory(expressions=["rest", "smile"])
    site = Site.objects.create(name="Harbour clinic", protocol=protocol)
    clinician = User.objects.create_user(CLINICIAN, PASSWORD, name="Dr Test")
    Membership.objects.create(user=clinician, site=site)
    User.objects.create_superuser(ADMIN, PASSWORD, name="Administrator")
    user = User.objects.create_user(PATIENT, PASSWORD, name="Ada")
    patient = make.PatientFactory(site=site, user=user, name="Ada Harbour")
    make.consent(patient, "care", "training")
    screening = screenings.start(patient=patient)
    screenings.save_intake(by=user, screening=screening, answers={"age_years": 67, "sex": "other"})
    for name in ("rest", "smile"):
        _record(make.clip_of(screening, name), user, film, said, copy)
    screenings.submit(by=user, screening=screening)
    make.assess(screening, **result())
    reviews.sign_off(by=clinician, screening=screening, grade=2, note="Calm.")
    invitations.invite(by=clinician, site=site, name="Bea", email="bea@test.mimia")
    released = screenings.release(by=clinician, screening=screening)
    make.read_together()
    return released


def _record(clip: Clip, by: User, film: bytes, said: str, copy: Path | None) -> None:
    upload = uploads.create(by=by, clip=clip, mime_type=said)
    for start in range(0, len(film), 4_000_000):
        uploads.append(by=by, upload=upload, offset=start, data=film[start : start + 4_000_000])
    uploads.complete(
        by=by,
        upload=upload,
        size=len(film),
        sha256=hashlib.sha256(film).hexdigest(),
        announced={"seconds": 3.0, "frames": 90, "cues": [], "camera": {"label": "Front"}},
    )
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=3600)
    assert claim is not None
    body = {**make.measurement(claim.expression), "detail": "", "quality": {}, "cues": [0.0]}
    assert measuring.store_measurement(claim=claim, measurement=body)
    if copy is not None:
        assert measuring.store_playback(claim=claim, source=copy)


def result() -> dict[str, Any]:
    """An assessment with every kind of thing in it that the pages draw."""
    sign = {"name": "peak", "value": 0.4, "unit": "relative", "percentile": 20.0, "norm": "a norm"}
    source = {"name": "geometric", "version": "1", "digest": "g" * 64}
    curve = {
        "reference": "rest",
        "source": source,
        "cues": None,
        "t": [0.0, 0.1],
        "intensity": [0.2, 0.4],
        "peaks": [{"t": 0.1, "intensity": 0.4, "onset": None, "end": 0.1}],
    }
    clips = [
        {
            "expression": name,
            "state": "measured",
            "reason": None,
            "detail": "",
            "quality": {"face_found_rate": 1.0},
            "signs": [sign],
            "curve": curve,
        }
        for name in ("rest", "smile")
    ]
    return {
        "hypomimia_reference": "drawn faces",
        "severity": {str(grade): 0.2 for grade in range(5)},
        "severity_expected": 2.0,
        "severity_reason": "trained on grades",
        "severity_experimental": True,
        "prevalence": 0.1,
        "prediction_set": ["pd"],
        "abstained_words": None,
        "attention": {"rest": 0.4, "smile": 0.6},
        "leave_one_out": {"smile": {"hypomimia_index": 60.0, "p_pd": 0.3}},
        "missing": ["anger"],
        "diagnosis": None,
        "bundle": {**source, "sources": [{"name": "a table", "licence": "MIT"}]},
        "intensity_source": source,
        "clips": clips,
    }
