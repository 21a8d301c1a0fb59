"""API: who I am, consent, invitations, the clinic's worklist, and what happened since."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Prefetch, Q
from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from screening.api import clinic_shapes, present, serializers
from screening.api.base import SCREENINGS, View, describe, describe_page
from screening.errors import Invalid, NotFound
from screening.models import Assessment, Consent, ConsentForm, Invitation, Screening
from screening.permissions import ManageInvitation, ViewConsent, WorkAtSite
from screening.services import access, consents, events, invitations


class Me(View):
    @describe("Who is logged in, in which role", answer=serializers.Me)
    def get(self, request: Request) -> Response:
        return Response({**present.me(self.user), "csrf": get_token(request._request)})


class Active(View):
    @describe(
        "The person at the page did something: they are not away (a page that reads is no proof)",
        answer=None,
        status=204,
    )
    def post(self, request: Request) -> Response:
        # Noted by the middleware, as everything that a person sends.
        return Response(status=204)


class CurrentConsentForm(View):
    @describe("The consent text in force", answer=serializers.ConsentFormOut, errors=[404])
    def get(self, request: Request) -> Response:
        return Response(serializers.ConsentFormOut(consents.current_form()).data)


class Consents(View):
    @describe_page("The patient's own consents", serializers.ConsentOut, name="consents_list")
    def get(self, request: Request) -> Response:
        rows = ViewConsent.filter(self.user, Consent.objects.select_related("form"))
        return self.page(request, rows, lambda row: serializers.ConsentOut(row).data)

    @describe(
        "Accept the text in force",
        takes=serializers.ConsentIn,
        answer=serializers.ConsentOut,
        status=201,
        errors=[400, 403, 404, 409, 422],
    )
    def post(self, request: Request) -> Response:
        given = self.validated(serializers.ConsentIn, request)
        patient = self.patient()
        form = ConsentForm.objects.filter(pk=given["form"]).first()
        if form is None:
            raise NotFound
        consent = consents.give(patient=patient, form=form, scopes=given["scopes"])
        return Response(serializers.ConsentOut(consent).data, status=201)


class WithdrawConsent(View):
    @describe("Take the consent back", answer=None, status=204, errors=[403, 409])
    def post(self, request: Request) -> Response:
        consents.withdraw(patient=self.patient(), by=self.user)
        return Response(status=204)


class Invitations(View):
    @describe_page(
        "The invitations of one's own sites", clinic_shapes.InvitationOut, name="invitations_list"
    )
    def get(self, request: Request) -> Response:
        rows = ManageInvitation.filter(self.user, Invitation.objects.select_related("patient"))
        return self.page(request, rows, lambda row: clinic_shapes.InvitationOut(row).data)

    @describe(
        "Invite a patient; the link is shown once",
        takes=clinic_shapes.InvitationIn,
        answer=clinic_shapes.InvitationMade,
        status=201,
        errors=[400, 404, 422],
    )
    def post(self, request: Request) -> Response:
        given = self.validated(clinic_shapes.InvitationIn, request)
        address = request.build_absolute_uri("/")
        invitation, token = invitations.invite(
            by=self.user,
            site=self.site(WorkAtSite, given["site"]),
            name=given["name"],
            email=given["email"],
            base_url=address,
        )
        link = address.rstrip("/") + invitations.path(token)
        made = clinic_shapes.InvitationOut(invitation).data
        told = {"link": link, "was_mailed": invitation.was_mailed}
        return Response({**made, **told}, status=201)


class RevokeInvitation(View):
    @describe("Close an unused invitation", answer=clinic_shapes.InvitationOut, errors=[404, 409])
    def post(self, request: Request, pk: UUID) -> Response:
        rows = Invitation.objects.select_related("patient")
        invitation = access.find(ManageInvitation, self.user, rows, pk)
        invitations.revoke(by=self.user, invitation=invitation)
        return Response(clinic_shapes.InvitationOut(invitation).data)


class Worklist(View):
    @describe_page(
        "The screenings of a site, newest first",
        serializers.WorklistLine,
        name="worklist_list",
        parameters=[
            OpenApiParameter("state", str, description="Only these states, separated by commas.")
        ],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        site = self.site(WorkAtSite, pk)
        # Without the results' bodies: curves of every screening would be megabytes a page.
        results = Assessment.objects.filter(is_shadow=False).defer("result")
        rows = SCREENINGS.filter(site=site).prefetch_related(
            "clips", "reviews", Prefetch("assessments", results)
        )
        if wanted := request.query_params.get("state"):
            states = set(wanted.split(","))
            closed = Q(is_open=False) if Screening.State.WITHDRAWN in states else Q(pk=None)
            rows = rows.filter(Q(is_open=True, state__in=states) | closed)
        return self.page(request, rows, present.worklist_line)


class Events(View):
    LIMIT: ClassVar[int] = 500

    @describe(
        "What happened on a stream after a number: the same as the socket sends",
        answer=clinic_shapes.EventsOut,
        errors=[404, 422],
        parameters=[
            OpenApiParameter("stream", str, description="`patient` or `site:<id>`", required=True),
            OpenApiParameter("after", int, description="The last number seen; 0 at first."),
        ],
    )
    def get(self, request: Request) -> Response:
        name = request.query_params.get("stream", "patient")
        stream = events.readable_stream(user=self.user, name=name)
        last = events.last_number(stream=stream)
        number = _number(request)
        rows = events.after(stream=stream, number=number, limit=self.LIMIT)
        complete = events.is_complete_after(number=number, last=last, rows=rows)
        answer: dict[str, Any] = {
            "stream": name,
            "last": last,
            "complete": complete,
            "events": rows,
        }
        return Response(clinic_shapes.EventsOut(answer).data)


def _number(request: Request) -> int:
    asked = request.query_params.get("after", "0")
    # Nineteen digits and more do not fit the counter's column.
    if not asked.isascii() or not asked.isdecimal() or len(asked) > 18:
        raise Invalid("“after” is the number of an event.", code="after")
    return int(asked)
