"""The clinic's pages: worklist, case, invitations, comparison of models."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from screening.errors import Invalid, NotAllowed
from screening.models import Intake, Invitation, ModelBundle, Screening, Site, Viewing
from screening.pages.forms import InviteForm
from screening.pages.frame import clinician_page, user_of
from screening.permissions import FollowScreening, ManageInvitation
from screening.services import access, comparison, events, invitations
from screening.services.screenings import INTAKE_FIELDS
from vocabulary.expressions import POSED, title_of
from vocabulary.grades import GRADES
from vocabulary.notes import Note
from vocabulary.signs import SIGNALS, SIGNS

#: So many graded screenings are listed on the page of models; its figures are of all of them.
LINES = 200


def _site(request: HttpRequest, sites: list[Site]) -> Site:
    """The site that ``?site=`` names, else the first one; NotAllowed for a stranger's."""
    wanted = request.GET.get("site") or request.POST.get("site")
    if not wanted:
        return sites[0]
    for site in sites:
        if str(site.pk) == wanted:
            return site
    raise NotAllowed("You do not work at this clinic.")


@require_safe
@ensure_csrf_cookie
@clinician_page
def worklist(request: HttpRequest, sites: list[Site]) -> HttpResponse:
    """The site's screenings; the page keeps itself up to date."""
    site = _site(request, sites)
    data = {"site": str(site.pk), "after": events.last_number(stream=events.site_stream(site.pk))}
    context = {"site": site, "sites": sites, "page_data": data}
    return render(request, "clinic/worklist.html", context)


@require_safe
@ensure_csrf_cookie
@clinician_page
def case(request: HttpRequest, sites: list[Site], key: UUID) -> HttpResponse:
    """One screening: clips, curves, signs, result, review."""
    rows = Screening.objects.select_related("patient", "site", "bundle")
    screening = access.find(FollowScreening, request.user, rows, key)
    access.record_view(user=user_of(request), action=Viewing.CASE, screening=screening)
    site = screening.site
    data: dict[str, Any] = {
        "screening": str(screening.pk),
        "site": str(site.pk),
        "after": events.last_number(stream=events.site_stream(site.pk)),
        "releasePolicy": site.release_policy,
        "bundle": _provenance(screening.bundle),
        "words": _words(),
    }
    context = {"screening": screening, "site": site, "page_data": data, "anchors": GRADES}
    return render(request, "clinic/case.html", context)


def _words() -> dict[str, Any]:
    """What the page calls signs, signals, notes, expressions, grades and the questions of the
    intake."""
    questions = {field.name: field.verbose_name for field in Intake._meta.fields}
    return {
        "signs": {
            name: {"title": sign.title, "masked": sign.masked} for name, sign in SIGNS.items()
        },
        "signals": dict(SIGNALS),
        "notes": {str(note): note.clinician for note in Note},
        "titles": {str(expression): title_of(expression).lower() for expression in POSED},
        "grades": [grade.name.lower() for grade in GRADES],
        "intake": {name: capfirst(questions[name]) for name in INTAKE_FIELDS},
    }


def _provenance(bundle: ModelBundle | None) -> dict[str, Any] | None:
    """What a clinician should know of the model: intended use, training data and their licences."""
    if bundle is None:
        return None
    return {name: bundle.metadata.get(name) for name in ("intended_use", "sources", "training")}


@require_http_methods(["GET", "HEAD", "POST"])
@clinician_page
def invite(request: HttpRequest, sites: list[Site]) -> HttpResponse:
    """Invite a patient: the link is shown once. Or close a link that was not used."""
    site = _site(request, sites)
    if request.POST.get("revoke"):
        return _revoke(request, site, sites)
    form = InviteForm(request.POST or None)
    link = ""
    if form.is_valid():
        try:
            made, token = invitations.invite(
                by=user_of(request),
                site=site,
                base_url=request.build_absolute_uri("/"),
                **form.cleaned_data,
            )
        except Invalid as error:
            form.add_error("email" if error.code == "email" else "name", error.detail)
        else:
            link = request.build_absolute_uri(reverse("invitation", args=[token]))
            return _show_invitations(request, site, sites, InviteForm(), made, link)
    return _show_invitations(request, site, sites, form)


def _revoke(request: HttpRequest, site: Site, sites: list[Site]) -> HttpResponse:
    rows = Invitation.objects.filter(site=site)
    row = access.find(ManageInvitation, request.user, rows, request.POST["revoke"])
    invitations.revoke(by=user_of(request), invitation=row)
    return _show_invitations(request, site, sites, InviteForm())


def _show_invitations(
    request: HttpRequest,
    site: Site,
    sites: list[Site],
    form: InviteForm,
    made: Invitation | None = None,
    link: str = "",
) -> HttpResponse:
    rows = site.invitations.select_related("patient").order_by("-created_at")[:100]
    context = {
        "site": site,
        "sites": sites,
        "form": form,
        "made": made,
        "link": link,
        "rows": [(row, _invitation_state(row)) for row in rows],
    }
    return render(request, "clinic/invite.html", context, status=422 if form.errors else 200)


def _invitation_state(row: Invitation) -> tuple[str, str]:
    """What became of an invitation: words and the badge's colour."""
    if row.accepted_at:
        return "used", "good"
    if row.revoked_at:
        return "withdrawn", ""
    return ("expired", "warn") if row.expires_at <= timezone.now() else ("open", "deep")


@require_safe
@clinician_page
def models(request: HttpRequest, sites: list[Site]) -> HttpResponse:
    """The active and the shadow models side by side, on the screenings this clinic has graded."""
    site, by = _site(request, sites), user_of(request)
    found = comparison.agreements(by=by, site=site)
    lines = comparison.lines(by=by, site=site)[:LINES]
    rows = [
        {"line": line, "answers": [line.answers.get(one.bundle.pk) for one in found]}
        for line in lines
    ]
    answers = [answer for line in lines for answer in line.answers.values()]
    context = {
        "site": site,
        "sites": sites,
        "rows": rows,
        "found": found,
        "enough": comparison.ENOUGH,
        "shows_p_pd": any(answer.p_pd is not None for answer in answers),
    }
    return render(request, "clinic/models.html", context)
