"""Pages about people and their say: landing, invitation, consent, erasure."""

from allauth.account.decorators import reauthentication_required
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from screening.errors import DomainError, Invalid, WrongState
from screening.models import Patient, Scope
from screening.pages.forms import AcceptForm
from screening.pages.frame import page, patient_page, role_of, user_of
from screening.services import consents, erasure, invitations

#: Scope → what a patient reads beside the box.
SCOPE_WORDS = {
    Scope.CARE: (
        "My screening",
        "My recordings are measured, and my clinic sees them and the result.",
    ),
    Scope.RESEARCH: (
        "Research",
        "My clinic may use my recordings, without my name, to study the method. You may say no.",
    ),
    Scope.TRAINING: (
        "Training of models",
        "My recordings, measurements and my clinician’s rating, without my name, may be used to "
        "improve the computer’s judgement; my face can be seen in the recordings. "
        "You may say no.",
    ),
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The landing page; signed-in people go straight to their work."""
    role = role_of(request.user)
    target = {"patient": "screenings", "clinician": "worklist"}.get(role)
    return redirect(target) if target else render(request, "home.html", {"role": role})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """An invited patient chooses a password and is signed in."""
    invited = invitations.find(token=token)
    form = AcceptForm(request.POST or None, initial={"email": invited.email})
    if form.is_valid():
        try:
            user = invitations.accept(token=token, **form.cleaned_data)
        except DomainError as error:
            form.add_error("password" if error.code == "password" else "email", error.detail)
        else:
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect("consent")
    status = 422 if form.is_bound else 200
    context = {"form": form, "invited": invited}
    return render(request, "patient/invitation.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@patient_page
def consent(request: HttpRequest, patient: Patient) -> HttpResponse:
    """The current consent text with a box for each scope."""
    form = consents.current_form()
    standing = consents.standing(patient=patient)
    wrong = ""
    if request.method == "POST" and request.POST.get("form") != str(form.pk):
        # A newer text was published while this page was open: what was read is not in force.
        wrong = "The text has changed. Please read it again."
    elif request.method == "POST":
        try:
            consents.give(patient=patient, form=form, scopes=request.POST.getlist("scopes"))
            return redirect("screenings")
        except (Invalid, WrongState) as error:
            wrong = error.detail
    chosen = request.POST.getlist("scopes") or (standing.scopes if standing else [])
    context = {
        "form": form,
        "standing": standing,
        "is_current": consents.is_current(standing),
        "wrong": wrong,
        "scopes": [
            {"value": scope.value, "title": title, "words": words, "checked": scope in chosen}
            for scope, (title, words) in SCOPE_WORDS.items()
        ],
    }
    return render(request, "patient/consent.html", context, status=422 if wrong else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@patient_page
def withdraw_consent(request: HttpRequest, patient: Patient) -> HttpResponse:
    """Ask once more, then take the consent back."""
    if request.method == "POST":
        consents.withdraw(patient=patient, by=user_of(request))
        return redirect("screenings")
    context = {"patient": patient, "standing": consents.standing(patient=patient)}
    return render(request, "patient/withdraw_consent.html", context)


#: Typed by a patient who has everything deleted; in capital letters or not.
ERASE_WORD = "delete"


@require_http_methods(["GET", "HEAD", "POST"])
@patient_page
@reauthentication_required
def erase(request: HttpRequest, patient: Patient) -> HttpResponse:
    """A patient has everything deleted, after a password and a typed word: nothing undoes it."""
    typed = request.POST.get("typed", "").strip().strip(".\"'“”").lower()
    if request.method == "POST" and typed == ERASE_WORD:
        by = user_of(request)
        logout(request)
        erasure.erase_patient(by=by, patient=patient)
        # The page clears away what this browser still keeps for the account.
        return render(request, "patient/erased.html", {"page_data": {"user": str(by.pk)}})
    wrong = request.method == "POST"
    context = {
        "patient": patient,
        "word": ERASE_WORD.upper(),
        "wrong": wrong,
        "standing": consents.standing(patient=patient),
    }
    return render(request, "patient/erase.html", context, status=422 if wrong else 200)
