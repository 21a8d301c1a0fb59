"""Hostile words in every column that holds any, run inside the site's own Django.

The columns come from the models: one that is added tomorrow is planted too, or the exemption says
why not.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.db.models import CharField, Field, JSONField, Model, TextField
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from screening.models import (
    Assessment,
    BundleFile,
    Clip,
    ClipMeasurement,
    ConsentForm,
    ModelBundle,
    Site,
    StoreSurvey,
    User,
)
from screening.services import clips, cohort, invitations, media, results, screenings
from tests.e2e import held
from tests.screening import factories as make
from tests.test_permission_matrix import Case, address, routes, rules_of

#: Markup, a handler, a script from our own origin, template languages: for HTML, attributes, JSON
#: in a page, and addresses.
WORDS = (
    "\"'></script></template><u id=planted></u><img src=x onerror=planted(1)>"
    "<svg onload=planted(1)><script src=/api/v1/me/>planted(1)</script>{{7*7}}{% now %}${7*7}"
)
SHORT = "<u id=p>"
#: Columns whose value the code makes and reads: with another one this would not be the site.
EXEMPT = {
    "screening.User.password": "a hash",
    "screening.User.email": "who logs in; the e-mail addresses of others are planted",
    "screening.Invitation.token_sha256": "a hash",
    "screening.Clip.storage_key": "a path made by the site; the bytes there are planted",
    "screening.Clip.playback_key": "the same",
    "screening.UploadChunk.storage_key": "the same",
    "screening.Clip.sha256": "verified",
    "screening.ClipMeasurement.clip_sha256": "verified",
    "screening.Clip.mime_type": "the database takes containers only: test_containers",
    "screening.Upload.mime_type": "the same",
    "screening.AttemptCounter.key": "a hash",
    "screening.EventStream.key": "an id",
    "screening.StoreSurvey.position": "a path made by the site",
    "screening.QuarantinedObject.key": "the same",
    "screening.BundleFile.storage_key": "the same",
    "screening.CourseResult.sessions_digest": "a hash",
    "screening.BundleFile.sha256": "verified",
}
#: Parts of a result with a few words to choose from: with another one no page would read the rest.
CHOSEN = {"state", "medication"}
#: Others' tables that hold no word of a person's, or a session's own state.
OTHERS = {"admin.LogEntry", "auth.Group", "account.EmailAddress"}


def columns() -> Iterator[tuple[type[Model], "Field[Any, Any]"]]:
    """Every column of ours that can hold words, and of others' tables that people write to."""
    for model in apps.get_models():
        if model._meta.app_label != "screening" and model._meta.label not in OTHERS:
            continue
        for field in model._meta.concrete_fields:
            name = f"{model._meta.label}.{field.name}"
            is_text = isinstance(field, CharField | TextField | JSONField)
            if is_text and not field.choices and not field.primary_key and name not in EXEMPT:
                yield model, field


def plant(keep_addresses: set[str]) -> list[str]:
    """Puts hostile words into each row; returns the columns that were planted."""
    planted = []
    for model, field in columns():
        for number, row in enumerate(model._default_manager.order_by("pk")):
            before = getattr(row, field.name)
            if isinstance(before, str) and before in keep_addresses:
                continue
            value = hostile(before, field, number)
            model._default_manager.filter(pk=row.pk).update(**{field.name: value})
            planted.append(f"{model._meta.label}.{field.name}")
    return sorted(set(planted))


def hostile(value: Any, field: "Field[Any, Any]", number: int) -> Any:
    if isinstance(field, JSONField):
        return inside(value)
    room = field.max_length or 10_000
    # Some columns are unique, or unique with another.
    mark = str(number)
    text = WORDS if len(WORDS) + len(mark) <= room else SHORT
    return (text[: room - len(mark)] + mark) if value or field.blank or number else text[:room]


def inside(value: Any) -> Any:
    """The same shape with hostile words in place of each; a list of words gets one more."""
    if isinstance(value, dict):
        return {key: one if key in CHOSEN else inside(one) for key, one in value.items()}
    if isinstance(value, list):
        if all(isinstance(one, str) for one in value):
            return [*value, WORDS]
        return [inside(one) for one in value]
    return WORDS if isinstance(value, str) else value


def site() -> dict[str, Any]:
    """A whole case with hostile bytes for a film, everything about it planted; what each role may
    open of it."""
    screening = held.case(b"<!doctype html><script>planted(1)</script>" + WORDS.encode() * 9)
    patient, site_row = screening.patient, screening.site
    clinician = User.objects.get(email=held.CLINICIAN)
    rest = make.clip_of(screening, "rest")
    # One film with a type of ours, one that no recorder gave a type.
    Clip.objects.filter(pk=rest.pk).update(mime_type="")
    stranger = make.PatientFactory(site=site_row, user__email='"<svg/onload=planted(1)>"@x.org')
    draft = make.draft(stranger)
    clips.skip(by=stranger.user, clip=make.clip_of(draft, "smile"), reason="tired")
    # In their place at last: what a draft of the patient's own shows on the camera page.
    mine = screenings.start(patient=patient)
    screenings.save_intake(by=patient.user, screening=mine, answers={"age_years": 67})
    broken = make.send(make.clip_of(mine, "smile"))
    make.measure(broken, "unusable", "too_dark")
    cohort.export(folder=Path(tempfile.mkdtemp()) / "cohort")
    invitation, token = invitations.invite(by=clinician, site=site_row, name="Cy", email="c@x.org")
    now = timezone.now()
    StoreSurvey.objects.create(lease_until=now, finished_at=now)
    bundle = ModelBundle.objects.latest("created_at")
    BundleFile.objects.create(bundle=bundle, name="a", storage_key="b", size=1, sha256="c")
    Group.objects.create(name="staff")
    EmailAddress.objects.create(user=stranger.user, email=stranger.user.email)
    LogEntry.objects.log_actions(clinician.pk, Site.objects.all(), CHANGE, "changed")
    planted = plant({held.CLINICIAN, held.PATIENT, held.ADMIN})
    # Else the pages would say that they cannot read it, in place of what was planted.
    results.read(Assessment.objects.get())
    for measurement in ClipMeasurement.objects.all():
        results.read_measurement(measurement)
    ids = {
        "site": str(site_row.pk),
        "form": str(ConsentForm.objects.latest("created_at").pk),
        "screening": str(screening.pk),
        "clip": str(make.clip_of(screening, "smile").pk),
        "media": media.address(by=clinician, clip=rest).url.split("/")[-2],
        "upload": str(screening.pk),
        "invitation": str(invitation.pk),
        "token": token,
        "user": str(patient.user.pk),
    }
    case = Case({}, site_row, screening, ids, ())
    pages = {role: list(_pages(role, case)) for role in ("anonymous", "patient", "clinician")}
    pages["patient"] += [f"/screenings/{mine.pk}/record/", f"/screenings/{mine.pk}/intake/"]
    pages["clinician"] += [
        media.address(by=clinician, clip=clip).url for clip in screening.clips.all()
    ]
    pages["admin"] = list(_admin_pages())
    return {"planted": planted, "pages": pages}


def _pages(role: str, case: Case) -> Iterator[str]:
    for name, pattern in routes():
        rule = (rules_of(name) or {}).get("GET")
        path = None if name.startswith("admin:") or rule is None else address(name, pattern, case)
        # Signing out, and asking a queue, are for other tests.
        if path and rule and role in rule.allowed and name not in ("account_logout", "readyz"):
            yield path + rule.query.format(**case.ids)
    yield f"/no/such/page/{quote(WORDS)}/"
    yield f"/clinic/?site={quote(WORDS)}"


def _admin_pages() -> Iterator[str]:
    for model in {model for model, _ in columns()}:
        page = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.order_by("pk").first()
        try:
            yield reverse(f"{page}_changelist") + f"?q={quote(SHORT)}"
            yield reverse(f"{page}_changelist")
        except NoReverseMatch:
            continue
        if row is not None:
            yield reverse(f"{page}_change", args=[row.pk])
            yield reverse(f"{page}_history", args=[row.pk])
