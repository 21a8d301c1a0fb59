"""What every page shares: who may open it, and typed errors shown as a calm page."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from screening.errors import DomainError, NotAllowed
from screening.models import Patient, Site, User
from screening.permissions import ActAsPatient, Actor, WorkAtSite, is_administrator

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponse]


def user_of(request: HttpRequest) -> User:
    """The signed-in user; NotAllowed for nobody (pages behind a log-in never raise it)."""
    if not isinstance(request.user, User):
        raise NotAllowed
    return request.user


def patient_of(user: Actor) -> Patient | None:
    """The patient record that this user acts as."""
    return ActAsPatient.filter(user, Patient.objects.select_related("site")).first()


def sites_of(user: Actor) -> list[Site]:
    """The clinics where this user works, by name."""
    return list(WorkAtSite.filter(user, Site.objects.all()).order_by("name"))


def role_of(user: Actor) -> str:
    """``clinician``, ``patient``, ``admin``, ``nobody`` (no role yet) or ``anonymous``."""
    if not isinstance(user, User):
        return "anonymous"
    if sites_of(user):
        return "clinician"
    if patient_of(user):
        return "patient"
    return "admin" if is_administrator(user) or user.is_staff else "nobody"


def show_error(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The error's sentence on a page of its own, with its status."""
    return render(request, "error.html", {"error": error}, status=error.status)


def page(view: Page[P]) -> Page[P]:
    """A page whose typed errors are shown in words."""

    @wraps(view)
    def shown(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            if getattr(error, "code", "") == "consent_missing" and request.user.is_authenticated:
                return redirect("consent")
            return show_error(request, error)

    return shown


def patient_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page for a signed-in patient; the view is given the patient after the request."""

    @login_required
    @page
    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: object) -> HttpResponse:
        patient = patient_of(request.user)
        if patient is None:
            raise NotAllowed("This page is for patients. You are signed in as somebody else.")
        return view(request, patient, **kwargs)

    return guarded


def clinician_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page for a signed-in clinician; the view is given the sites after the request."""

    @login_required
    @page
    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: object) -> HttpResponse:
        sites = sites_of(request.user)
        if not sites:
            raise NotAllowed("This page is for the clinic. You are signed in as somebody else.")
        return view(request, sites, **kwargs)

    return guarded
