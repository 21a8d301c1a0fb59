"""What each act leaves behind: its line in the audit trail, what both streams are told, the tasks
that are enqueued after the commit, and the row that is given back as it is now."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from screening import queue
from screening.errors import NotAllowed
from screening.models import AuditEntry, Consent, Screening
from screening.services import (
    clips,
    consents,
    erasure,
    invitations,
    reviews,
    screenings,
    uploads,
)
from tests.screening import factories as make
from tests.screening.trail import Left, is_as_stored, named, of, of_clip, what_is_left

pytestmark = pytest.mark.django_db


def test_consent_given_and_taken_back() -> None:
    patient = make.PatientFactory()
    assert patient.user is not None
    form = consents.current_form()
    with what_is_left(patient) as left:
        given = consents.give(patient=patient, form=form, scopes=["training", "care"])
    assert left.trail == [
        ("consent.given", patient.user, named(given), {"scopes": "care,training"})
    ]
    assert (left.told, left.asked) == ([], [])
    released = make.scored(patient, release_policy="at_once")
    Screening.objects.filter(pk=released.pk).update(state="released", released_at=timezone.now())
    before = make.submitted(patient)
    screenings.withdraw(by=patient.user, screening=before)
    open_one, other = make.draft(patient), make.draft()
    with what_is_left(patient) as left:
        consents.withdraw(patient=patient, by=patient.user)
    assert left.trail == [("consent.withdrawn", patient.user, named(given), {})]
    assert left.told == [
        of(open_one, "screening.withdrawn", "withdrawn"),
        of(released, "screening.withdrawn", "released"),
    ]
    rows = {row.pk: row for row in Screening.objects.all()}
    assert rows[open_one.pk].state == "withdrawn"
    assert rows[released.pk].state == "released"
    assert rows[released.pk].withdrawn_at == rows[open_one.pk].withdrawn_at
    assert rows[other.pk].withdrawn_at is None
    given.refresh_from_db()
    assert given.withdrawn_at == rows[open_one.pk].withdrawn_at
    assert rows[before.pk].withdrawn_at < given.withdrawn_at, "taken back before: not once more"


def test_somebody_elses_consent_stands() -> None:
    patient, other = make.PatientFactory(), make.PatientFactory()
    theirs = make.consent(other)
    make.consent(patient)
    make.consent(patient, "care", "research")
    assert consents.standing(patient=other) == theirs
    assert patient.user is not None
    consents.withdraw(patient=patient, by=patient.user)
    assert consents.standing(patient=other) == theirs
    assert consents.standing(patient=patient) is None


def test_a_screening_is_started() -> None:
    patient = make.PatientFactory()
    given = make.consent(patient)
    with what_is_left(patient) as left:
        made = screenings.start(patient=patient)
    assert left.trail == [
        ("course.opened", patient.user, f"course:{made.course_id}", {}),
        ("screening.started", patient.user, named(made), {}),
    ]
    assert left.told == [of(made, "screening.started", "draft")]
    kept = (made.patient, made.site, made.protocol, made.consent, made.is_phantom)
    assert kept == (patient, patient.site, patient.site.protocol, given, False)
    with what_is_left(patient) as left:
        assert screenings.start(patient=patient) == made
    assert left == Left()


def test_another_protocol_and_a_drawn_face_are_kept() -> None:
    patient = make.PatientFactory()
    make.consent(patient)
    other = make.ProtocolFactory()
    made = screenings.start(patient=patient, is_phantom=True, protocol=other)
    assert (made.protocol, made.is_phantom) == (other, True)


@pytest.mark.parametrize("is_measured", [True, False])
def test_a_screening_is_handed_in(is_measured: bool) -> None:
    screening = make.draft()
    active = make.active_bundle()
    for clip in screenings.current_clips(screening):
        make.send(clip)
        if is_measured:
            make.measure(clip)
    Screening.objects.filter(pk=screening.pk).update(assess_attempts=3, assess_after=timezone.now())
    by = make.person(screening)
    with what_is_left(screening.patient) as left:
        row = screenings.submit(by=by, screening=screening)
    assert left.trail == [("screening.submitted", by, named(screening), {})]
    assert left.told == [of(screening, "screening.submitted", "submitted")]
    tasks = [(queue.ASSESS_SCREENING, (str(screening.pk),))] if is_measured else []
    assert left.asked == tasks
    assert is_as_stored(row)
    assert (row.bundle, row.assess_attempts, row.assess_after) == (active, 0, None)
    assert row.submitted_at is not None


def test_a_screening_is_taken_back() -> None:
    screening = make.submitted()
    by = make.person(screening)
    with what_is_left(screening.patient) as left:
        row = screenings.withdraw(by=by, screening=screening)
    assert left.trail == [("screening.withdrawn", by, named(screening), {})]
    assert left.told == [of(screening, "screening.withdrawn", "withdrawn")]
    assert is_as_stored(row)
    assert row.withdrawn_at is not None


@pytest.mark.parametrize("state", ["submitted", "scored"])
def test_a_new_recording_is_asked_for(state: str) -> None:
    screening = make.submitted() if state == "submitted" else make.scored()
    by = make.ClinicianFactory(site=screening.site)
    with what_is_left(screening.patient) as left:
        row = screenings.request_rerecord(
            by=by, screening=screening, steps=["smile", "rest"], note=" Light \n"
        )
    assert left.trail == [
        ("screening.needs_rerecord", by, named(screening), {"steps": "rest,smile"})
    ]
    fresh = list(screenings.current_clips(screening))
    assert left.told == [
        of(screening, "screening.needs_rerecord", "needs_rerecord"),
        *[of_clip(clip, "expected") for clip in fresh],
    ]
    assert is_as_stored(row)
    assert (row.rerecord_note, [clip.take for clip in fresh]) == ("Light", [2, 2])


def test_a_result_is_reviewed_and_released() -> None:
    screening = make.scored()
    (result,) = screening.assessments.all()
    by = make.ClinicianFactory(site=screening.site)
    with what_is_left(screening.patient) as left:
        review = reviews.sign_off(by=by, screening=screening, grade=4, note=" Seen. ")
    assert left.trail == [("review.signed", by, named(review), {"screening": str(screening.pk)})]
    assert left.told == [of(screening, "review.signed", "scored")]
    kept = (review.screening, review.reviewer, review.assessment, review.grade, review.note)
    assert kept == (screening, by, result, 4, "Seen.")
    with what_is_left(screening.patient) as left:
        row = screenings.release(by=by, screening=screening)
    assert left.trail == [("screening.released", by, named(screening), {})]
    assert left.told == [of(screening, "screening.released", "released")]
    assert is_as_stored(row)
    assert row.released_at is not None
    # A released one may be reviewed once more, with each grade.
    for grade in (0, None):
        assert reviews.sign_off(by=by, screening=screening, grade=grade).grade == grade
    for grade in (-1, 5):
        with pytest.raises(make.Invalid) as wrong:
            reviews.sign_off(by=by, screening=screening, grade=grade)
        assert wrong.value.code == "grade"


def test_a_site_that_releases_at_once_leaves_nobodys_name() -> None:
    screening = make.submitted(release_policy="at_once")
    with what_is_left(screening.patient) as left:
        make.assess(screening)
    assert left.trail == [("screening.released", None, named(screening), {})]
    assert left.told == [
        of(screening, "screening.scored", "scored"),
        of(screening, "screening.released", "released"),
    ]


def test_a_clip_is_skipped_and_recorded_again() -> None:
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    with what_is_left(screening.patient) as left:
        row = clips.skip(by=by, clip=clip, reason=f"  {'x' * 300}")
    assert (left.trail, left.asked) == ([], [])
    assert left.told == [of_clip(clip, "skipped")]
    assert is_as_stored(row)
    assert (row.state, row.skip_reason) == ("skipped", "x" * 200)
    with what_is_left(screening.patient) as left:
        fresh = clips.rerecord(by=by, clip=clip)
    assert left.told == [of_clip(fresh, "expected")]
    assert (fresh.take, fresh.state) == (2, "expected")


def test_a_clip_is_recorded_again_as_it_is_now() -> None:
    """Whoever asks may have read it before it was sent; and consent may be gone meanwhile."""
    screening = make.draft()
    by, before = make.person(screening), make.clip_of(screening, "smile")
    make.send(make.clip_of(screening, "smile"))
    assert before.state == "expected"
    assert clips.rerecord(by=by, clip=before).take == 2
    Consent.objects.filter(patient=screening.patient).update(withdrawn_at=timezone.now())
    for act in (
        lambda one: clips.rerecord(by=by, clip=one),
        lambda one: uploads.create(by=by, clip=one),
    ):
        with pytest.raises((make.WrongState, NotAllowed)):
            act(make.clip_of(screening, "rest"))


def test_an_upload_that_is_given_up_leaves_nothing(stored: Callable[[], list[str]]) -> None:
    """The clip is expected again, in the same take."""
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    upload = uploads.create(by=by, clip=clip)
    uploads.append(by=by, upload=upload, offset=0, data=b"x")
    with what_is_left(screening.patient) as left:
        again = clips.rerecord(by=by, clip=clip)
    assert left.told == [of_clip(clip, "expected")]
    assert (again.pk, again.take, again.state) == (clip.pk, 1, "expected")
    assert stored() == []
    upload.refresh_from_db()
    assert upload.state == "terminated"
    other = uploads.create(by=by, clip=clip)
    with what_is_left(screening.patient) as left:
        uploads.terminate(by=by, upload=other)
    assert left.told == [of_clip(clip, "expected")]
    assert make.clip_of(screening, "smile").state == "expected"


def test_a_patient_is_erased() -> None:
    screening = make.scored()
    patient, by = screening.patient, make.AdminFactory()
    Screening.objects.update(rerecord_note="Ada looked away.")
    other = make.draft(make.PatientFactory(site=patient.site))
    with what_is_left(patient) as left:
        row = erasure.erase_patient(by=by, patient=patient)
    assert left.trail == [("patient.erased", by, named(patient), {})]
    assert left.told == [of(screening, "screening.withdrawn", "withdrawn")]
    assert left.asked == [(queue.ERASE_PATIENT_FILES, (str(patient.pk),))]
    assert row is patient
    assert is_as_stored(row)
    screening.refresh_from_db()
    assert (screening.rerecord_note, screening.withdrawn_at) == ("", row.erased_at)
    assert consents.standing(patient=patient) is None
    assert not screening.assessments.exists()
    other.refresh_from_db()
    assert (other.state, other.patient.erased_at) == ("draft", None)


def test_who_is_erased_again_has_their_files_looked_for_at_once() -> None:
    patient, before = make.PatientFactory(), make.PatientFactory()
    erasure.erase_patient(by=make.AdminFactory(), patient=before)
    with what_is_left(patient) as left:
        assert erasure.erase_again(patient_ids=[patient.pk, before.pk]) == [patient]
    assert left.trail == [("patient.erased_again", None, named(patient), {})]
    assert set(left.asked) == {
        (queue.ERASE_PATIENT_FILES, (str(one.pk),)) for one in (patient, before)
    }


def test_an_invitation_is_made_accepted_and_revoked() -> None:
    site = make.SiteFactory()
    by = make.ClinicianFactory(site=site)
    begun = timezone.now()
    known = set(AuditEntry.objects.values_list("pk", flat=True))
    made, token = invitations.invite(by=by, site=site, name=" Ada ", email=" Ada@Example.org ")
    assert (made.patient.name, made.patient.site, made.site) == ("Ada", site, site)
    assert (made.email, made.created_by) == ("ada@example.org", by)
    assert begun < made.expires_at - timedelta(days=14) < timezone.now()
    assert invitations.path(token) == f"/invitation/{token}/"
    other, _ = invitations.invite(by=by, site=site, name="Bob")
    user = invitations.accept(token=token, email=" Ada@Example.org", password=make.PASSWORD)
    assert (user.email, user.name, user.patient) == ("ada@example.org", "Ada", made.patient)
    revoked = invitations.revoke(by=by, invitation=other)
    assert is_as_stored(revoked)
    assert revoked.revoked_at is not None
    rows = AuditEntry.objects.exclude(pk__in=known).order_by("created_at", "pk")
    assert [(row.action, row.actor, row.target, row.data) for row in rows] == [
        ("invitation.made", by, named(made), {"patient": made.patient.pseudonym}),
        ("invitation.made", by, named(other), {"patient": other.patient.pseudonym}),
        ("invitation.accepted", user, named(made), {}),
        ("invitation.revoked", by, named(other), {}),
    ]
