"""One thing wrong at a time: every field with every value that nobody means."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from tests.fuzz import values
from tests.fuzz.site import Ask, Site, filled, query
from tests.fuzz.values import FILM, FORM_TYPE, JSON_TYPE, MEANT, OCTETS
from tests.test_permission_matrix import ROLES

#: Whose page sends it.
CLINICIANS = {"api-invitations", "api-request-rerecord", "api-reviews"}
LISTS = {
    "api-screenings": "clinician",
    "api-consents": "patient",
    "api-invitations": "clinician",
    "api-worklist": "clinician",
}
ABOUT_UPLOADS = {
    *("Upload-Metadata", "Upload-Length", "Upload-Offset", "Upload-Defer-Length"),
    *("Tus-Resumable", "X-HTTP-Method-Override"),
}
#: Pages with forms, and who sees them; of the admin site every page with a form.
FORMS = [
    ("anonymous", "account_login"),
    ("anonymous", "account_reset_password"),
    ("anonymous", "invitation"),
    ("patient", "intake"),
    ("patient", "consent"),
    ("patient", "account_change_password"),
    ("patient", "account_email"),
    ("clinician", "invite"),
    ("clinician", "mfa_activate_totp"),
    ("clinician", "mfa_add_webauthn"),
]


@dataclass(frozen=True)
class Wrong:
    """How much is tried."""

    strings: list[str]
    numbers: list[float]
    headers: list[str]
    form: list[str]

    @classmethod
    def of(cls, thorough: bool) -> "Wrong":
        if thorough:
            every = values.STRINGS
            return cls(every, values.NUMBERS, values.HEADER_VALUES, every)
        return cls(
            values.FEW_STRINGS, values.FEW_NUMBERS, values.FEW_HEADER_VALUES, values.FEW_FOR_FORMS
        )

    def instead_of(self, meant: Any) -> Iterator[Any]:
        """The body with one value replaced by each that is wrong, at any depth."""
        if isinstance(meant, dict):
            for key, one in meant.items():
                for wrong in self.instead_of(one):
                    yield {**meant, key: wrong}
        elif isinstance(meant, list):
            for wrong in self.instead_of(meant[0]):
                yield [wrong, *meant[1:]]
        yield from (*self.strings, *self.numbers, None, True, [], {}, {"\x00": "\ud800"})


Tried = tuple[Ask, list[Ask]]


def bodies(site: Site, wrong: Wrong) -> Iterator[Tried]:
    """What the API is sent, and what is looked at afterwards where it was taken."""
    ids = site.case.ids

    def draft(name: str) -> str:
        return site.paths[name].replace(ids["screening"], ids["draft"])

    reads = [
        Ask("patient", "GET", draft("api-screening")),
        Ask("patient", "GET", draft("intake")),
        Ask("clinician", "GET", draft("case")),
        Ask("clinician", "GET", site.paths["case"]),
        Ask("clinician", "GET", site.paths["invite"]),
        Ask("clinician", "GET", site.paths["api-invitations"]),
    ]
    for name, meant in MEANT.items():
        role = "clinician" if name in CLINICIANS else "patient"
        method = "PUT" if name == "api-intake" else "POST"
        path = site.paths[name] if name in CLINICIANS else draft(name)
        for body in wrong.instead_of(filled(meant, ids)):
            yield Ask(role, method, path, body=json.dumps(body).encode()), reads
    for name in ("api-intake", "api-invitations"):
        role = "clinician" if name in CLINICIANS else "patient"
        method = "PUT" if name == "api-intake" else "POST"
        raw = [(JSON_TYPE, body) for body in values.RAW] + [(k, b"{}") for k in values.TYPES]
        for kind, body in raw:
            yield Ask(role, method, draft(name), kind, body), []


def queries(site: Site, wrong: Wrong) -> Iterator[Tried]:
    for name, role in LISTS.items():
        for letter in "por":
            for said in wrong.strings:
                cursor = base64.b64encode(query({letter: said}).encode()).decode()
                yield Ask(role, "GET", f"{site.paths[name]}?{query({'cursor': cursor})}"), []
    pages = {"worklist": "site", "invite": "site", "models": "site", "api-events": "stream"}
    for name, asked in {**pages, "api-worklist": "state", "account_login": "next"}.items():
        for said in wrong.strings:
            yield Ask("clinician", "GET", f"{site.paths[name]}?{query({asked: said})}"), []


def headers(site: Site, wrong: Wrong) -> Iterator[Tried]:
    for header in values.HEADERS:
        for said in wrong.headers:
            given = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(len(FILM)), header: said}
            if header in ABOUT_UPLOADS:
                yield Ask("patient", "PATCH", site.paths["api-upload"], OCTETS, b"film", given), []
                yield Ask("patient", "POST", site.paths["api-uploads"], OCTETS, b"", given), []
            else:
                path = site.paths["api-clip-video"]
                yield Ask("clinician", "GET", path, headers={header: said}), []


def forms(site: Site, wrong: Wrong) -> Iterator[Tried]:
    """Every field of every page with a form, as the page stands but for that field."""
    admin = [
        ("admin", name)
        for name in site.paths
        if name.startswith("admin:") and name.endswith(("_add", "_change", "_changelist"))
    ]
    for role, name in [*FORMS, *admin]:
        path = site.paths.get(name)
        fields = site.fields(path, role) if path else {}
        for key in fields:
            for said in wrong.form:
                body = query({**fields, key: said}).encode()
                yield Ask(role, "POST", str(path), FORM_TYPE, body), []
    for body in values.RAW:
        yield Ask("anonymous", "POST", site.paths["account_login"], FORM_TYPE, body), []


def walk(site: Site, seen: Counter[int], *, thorough: bool) -> list[str]:
    """What made a 5xx: one of each address and header."""
    browsers = {role: site.browser(role) for role in ROLES}
    wrong = Wrong.of(thorough)
    faults: dict[tuple[str, ...], str] = {}
    for part in (bodies, queries, headers, forms):
        for ask, reads in part(site, wrong):
            with transaction.atomic():
                story = _told(ask, reads, browsers, seen)
                transaction.set_rollback(True)
            if story:
                last = story[-1].path.partition("?")[0]
                key = (ask.path.partition("?")[0], *ask.headers, last)
                faults.setdefault(key, " → ".join(map(str, story)))
    return list(faults.values())


def _told(ask: Ask, reads: list[Ask], browsers: dict[str, Any], seen: Counter[int]) -> list[Ask]:
    """The requests that led to a 5xx, the last of which got it; none otherwise."""
    story = [ask]
    status = ask.send(browsers[ask.role])
    seen[status] += 1
    for read in reads if status in (200, 201, 204) else []:
        story.append(read)
        status = read.send(browsers[read.role])
        seen[status] += 1
        if status >= 500:
            break
    return story if status >= 500 else []
