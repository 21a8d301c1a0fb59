"""A clinician's own rating beside the computer's: grade, note, sign-off. Never changed."""

from django.db import transaction

from screening.errors import Invalid, WrongState
from screening.models import Review, Screening, User
from screening.permissions import ReviewScreening
from screening.services import access, assessing, events
from screening.services.transitions import TAKEN_BACK, consent_stands, lock_screening

REVIEWABLE = (Screening.State.SCORED, Screening.State.RELEASED)
GRADES = range(5)


def sign_off(*, by: User, screening: Screening, grade: int | None, note: str = "") -> Review:
    """Sign a review: ``grade`` is MDS-UPDRS item 3.2 (0 to 4), None when it cannot be rated.

    It does not release; under *after review* it makes the release possible. A second review adds a
    row. Raises NotAllowed, Invalid, WrongState.
    """
    access.require(ReviewScreening, by, screening)
    if grade is not None and grade not in GRADES:
        raise Invalid("The grade is a number from 0 to 4.", code="grade")
    with transaction.atomic():
        locked = lock_screening(screening.pk)
        if not consent_stands(locked):
            raise WrongState(TAKEN_BACK)
        if locked.state not in REVIEWABLE:
            raise WrongState("Only a scored screening can be reviewed.")
        review = Review.objects.create(
            screening=locked,
            reviewer=by,
            assessment=assessing.latest(locked),
            grade=grade,
            note=note.strip(),
        )
        events.audit(by=by, action="review.signed", target=review, screening=str(locked.pk))
        events.append(screening=locked, kind="review.signed")
    return review
