"""The patient's pages: history, intake, camera, status and result."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from screening.errors import Invalid
from screening.models import Intake, Patient, Screening
from screening.pages.forms import DoseForm, IntakeForm, intake_initial
from screening.pages.frame import patient_page, user_of
from screening.permissions import RecordScreening
from screening.services import (
    access,
    consents,
    courses,
    events,
    protocols,
    retries,
    screenings,
)

State = Screening.State
#: State → what the patient reads in the history, and the badge's colour.
HISTORY_WORDS = {
    State.DRAFT: ("Not finished yet", "warn"),
    State.SUBMITTED: ("Being measured", "deep"),
    State.NEEDS_RERECORD: ("Please record some parts again", "warn"),
    State.SCORED: ("With your clinic", "deep"),
    State.RELEASED: ("Result is here", "good"),
    State.WITHDRAWN: ("Taken back", ""),
}


def _own(request: HttpRequest, patient: Patient, key: UUID) -> Screening:
    """The patient's own screening; NotFound for a stranger's."""
    rows = patient.screenings.select_related("site", "protocol", "patient")
    return access.find(RecordScreening, request.user, rows, key)


def _page_data(request: HttpRequest, patient: Patient, screening: Screening) -> dict[str, Any]:
    """What the page's script must know: ids and where to start listening. No health data."""
    return {
        "screening": str(screening.pk),
        "user": str(request.user.pk),
        "after": events.last_number(stream=events.patient_stream(patient.pk)),
        "contact": screening.site.contact,
        "site": screening.site.name,
    }


def _history_words(row: Screening) -> tuple[str, str]:
    if retries.is_delayed(row):
        return "Delayed; your clinic was told", "warn"
    return HISTORY_WORDS[State(row.state)]


@require_http_methods(["GET", "HEAD", "POST"])
@patient_page
def screenings_page(request: HttpRequest, patient: Patient) -> HttpResponse:
    """The patient's own screenings; POST starts one, or goes on with the open draft."""
    if request.method == "POST":
        return _begin(request, patient)
    standing = consents.standing(patient=patient)
    found = patient.screenings.select_related("protocol").order_by("-created_at")
    open_rows = [row for row in found if row.state in screenings.RECORDING]
    context: dict[str, Any] = {
        "patient": patient,
        "rows": [{"screening": row, "words": _history_words(row)} for row in found],
        "open": open_rows[0] if open_rows else None,
        "standing": standing,
        "must_consent": not consents.is_current(standing),
        "next": courses.next_session(patient=patient),
    }
    context["research"] = protocols.for_research(context["next"].protocol)
    context["dots"] = range(1, context["next"].most + 1)
    context["now"] = timezone.now()
    return render(request, "patient/screenings.html", context)


def _begin(request: HttpRequest, patient: Patient) -> HttpResponse:
    """To the questions, or to the camera at once where there is nothing to ask."""
    started = screenings.start(patient=patient)
    if not hasattr(started, "intake"):
        answers = screenings.earlier_answers(started)
        if answers is None or not screenings.takes_no_dose(answers):
            return redirect("intake", key=started.pk)
        screenings.save_intake(by=user_of(request), screening=started, answers=answers)
    return redirect("record", key=started.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@patient_page
def intake(request: HttpRequest, patient: Patient, key: UUID) -> HttpResponse:
    """A few questions about what else can still a face; in a further session of a course about the
    dose alone, unless ``?all``."""
    screening = _own(request, patient, key)
    if screening.state not in screenings.RECORDING:
        return redirect("screening", key=key)
    earlier = None if "all" in request.GET else screenings.earlier_answers(screening)
    # An intake left wholly open is an answer too: an empty POST must be bound.
    given = request.POST if request.method == "POST" else None
    known = _known_answers(patient, screening)
    form = IntakeForm(given, initial=known) if earlier is None else DoseForm(given, initial=known)
    if form.is_valid():
        answers = {**(earlier or {}), **form.answers()}
        try:
            screenings.save_intake(by=user_of(request), screening=screening, answers=answers)
        except Invalid as error:
            form.add_error(None, error.detail)
        else:
            return redirect("record", key=key)
    status = 422 if form.is_bound and form.errors else 200
    context = {"form": form, "screening": screening, "is_dose_alone": earlier is not None}
    return render(request, "patient/intake.html", context, status=status)


def _known_answers(patient: Patient, screening: Screening) -> dict[str, Any]:
    """This screening's answers, else those of the last one that still hold."""
    rows = Intake.objects.filter(screening__patient=patient)
    own = rows.filter(screening=screening).first()
    if own is not None:
        return intake_initial(own)
    earlier = intake_initial(rows.order_by("-created_at").first())
    return {name: value for name, value in earlier.items() if name != "hours_since_dose"}


@require_safe
@ensure_csrf_cookie
@patient_page
def record(request: HttpRequest, patient: Patient, key: UUID) -> HttpResponse:
    """The camera page."""
    screening = _own(request, patient, key)
    if screening.state not in screenings.RECORDING:
        return redirect("screening", key=key)
    if not consents.standing(patient=patient):
        return redirect("consent")
    if not Intake.objects.filter(screening=screening).exists():
        return redirect("intake", key=key)
    context = {"screening": screening, "page_data": _page_data(request, patient, screening)}
    return render(request, "patient/record.html", context)


@require_safe
@ensure_csrf_cookie
@patient_page
def screening(request: HttpRequest, patient: Patient, key: UUID) -> HttpResponse:
    """Live status, then the released result."""
    row = _own(request, patient, key)
    context = {"screening": row, "page_data": _page_data(request, patient, row)}
    return render(request, "patient/screening.html", context)


@require_POST
@patient_page
def withdraw(request: HttpRequest, patient: Patient, key: UUID) -> HttpResponse:
    """The patient takes a screening back."""
    screenings.withdraw(by=user_of(request), screening=_own(request, patient, key))
    return redirect("screenings")
