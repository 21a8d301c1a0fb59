"""Transitions of a screening and its clips: who may, from which state, what they leave behind."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from screening.errors import DomainError, Invalid, NotAllowed, WrongState
from screening.models import Assessment, Clip, Event, Patient, Screening, Upload
from screening.services import (
    bundles,
    clips,
    consents,
    measuring,
    reviews,
    screenings,
    uploads,
)
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db


def refused(act: Callable[[], object]) -> str:
    """The code of the typed error that an action ends in."""
    with pytest.raises(DomainError) as error:
        act()
    return error.value.code


def others(screening: Screening) -> list[object]:
    """Everybody who is not this screening's patient."""
    return [
        make.person(make.draft()),
        make.ClinicianFactory(site=screening.site),
        make.ClinicianFactory(),
        make.AdminFactory(),
    ]


def test_start_needs_a_standing_consent_and_comes_back_to_the_draft() -> None:
    patient = make.PatientFactory()
    assert refused(lambda: screenings.start(patient=patient)) == "consent_missing"
    make.consent(patient)
    first = screenings.start(patient=patient)
    assert screenings.start(patient=patient) == first
    assert [clip.state for clip in first.clips.all()] == ["expected", "expected"]


def test_only_the_patient_records() -> None:
    screening = make.draft()
    clip = make.clip_of(screening, "smile")
    upload = uploads.create(by=make.person(screening), clip=clip)
    for by in others(screening):
        for act in (
            lambda by=by: screenings.save_intake(by=by, screening=screening, answers={}),
            lambda by=by: screenings.submit(by=by, screening=screening),
            lambda by=by: screenings.withdraw(by=by, screening=screening),
            lambda by=by: clips.skip(by=by, clip=clip, reason="no"),
            lambda by=by: clips.rerecord(by=by, clip=clip),
            lambda by=by: uploads.create(by=by, clip=clip),
            lambda by=by: uploads.append(by=by, upload=upload, offset=0, data=b"x"),
            lambda by=by: uploads.terminate(by=by, upload=upload),
            lambda by=by: consents.withdraw(patient=screening.patient, by=by),
        ):
            with pytest.raises(NotAllowed):
                act()


def test_only_the_sites_clinicians_review() -> None:
    screening = make.scored()
    people = [make.person(screening), make.ClinicianFactory(), make.AdminFactory()]
    for by in people:
        for act in (
            lambda by=by: reviews.sign_off(by=by, screening=screening, grade=1),
            lambda by=by: screenings.release(by=by, screening=screening),
            lambda by=by: screenings.request_rerecord(by=by, screening=screening, steps=["rest"]),
        ):
            with pytest.raises(NotAllowed):
                act()


def test_intake_is_checked() -> None:
    screening = make.draft()
    by = make.person(screening)

    def save(**answers: object) -> object:
        return screenings.save_intake(by=by, screening=screening, answers=answers)

    assert refused(lambda: save(age_years=7)) == "intake"
    assert refused(lambda: save(shoe_size=43)) == "intake"
    assert refused(lambda: save(screening=None)) == "intake"
    save(age_years=70)
    save(beard=False)
    screening.refresh_from_db()
    assert (screening.intake.age_years, screening.intake.beard) == (70, False)
    assert screening.intake.stroke is None


def test_submit_wants_every_step() -> None:
    screening = make.draft()
    by = make.person(screening)

    def submit() -> object:
        return screenings.submit(by=by, screening=screening)

    assert refused(submit) == "not_complete"
    make.send(make.clip_of(screening, "rest"))
    upload = uploads.create(by=by, clip=make.clip_of(screening, "smile"))
    assert refused(submit) == "not_complete"
    uploads.append(by=by, upload=upload, offset=0, data=b"x")
    clips.skip(by=by, clip=make.clip_of(screening, "smile"), reason="It hurts.")
    assert refused(submit) == "no_bundle"
    active = make.active_bundle()
    assert screenings.submit(by=by, screening=screening).bundle == active
    assert refused(submit) == "wrong_state"
    assert refused(lambda: screenings.save_intake(by=by, screening=screening, answers={}))


def test_nothing_recorded_is_nothing_to_submit() -> None:
    screening = make.draft()
    make.active_bundle()
    by = make.person(screening)
    for clip in screenings.current_clips(screening):
        clips.skip(by=by, clip=clip, reason="no")
    assert refused(lambda: screenings.submit(by=by, screening=screening)) == "nothing_recorded"


def test_skipping_drops_what_had_arrived(stored: Callable[[], list[str]]) -> None:
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    upload = uploads.create(by=by, clip=clip)
    uploads.append(by=by, upload=upload, offset=0, data=b"x")
    assert refused(lambda: clips.skip(by=by, clip=clip, reason=" ")) == "reason_missing"
    with make.committed():
        clips.skip(by=by, clip=clip, reason="It hurts.")
    assert stored() == []
    assert Upload.objects.get().state == "terminated"
    assert clips.rerecord(by=by, clip=clip).take == 2


def test_record_again_keeps_the_old_take() -> None:
    screening = make.draft()
    by = make.person(screening)
    first = make.send(make.clip_of(screening, "smile"))
    second = clips.rerecord(by=by, clip=first)
    first.refresh_from_db()
    assert (first.state, second.state, second.take) == ("superseded", "expected", 2)
    assert clips.rerecord(by=by, clip=second) == second
    assert refused(lambda: clips.rerecord(by=by, clip=first)) == "wrong_state"
    assert measuring.claim_clip(clip_id=first.pk, seconds=9) is None
    make.send(second)
    assert screenings.current_clips(screening).filter(state="received").count() == 1


def test_measuring_a_superseded_take_changes_nothing() -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    clips.rerecord(by=make.person(screening), clip=clip)
    body = make.measurement("smile")
    assert measuring.store_measurement(claim=claim, measurement=body) is None
    assert not clip.measurements.exists()


def test_clinician_asks_for_a_new_recording() -> None:
    screening = make.scored()
    by = make.ClinicianFactory(site=screening.site)

    def ask(*steps: str) -> Screening:
        return screenings.request_rerecord(by=by, screening=screening, steps=steps, note="Light")

    assert refused(ask) == "steps"
    assert refused(lambda: ask("smile", "fear")) == "steps"
    ask("smile")
    screening.refresh_from_db()
    assert (screening.state, screening.rerecord_note) == ("needs_rerecord", "Light")
    assert [clip.state for clip in screenings.current_clips(screening)] == ["measured", "expected"]
    assert measuring.claim_assessment(screening_id=screening.pk) is None

    clip = make.send(make.clip_of(screening, "smile"), data=make.VIDEO + b"again")
    make.measure(clip)
    screenings.submit(by=make.person(screening), screening=screening)
    make.assess(screening, hypomimia_index=3.0)
    assert screening.state == "scored"
    assert Assessment.objects.filter(screening=screening).count() == 2
    newest = screening.assessments.order_by("-created_at")[0]
    assert newest.hypomimia_index == 3.0


def test_release_policies() -> None:
    after = make.scored()
    by = make.ClinicianFactory(site=after.site)
    release = lambda: screenings.release(by=by, screening=after)  # noqa: E731
    assert refused(release) == "review_missing"
    assert refused(lambda: reviews.sign_off(by=by, screening=after, grade=5)) == "grade"
    reviews.sign_off(by=by, screening=after, grade=None, note="Cannot be rated.")
    assert release().released_by == by
    assert refused(release) == "wrong_state"

    at_once = make.scored(make.PatientFactory(site__release_policy="at_once"))
    assert (at_once.state, at_once.released_by) == ("released", None)
    assert at_once.released_at


def test_review_needs_a_score() -> None:
    screening = make.submitted()
    by = make.ClinicianFactory(site=screening.site)
    assert refused(lambda: reviews.sign_off(by=by, screening=screening, grade=1)) == "wrong_state"


def test_taking_a_screening_back_ends_it() -> None:
    screening = make.submitted()
    by = make.person(screening)
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    screenings.withdraw(by=by, screening=screening)
    assert refused(lambda: screenings.withdraw(by=by, screening=screening)) == "wrong_state"
    assert measuring.claim_assessment(screening_id=screening.pk) is None
    row = measuring.store_assessment(
        screening_id=screening.pk,
        bundle=found.targets[0].bundle_id,
        measurements_digest=found.targets[0].measurements_digest,
        result=make.result(),
    )
    assert row is None
    assert screenings.start(patient=screening.patient) != screening


def test_withdrawn_consent_blocks_new_work_and_results() -> None:
    """In every state that is not finished; what was released stays with the patient."""
    released = make.scored(make.PatientFactory(site__release_policy="at_once"))
    patient = Patient.objects.get(pk=released.patient.pk)
    running = make.draft(patient)
    clip = make.send(make.clip_of(running, "smile"))
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    waiting = make.send(make.clip_of(running, "rest"))
    consents.withdraw(patient=patient, by=make.person(running))

    assert measuring.claim_clip(clip_id=waiting.pk, seconds=60) is None
    body = make.measurement("smile")
    assert measuring.store_measurement(claim=claim, measurement=body) is None
    assert measuring.due() == []
    assert refused(lambda: screenings.start(patient=patient)) == "consent_missing"
    running.refresh_from_db()
    released.refresh_from_db()
    assert (running.state, released.state) == ("withdrawn", "released")
    assert refused(lambda: consents.withdraw(patient=patient, by=make.person(running)))
    bundles.set_shadow(by=None, bundle=make.BundleFactory())
    assert measuring.claim_assessment(screening_id=released.pk) is None
    assert measuring.due() == []
    # Consenting again opens a new screening, not the one that was stopped.
    make.consent(patient)
    assert measuring.claim_clip(clip_id=waiting.pk, seconds=60) is None
    assert screenings.start(patient=patient) != running


def test_clinicians_see_nothing_of_what_was_taken_back(
    client_of: Callable[..., Client],
) -> None:
    screening = make.scored()
    clinic = client_of(make.ClinicianFactory(site=screening.site))
    clip = screening.clips.all()[0]
    consents.withdraw(patient=screening.patient, by=make.person(screening))
    for address in (
        f"/api/v1/screenings/{screening.pk}/assessment/",
        f"/api/v1/clips/{clip.pk}/video/",
        f"/api/v1/clips/{clip.pk}/measurement/",
    ):
        assert clinic.get(address).status_code == 404
    line = clinic.get(f"/api/v1/sites/{screening.site.pk}/worklist/").json()["results"][0]
    assert (line["state"], line["hypomimia_index"]) == ("withdrawn", None)


def test_events_hold_no_name_and_no_number() -> None:
    screening = make.scored(make.PatientFactory(site__release_policy="at_once"))
    for event in Event.objects.all():
        assert set(event.data) <= {"screening", "state", "clip", "expression", "reason"}
    kinds = list(
        Event.objects.filter(stream_id=f"patient:{screening.patient.pk}").values_list(
            "kind", flat=True
        )
    )
    assert kinds[-3:] == ["screening.submitted", "screening.scored", "screening.released"]


def test_the_database_forbids_the_impossible() -> None:
    screening = make.draft()
    clip = make.clip_of(screening, "smile")
    impossible = [
        lambda: Clip.objects.filter(pk=clip.pk).update(state="received"),
        lambda: Screening.objects.filter(pk=screening.pk).update(state="submitted"),
        lambda: Clip.objects.create(screening=screening, step=clip.step, take=2),
        lambda: bundles.ModelBundle.objects.filter(
            pk__in=[make.active_bundle().pk, make.BundleFactory().pk]
        ).update(status="active"),
    ]
    for act in impossible:
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


def test_clip_with_nothing_to_send_is_no_clip_of_the_protocol(
    client_of: Callable[..., Client],
) -> None:
    """An expression that is not in the protocol has no clip, and so no address to send it to."""
    screening = make.draft()
    shown = client_of(make.person(screening)).get(f"/api/v1/screenings/{screening.pk}/").json()
    assert [step["expression"] for step in shown["steps"]] == ["rest", "smile"]
    assert not Clip.objects.filter(screening=screening, step__expression="fear").exists()
    with pytest.raises(Invalid):
        screenings.request_rerecord(
            by=make.ClinicianFactory(site=screening.site), screening=screening, steps=["fear"]
        )
    with pytest.raises(WrongState):
        screenings.request_rerecord(
            by=make.ClinicianFactory(site=screening.site), screening=screening, steps=["smile"]
        )
