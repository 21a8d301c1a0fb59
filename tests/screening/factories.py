"""Rows for tests, made the way the site makes them wherever a service exists for it."""

import hashlib
from typing import Any

import factory
from django.test import TestCase
from factory.django import DjangoModelFactory

from screening.errors import Invalid as Invalid
from screening.errors import WrongState as WrongState
from screening.models import (
    Clip,
    Consent,
    Membership,
    ModelBundle,
    Patient,
    Protocol,
    ProtocolStep,
    Screening,
    Site,
    User,
)
from screening.services import (
    bundles,
    consents,
    course_results,
    invitations,
    measuring,
    screenings,
    uploads,
)

PASSWORD = "correct horse battery"
VIDEO = b"\x1aE\xdf\xa3 these bytes stand for a recording " * 40


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@example.org")
    name = factory.Sequence(lambda n: f"Person {n}")

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> User:
        return User.objects.create_user(kwargs.pop("email"), PASSWORD, **kwargs)


class AdminFactory(UserFactory):
    is_staff = True
    is_superuser = True


class ProtocolFactory(DjangoModelFactory):
    class Meta:
        model = Protocol
        skip_postgeneration_save = True

    slug = factory.Sequence(lambda n: f"short-{n}")
    name = "Short"

    @factory.post_generation
    def expressions(self, create: bool, given: Any, **kwargs: Any) -> None:
        for order, expression in enumerate(given or ["rest", "smile"], start=1):
            ProtocolStep.objects.create(
                protocol=self, order=order, expression=expression, instruction="Please."
            )


class SiteFactory(DjangoModelFactory):
    class Meta:
        model = Site

    name = factory.Sequence(lambda n: f"Clinic {n}")
    protocol = factory.SubFactory(ProtocolFactory)


class ClinicianFactory(UserFactory):
    class Meta:
        skip_postgeneration_save = True

    @factory.post_generation
    def site(self, create: bool, given: Any, **kwargs: Any) -> None:
        Membership.objects.create(user=self, site=given or SiteFactory())


class PatientFactory(DjangoModelFactory):
    class Meta:
        model = Patient

    site = factory.SubFactory(SiteFactory)
    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Patient {n}")


class BundleFactory(DjangoModelFactory):
    class Meta:
        model = ModelBundle

    name = "test"
    version = factory.Sequence(str)
    digest = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    path = "nowhere"


def active_bundle() -> ModelBundle:
    found = ModelBundle.objects.filter(status="active").first()
    return found or bundles.activate(by=None, bundle=BundleFactory())


def consent(patient: Patient, *scopes: str) -> Consent:
    return consents.give(patient=patient, form=consents.current_form(), scopes=scopes or ("care",))


def draft(patient: Patient | None = None, **site: Any) -> Screening:
    """A started screening of a patient who consented."""
    patient = patient or PatientFactory(**{f"site__{k}": v for k, v in site.items()})
    if consents.standing(patient=patient) is None:
        consent(patient)
    return screenings.start(patient=patient)


def person(screening: Screening) -> User:
    assert screening.patient.user is not None
    return screening.patient.user


def clip_of(screening: Screening, expression: str) -> Clip:
    return screenings.current_clips(screening).get(step__expression=expression)


def send(clip: Clip, data: bytes = VIDEO, **announced: Any) -> Clip:
    """Upload a recording in two parts and complete it."""
    by = person(clip.screening)
    upload = uploads.create(by=by, clip=clip, mime_type="video/webm")
    half = len(data) // 2
    uploads.append(by=by, upload=upload, offset=0, data=data[:half])
    uploads.append(by=by, upload=upload, offset=half, data=data[half:])
    return uploads.complete(
        by=by,
        upload=upload,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        announced=announced,
    )


def measurement(expression: str, state: str = "measured", reason: str | None = None) -> Any:
    """The keys of ``ml.measuring.clip.Measurement`` that the domain reads, and a few signals."""
    return {
        "schema": 1,
        "expression": expression,
        "state": state,
        "reason": reason,
        "timestamps": [0.0, 0.1],
        "signals": {"mouth-width": [0.8, 0.9]},
        "stats": {"mouth-width_mean": 0.85, "mouth-width_var": 0.0025},
        "measurer": {"name": "test", "version": "1", "digest": "m" * 64},
    }


def measure(clip: Clip, state: str = "measured", reason: str | None = None) -> None:
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    body = measurement(claim.expression, state, reason)
    assert measuring.store_measurement(claim=claim, measurement=body)


def result(**changes: Any) -> dict[str, Any]:
    """A result in its whole shape, of one smile."""
    source = {"name": "test", "version": "1", "digest": "s" * 64}
    smile = {
        "expression": "smile",
        "state": "measured",
        "reason": None,
        "detail": "",
        "quality": {"face_found_rate": 1.0},
        "signs": [],
        "curve": {
            "t": [0.0],
            "intensity": [0.5],
            "reference": "rest-clip",
            "source": source,
            "cues": None,
            "peaks": [],
        },
    }
    return {
        "schema": 1,
        "hypomimia_index": 71.6,
        "hypomimia_reference": "nobody",
        "severity": None,
        "severity_expected": None,
        "severity_reason": "not trained for grades",
        "severity_experimental": False,
        "p_pd": 0.4,
        "p_pd_interval": [0.2, 0.6],
        "prevalence": 0.5,
        "prediction_set": ["pd", "no_pd"],
        "abstained": None,
        "abstained_words": None,
        "attention": {"smile": 1.0},
        "leave_one_out": {},
        "missing": [],
        "diagnosis": None,
        "bundle": {**source, "sources": []},
        "intensity_source": source,
        "clips": [smile],
        **changes,
    }


def submitted(patient: Patient | None = None, **site: Any) -> Screening:
    """A handed-in screening whose clips were all measured."""
    screening = draft(patient, **site)
    active_bundle()
    for clip in screenings.current_clips(screening):
        measure(send(clip))
    return screenings.submit(by=person(screening), screening=screening)


def assess(screening: Screening, **changes: Any) -> None:
    """What the worker does: claim, compute, store, for each bundle that is owed a result."""
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    for target in found.targets:
        measuring.store_assessment(
            screening_id=screening.pk,
            bundle=target.bundle_id,
            measurements_digest=target.measurements_digest,
            result=result(**changes),
            is_shadow=target.is_shadow,
        )
    screening.refresh_from_db()


def person_of(index: float | None, sessions: int) -> dict[str, Any]:
    """A person's result in its whole shape."""
    number = {
        "value": index,
        "low": None if index is None else max(index - 20.0, 0.0),
        "high": None if index is None else min(index + 20.0, 100.0),
        "mean": index,
        "sessions": sessions,
        "worth": float(sessions),
        "is_scattered": False,
        "more": [18.0, 16.0, 14.0, 12.0, 10.0],
    }
    nothing = {"value": None, "low": None, "high": None, "mean": None, "more": []}
    return {
        "hypomimia_index": number,
        "severity_expected": {**number, **nothing, "sessions": 0, "worth": 0.0},
        "repeats": {
            "name": "nobody",
            "licence": "",
            "people": 30,
            "expressions": ["smile"],
        },
    }


def read_together(**changes: Any) -> None:
    """What the worker does for every course that is due: claim, compute, store. Here the person's
    index is the mean of the sessions'; ``changes`` are of each group."""
    for course_id in course_results.due(limit=100):
        given = course_results.claim(course_id=course_id)
        if given is None:
            continue
        for wanted in given.wanted:
            values = [[one["hypomimia_index"] for one in g["sessions"]] for g in wanted.groups]
            found = [
                {
                    "person": person_of(sum(v) / len(v), len(v)),
                    "signs": [],
                    "change": None,
                    **changes,
                }
                for v in values
            ]
            course_results.store(course_id=course_id, wanted=wanted, found=found)
        course_results.finish(given)


def scored(patient: Patient | None = None, **site: Any) -> Screening:
    screening = submitted(patient, **site)
    assess(screening)
    return screening


def invitations_accept(token: str) -> User:
    return invitations.accept(token=token, email="Ada@Example.org", password=PASSWORD)


def committed() -> Any:
    """Runs at its end what was to happen after the commit."""
    return TestCase.captureOnCommitCallbacks(execute=True)
