"""API: screenings, from start to release. Rules and transitions live in the services."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.request import Request
from rest_framework.response import Response

from screening.api import present, present_course, serializers
from screening.api.base import SCREENINGS, View, describe, describe_page
from screening.errors import NotFound
from screening.models import Screening, Viewing
from screening.permissions import (
    RecordScreening,
    ReviewScreening,
    ViewAssessment,
    ViewScreening,
)
from screening.services import assessing, reviews, screenings

RESULT = PolymorphicProxySerializer(
    component_name="Result",
    serializers=[serializers.AssessmentOut, serializers.PatientResult],
    resource_type_field_name=None,
)


class Screenings(View):
    @describe_page(
        "One's own screenings, or those of one's sites, newest first",
        serializers.ScreeningLine,
        name="screenings_list",
    )
    def get(self, request: Request) -> Response:
        rows = ViewScreening.filter(self.user, SCREENINGS.all())
        return self.page(request, rows, lambda row: present.screening_line(row, viewer=self.user))

    @describe(
        "Start a screening, or come back to the open draft",
        answer=serializers.ScreeningOut,
        status=201,
        errors=[403, 409],
    )
    def post(self, request: Request) -> Response:
        row = screenings.start(patient=self.patient())
        return Response(present.screening(row, viewer=self.user), status=201)


class OneScreening(View):
    @describe("A screening with its steps", answer=serializers.ScreeningOut, errors=[404])
    def get(self, request: Request, pk: UUID) -> Response:
        row = self.screening(ViewScreening, pk)
        self.note_view(Viewing.SCREENING, row)
        return Response(present.screening(row, viewer=self.user))


class IntakeOf(View):
    @describe(
        "Save the intake; an answer that is not given stays open",
        takes=serializers.IntakeInOut,
        answer=serializers.IntakeInOut,
        errors=[400, 403, 404, 409, 422],
    )
    def put(self, request: Request, pk: UUID) -> Response:
        row = self.screening(RecordScreening, pk)
        answers = self.validated(serializers.IntakeInOut, request)
        intake = screenings.save_intake(by=self.user, screening=row, answers=answers)
        return Response(serializers.IntakeInOut(intake).data)


class _Act(View):
    """One transition: finds the row that the permission shows, acts, answers the screening."""

    permission = RecordScreening
    act: Callable[..., Screening]

    def perform(self, pk: UUID, **more: Any) -> Response:
        row = self.screening(self.permission, pk)
        changed = type(self).act(by=self.user, screening=row, **more)
        return Response(present.screening(changed, viewer=self.user))


class Submit(_Act):
    act = staticmethod(screenings.submit)

    @describe("Hand the recordings in", answer=serializers.ScreeningOut, errors=[404, 409])
    def post(self, request: Request, pk: UUID) -> Response:
        return self.perform(pk)


class Withdraw(_Act):
    act = staticmethod(screenings.withdraw)

    @describe("Take a screening back", answer=serializers.ScreeningOut, errors=[404, 409])
    def post(self, request: Request, pk: UUID) -> Response:
        return self.perform(pk)


class Release(_Act):
    permission = ReviewScreening  # type: ignore[assignment]
    act = staticmethod(screenings.release)

    @describe("Show the result to the patient", answer=serializers.ScreeningOut, errors=[404, 409])
    def post(self, request: Request, pk: UUID) -> Response:
        return self.perform(pk)


class RequestRerecord(_Act):
    permission = ReviewScreening  # type: ignore[assignment]
    act = staticmethod(screenings.request_rerecord)

    @describe(
        "Ask the patient for some expressions again",
        takes=serializers.RerecordIn,
        answer=serializers.ScreeningOut,
        errors=[400, 404, 409, 422],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        return self.perform(pk, **self.validated(serializers.RerecordIn, request))


class Reviews(View):
    @describe("The signed reviews", answer=serializers.ReviewOut(many=True), errors=[404])
    def get(self, request: Request, pk: UUID) -> Response:
        row = self.screening(ReviewScreening, pk)
        self.note_view(Viewing.REVIEWS, row)
        rows = row.reviews.select_related("reviewer")
        return Response(serializers.ReviewOut(rows, many=True).data)

    @describe(
        "Sign off a review",
        takes=serializers.ReviewIn,
        answer=serializers.ReviewOut,
        status=201,
        errors=[400, 404, 409, 422],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        row = self.screening(ReviewScreening, pk)
        given = self.validated(serializers.ReviewIn, request)
        review = reviews.sign_off(by=self.user, screening=row, **given)
        return Response(serializers.ReviewOut(review).data, status=201)


class AssessmentOf(View):
    @describe(
        "The result: in full for clinicians, in plain fields for the patient once released",
        answer=RESULT,
        errors=[404, 409],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        row = self.screening(ViewScreening, pk)
        if ReviewScreening.allows(self.user, row):
            found = assessing.latest(row)
            if found is None or not ViewAssessment.allows(self.user, found):
                raise NotFound("There is no result yet.")
            body = present.assessment(found)
        else:
            own = self.screening(RecordScreening, pk)
            shown = present.patient_result(own)
            if shown is None:
                raise NotFound("There is no result yet.")
            body = shown
        self.note_view(Viewing.ASSESSMENT, row)
        return Response(body)


class CourseOf(View):
    @describe(
        "The course of a screening: its sessions, what they say together, and other courses",
        answer=serializers.CourseOut,
        errors=[404],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        row = self.screening(ViewScreening, pk)
        may_review = ReviewScreening.allows(self.user, row)
        if not may_review:
            # Closed to the clinic, it is still the patient's own.
            row = self.screening(RecordScreening, pk)
        self.note_view(Viewing.COURSE, row)
        return Response(present_course.course(row, is_own=not may_review))
