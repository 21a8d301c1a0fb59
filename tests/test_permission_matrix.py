"""Who may open what: every address of the site × six people, read off the URL configuration.

A route that is new has no rule here and fails the test. A rule names who gets past the permission;
whatever happens then (another state, a missing field) is other tests' business, but never a 5xx.
Everybody else gets 401, 403, 404 or the way to the log-in, and no stranger's answer holds anything
of the case.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from screening.models import ConsentForm, Membership, Patient, Screening, Site, User
from screening.services import invitations, media, uploads
from tests.screening import factories as make

ROLES = ("anonymous", "patient", "other patient", "clinician", "other clinician", "admin")
EVERYBODY = frozenset(ROLES)
SIGNED_IN = EVERYBODY - {"anonymous"}
PATIENTS = frozenset({"patient", "other patient"})
CLINICIANS = frozenset({"clinician", "other clinician"})
THE_PATIENT = frozenset({"patient"})
THE_CLINICIAN = frozenset({"clinician"})
THE_CASE = frozenset({"patient", "clinician"})
ADMIN = frozenset({"admin"})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Rule:
    """Who gets past the permission of one route with one method; how to ask."""

    allowed: frozenset[str]
    body: Any = None
    query: str = ""
    #: The page may have nothing for them (no second factor to show, no code to confirm).
    may_be_empty: bool = False
    #: Whoever holds the link may read what it opens.
    link_is_key: bool = False


@dataclass(frozen=True)
class Case:
    """A released screening, a draft with an open upload, and everybody around them."""

    people: dict[str, User]
    site: Site
    screening: Screening
    ids: dict[str, str]
    secrets: tuple[str, ...]


def pages(allowed: frozenset[str], *methods: str) -> dict[str, Rule]:
    return {method: Rule(allowed) for method in methods}


FORM = ("GET", "HEAD", "POST")
READ = ("GET", "HEAD")
#: Route → method → rule. ``{…}`` in a query or body is filled in from ``Case.ids``.
RULES: dict[str, dict[str, Rule]] = {
    "healthz": pages(EVERYBODY, *METHODS),
    "readyz": pages(EVERYBODY, *METHODS),
    "schema": pages(EVERYBODY, *READ),
    "api-docs": pages(EVERYBODY, *READ),
    # --- pages
    "home": pages(EVERYBODY, *READ),
    "invitation": {method: Rule(EVERYBODY, link_is_key=True) for method in FORM},
    "consent": pages(PATIENTS, *FORM),
    "withdraw_consent": pages(PATIENTS, *FORM),
    "erase": pages(PATIENTS, *FORM),
    "screenings": pages(PATIENTS, *FORM),
    "screening": pages(THE_PATIENT, *READ),
    "intake": pages(THE_PATIENT, *FORM),
    "record": pages(THE_PATIENT, *READ),
    "withdraw_screening": pages(THE_PATIENT, "POST"),
    "worklist": {
        "GET": Rule(THE_CLINICIAN, query="?site={site}"),
        "HEAD": Rule(CLINICIANS),
    },
    "invite": {
        "GET": Rule(THE_CLINICIAN, query="?site={site}"),
        "HEAD": Rule(CLINICIANS),
        "POST": Rule(THE_CLINICIAN, query="?site={site}"),
    },
    "models": {
        "GET": Rule(THE_CLINICIAN, query="?site={site}"),
        "HEAD": Rule(CLINICIANS),
    },
    "case": pages(THE_CLINICIAN, *READ),
    # --- API
    "api-index": pages(EVERYBODY, *READ),
    "api-me": pages(SIGNED_IN, *READ),
    "api-active": pages(SIGNED_IN, "POST"),
    "api-consent-form": pages(SIGNED_IN, *READ),
    "api-consents": {
        "GET": Rule(SIGNED_IN),
        "HEAD": Rule(SIGNED_IN),
        "POST": Rule(PATIENTS, {"form": "{form}", "scopes": ["care"]}),
    },
    "api-consent-withdraw": pages(PATIENTS, "POST"),
    "api-invitations": {
        "GET": Rule(SIGNED_IN),
        "HEAD": Rule(SIGNED_IN),
        "POST": Rule(THE_CLINICIAN, {"site": "{site}", "name": "Somebody"}),
    },
    "api-invitation-revoke": pages(THE_CLINICIAN, "POST"),
    "api-worklist": pages(THE_CLINICIAN, *READ),
    "api-site-comparison": pages(THE_CLINICIAN, *READ),
    "api-comparison": pages(ADMIN, *READ),
    "api-events": {
        "GET": Rule(THE_CLINICIAN, query="?stream=site:{site}"),
        "HEAD": Rule(PATIENTS, query="?stream=patient"),
    },
    "api-screenings": {"GET": Rule(SIGNED_IN), "HEAD": Rule(SIGNED_IN), "POST": Rule(PATIENTS)},
    "api-screening": pages(THE_CASE, *READ),
    "api-intake": {"PUT": Rule(THE_PATIENT, {"age_years": 60})},
    "api-submit": pages(THE_PATIENT, "POST"),
    "api-withdraw": pages(THE_PATIENT, "POST"),
    "api-release": pages(THE_CLINICIAN, "POST"),
    "api-request-rerecord": {"POST": Rule(THE_CLINICIAN, {"steps": ["smile"]})},
    "api-reviews": {
        **pages(THE_CLINICIAN, *READ),
        "POST": Rule(THE_CLINICIAN, {"grade": 1, "note": ""}),
    },
    "api-assessment": pages(THE_CASE, *READ),
    "api-course": pages(THE_CASE, *READ),
    "api-clip": pages(THE_CASE, *READ),
    "api-clip-skip": {"POST": Rule(THE_PATIENT, {"reason": "tired"})},
    "api-clip-rerecord": pages(THE_PATIENT, "POST"),
    "api-clip-video": pages(THE_CASE, *READ),
    "api-clip-address": pages(THE_CASE, *READ),
    # The address was signed for the patient.
    "api-clip-media": pages(THE_PATIENT, *READ),
    "api-clip-measurement": pages(THE_CLINICIAN, *READ),
    "api-uploads": pages(THE_PATIENT, "POST"),
    "api-upload": pages(THE_PATIENT, "HEAD", "PATCH", "DELETE", "POST"),
    "api-upload-complete": {"POST": Rule(THE_PATIENT, {"size": 3, "sha256": "0" * 64})},
}
#: django-allauth's pages: open to everybody, or for those who are signed in.
OPEN_ACCOUNT_PAGES = {
    *("account_login", "account_logout", "account_inactive", "account_signup"),
    *("account_email_verification_sent", "account_confirm_email", "account_confirm_login_code"),
    *("account_reset_password", "account_reset_password_done", "mfa_authenticate"),
    *("account_reset_password_from_key", "account_reset_password_from_key_done"),
    "mfa_login_webauthn",
}
SIGNED_IN_ACCOUNT_PAGES = {
    *("account_devices", "account_email", "account_change_password", "account_set_password"),
    *("account_reauthenticate", "mfa_index", "mfa_reauthenticate", "mfa_activate_totp"),
    *("mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes"),
    *("mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn"),
    *("mfa_edit_webauthn", "mfa_remove_webauthn", "mfa_reauthenticate_webauthn"),
}
#: The admin site's log-in sends everybody to the site's own, with its limits and second factor.
OPEN_ADMIN_PAGES = {"admin:logout"}
for names, who in ((OPEN_ACCOUNT_PAGES, EVERYBODY), (SIGNED_IN_ACCOUNT_PAGES, SIGNED_IN)):
    for account_page in names:
        RULES[account_page] = {method: Rule(who, may_be_empty=True) for method in ("GET", "POST")}
RULES |= {name: pages(EVERYBODY, "GET", "POST") for name in OPEN_ADMIN_PAGES}


def routes(
    patterns: list[URLPattern | URLResolver] | None = None, space: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Every route with its full name."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from routes(pattern.url_patterns, inner)
        else:
            yield f"{space}{pattern.name}", pattern


def rules_of(name: str) -> dict[str, Rule] | None:
    """A route's rules; whatever the admin site offers is for administrators."""
    if name.startswith("admin:") and name not in RULES:
        return pages(ADMIN, "GET", "POST")
    return RULES.get(name)


def offered(pattern: URLPattern) -> set[str]:
    """The methods that a view has: a class says so itself; a function is asked all of them."""
    view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
    if view is None:
        return set(METHODS)
    found = {method for method in METHODS if hasattr(view, method.lower())}
    return found | ({"HEAD"} if "GET" in found else set())


@pytest.fixture
def case(db: None) -> Case:
    return make_case()


def make_case() -> Case:
    patient = make.PatientFactory(site__release_policy="at_once", name="Ada Secret")
    other = make.PatientFactory(name="Somebody Else")
    released = make.scored(patient)
    assert released.state == Screening.State.RELEASED
    draft = make.draft(patient)
    make.consent(other)
    clinician = make.ClinicianFactory(site=patient.site)
    clip = make.clip_of(draft, "smile")
    upload = uploads.create(by=make.person(draft), clip=clip)
    invitation, token = invitations.invite(by=clinician, site=patient.site, name="Bea Secret")
    people = {
        "patient": make.person(released),
        "other patient": other.user,
        "clinician": clinician,
        "other clinician": make.ClinicianFactory(site=other.site),
        "admin": make.AdminFactory(),
    }
    smile = make.clip_of(released, "smile")
    ids = {
        "site": str(patient.site_id),
        "form": str(ConsentForm.objects.get().pk),
        "screening": str(released.pk),
        "draft": str(draft.pk),
        "clip": str(smile.pk),
        "media": media.address(by=people["patient"], clip=smile).url.split("/")[-2],
        "upload": str(upload.pk),
        "invitation": str(invitation.pk),
        "token": token,
        "user": str(people["patient"].pk),
    }
    secrets = (patient.pseudonym, "Ada Secret", "Bea Secret", str(draft.pk), ids["screening"])
    assert Membership.objects.count() == 2
    assert Patient.objects.count() == 3
    return Case(people, patient.site, released, ids, secrets)


def address(name: str, pattern: URLPattern, case: Case) -> str | None:
    """The route's address for this case; None for the admin's patterns without a name."""
    if name.endswith(":None"):
        return None
    names = list(pattern.pattern.converters) or list(pattern.pattern.regex.groupindex)
    row = next(
        (case.ids[kind] for kind in ("invitation", "upload", "clip") if f"-{kind}" in name),
        case.ids["screening"],
    )
    if name == "api-uploads":
        row = case.ids["clip"]
    if name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
        row, names = "1", ["pk"]  # the number stands in the part of the address before
    values = {
        "pk": case.ids["site"] if name in ("api-worklist", "api-site-comparison") else row,
        "key": case.ids["screening"],
        "token": case.ids["token"],
        "id": case.ids["user"],
        "object_id": case.ids["screening"],
        "content_type_id": "1",
        "app_label": "screening",
        "uidb36": "1",
    }
    if name == "api-clip-media":
        values["token"] = case.ids["media"]
    if name.startswith("account_"):
        values["key"] = "no-such-key"
    return reverse(name, kwargs={key: values[key] for key in names})


def ask(client: Client, method: str, path: str, rule: Rule, case: Case) -> HttpResponseBase:
    """One request whose every effect is taken back."""
    body = rule.body
    if isinstance(body, dict):
        body = {
            key: value.format(**case.ids) if isinstance(value, str) else value
            for key, value in body.items()
        }
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Upload-Defer-Length": "1"}
    content = "application/offset+octet-stream" if method == "PATCH" else "application/json"
    data = b"abc" if method == "PATCH" else json.dumps({} if body is None else body)
    if not path.startswith("/api/") and method == "POST":
        content, data = "application/x-www-form-urlencoded", ""
    cookies = client.cookies.copy()
    with transaction.atomic():
        response: HttpResponseBase = client.generic(
            method, path + rule.query.format(**case.ids), data, content, headers=headers
        )
        if response.streaming:
            list(response.streaming_content)  # type: ignore[attr-defined]
        transaction.set_rollback(True)
    client.cookies = cookies  # logging out is an effect too
    return response


def turned_away(response: HttpResponseBase) -> bool:
    to_log_in = response.status_code == 302 and "/login/" in response.headers["Location"]
    return to_log_in or response.status_code in {401, 403, 404}


def tells(response: HttpResponseBase, case: Case) -> list[str]:
    """What of the case stands in an answer."""
    text = "" if response.streaming else response.content.decode(errors="replace")  # type: ignore[attr-defined]
    return [secret for secret in case.secrets if secret in text]


def judge(role: str, rule: Rule, response: HttpResponseBase, case: Case) -> str:
    """What is wrong with this answer to this person; empty when nothing is."""
    if response.status_code == 405:
        return ""
    if response.status_code >= 500 and response.status_code != 503:
        return f"answers {response.status_code}"
    if role in rule.allowed and turned_away(response) and not rule.may_be_empty:
        return f"turned away with {response.status_code}"
    if role not in rule.allowed and not turned_away(response):
        return f"let in with {response.status_code}"
    strangers = {"anonymous", "other patient", "other clinician"}
    if role in strangers and not rule.link_is_key and tells(response, case):
        return f"was told {tells(response, case)}"
    return ""


def clients(case: Case) -> dict[str, Client]:
    found = {}
    for role in ROLES:
        found[role] = Client(raise_request_exception=False)
        if role in case.people:
            found[role].force_login(
                case.people[role], backend="django.contrib.auth.backends.ModelBackend"
            )
    return found


def test_every_route_has_a_rule_for_every_method_it_offers() -> None:
    lacking = []
    for name, pattern in routes():
        rules = rules_of(name)
        if rules is None:
            lacking.append(f"{name} ({pattern.pattern}): no rule")
        elif getattr(pattern.callback, "cls", None) is not None:
            lacking += [f"{name}: no rule for {m}" for m in offered(pattern) - set(rules)]
    assert lacking == []


def test_every_rule_belongs_to_a_route() -> None:
    assert set(RULES) <= {name for name, _ in routes()}


def test_everybody_gets_what_is_theirs_and_nothing_else(case: Case) -> None:
    wrong = []
    people = clients(case)
    for name, pattern in routes():
        path = address(name, pattern, case)
        if path is None or name.startswith("admin:"):
            continue
        for method, rule in (rules_of(name) or {}).items():
            for role, client in people.items():
                fault = judge(role, rule, ask(client, method, path, rule, case), case)
                if fault:
                    wrong.append(f"{method} {name} as {role}: {fault}")
    assert not wrong, "\n".join(wrong)


def test_admin_site_is_for_administrators(case: Case) -> None:
    wrong = []
    people = clients(case)
    for name, pattern in routes():
        path = address(name, pattern, case)
        if path is None or not name.startswith("admin:"):
            continue
        for method, rule in (rules_of(name) or {}).items():
            for role, client in people.items():
                response = ask(client, method, path, rule, case)
                if role == "admin" and not name.endswith(("_changelist", "index")):
                    # Evidence rows: even an administrator may not add, change or delete them.
                    assert response.status_code < 500, f"{method} {name}"
                    continue
                fault = judge(role, rule, response, case)
                if fault:
                    wrong.append(f"{method} {name} as {role}: {fault}")
    assert not wrong, "\n".join(wrong)


def test_methods_without_a_rule_are_not_offered(case: Case) -> None:
    """A page that is a function cannot say what it offers: it is asked."""
    wrong = []
    client = clients(case)["clinician"]
    patient = clients(case)["patient"]
    for name, pattern in routes():
        path = address(name, pattern, case)
        if path is None or name.startswith(("admin:", "account_", "mfa_")):
            continue
        for method in sorted(set(METHODS) - set(rules_of(name) or {})):
            for one in (client, patient):
                response = ask(one, method, path, Rule(EVERYBODY), case)
                if response.status_code not in {401, 403, 404, 405}:
                    wrong.append(f"{method} {name}: {response.status_code}")
    assert not wrong, "\n".join(wrong)
