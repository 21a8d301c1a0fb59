"""The site that is asked: the case of the permission matrix, its browsers, its forms."""

import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.test import Client
from django.urls import URLPattern, reverse

from screening.models import Upload
from screening.services import uploads
from tests.fuzz.values import FILM, JSON_TYPE, LEFT_OUT
from tests.screening.accounts import confirmed
from tests.test_permission_matrix import Case, address, routes, rules_of


def query(parts: dict[str, str]) -> str:
    return urlencode(parts, errors="surrogatepass")


def filled(body: Any, ids: dict[str, str]) -> Any:
    """``{form}`` and the like become ids."""
    if isinstance(body, str) and body[:1] == "{" and body[1:-1] in ids:
        return ids[body[1:-1]]
    if isinstance(body, dict):
        return {key: filled(one, ids) for key, one in body.items()}
    return body


class Fields(HTMLParser):
    """What the forms of a page would send as they stand: ``{name: value}``."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "option":
            if self._open and ("selected" in given or not self.found[self._open]):
                self.found[self._open] = given.get("value") or ""
        elif name and name != "csrfmiddlewaretoken" and tag in ("input", "select", "textarea"):
            is_off = given.get("type") in ("checkbox", "radio") and "checked" not in given
            self._open = name if tag != "input" else ""
            if not is_off:
                self.found[name] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self._open and data.strip() and not self.found[self._open]:
            self.found[self._open] = data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._open = ""


class Site:
    """The case, with a film that has arrived and not been completed, and its routes."""

    def __init__(self, case: Case) -> None:
        self.case = case
        upload = Upload.objects.get(pk=case.ids["upload"])
        uploads.append(by=case.people["patient"], upload=upload, offset=0, data=FILM)
        self.patterns: dict[str, URLPattern] = {}
        self.paths: dict[str, str] = {}
        for name, pattern in routes():
            with suppress(Exception):
                if name not in LEFT_OUT and (path := self._path(name, pattern)):
                    self.patterns[name], self.paths[name] = pattern, path
        self._cookies: dict[str, Any] = {}
        self._fields: dict[tuple[str, str], dict[str, str]] = {}

    def _path(self, name: str, pattern: URLPattern) -> str | None:
        """An address with ids that exist; of the admin site's, rows that exist."""
        found = re.fullmatch(r"admin:(screening|account|mfa)_(\w+)_(change|delete|history)", name)
        if found:
            row = apps.get_model(found[1], found[2])._default_manager.first()
            return reverse(name, args=[row.pk]) if row else None
        return address(name, pattern, self.case)

    def may(self, role: str) -> Iterator[tuple[str, str]]:
        """Route and method of all that this person may do."""
        for name in self.paths:
            for method, rule in (rules_of(name) or {}).items():
                if role in rule.allowed and method not in ("HEAD", "OPTIONS"):
                    yield name, method

    def browser(self, role: str) -> Client:
        """Signed in, and confirmed a moment ago that it is they."""
        client = Client(raise_request_exception=False)
        if role in self.case.people and role not in self._cookies:
            client.force_login(self.case.people[role])
            self._cookies[role] = confirmed(client).cookies
        client.cookies = deepcopy(self._cookies.get(role, client.cookies))
        return client

    def fields(self, path: str, role: str) -> dict[str, str]:
        """What the forms of the page at this address would send for this person."""
        if (path, role) not in self._fields:
            page = self.browser(role).get(path)
            is_page = not page.streaming and "html" in page.get("Content-Type", "")
            self._fields[path, role] = Fields(page.content.decode()).found if is_page else {}
        return self._fields[path, role]


@dataclass(frozen=True)
class Ask:
    """One request, as one person."""

    role: str
    method: str
    path: str
    kind: str = JSON_TYPE
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.role}: {self.method} {self.path[:300]} {self.kind} {self.body[:300]!r}"
            f" {str(self.headers)[:300]}"
        )

    def send(self, browser: Client) -> int:
        """The status. 503 counts as a fault: nothing is away here."""
        sent = {f"HTTP_{key.upper().replace('-', '_')}": said for key, said in self.headers.items()}
        answer = browser.generic(self.method, self.path, self.body, content_type=self.kind, **sent)
        if answer.streaming:
            with suppress(TypeError):
                b"".join(answer.streaming_content)
        return int(answer.status_code)
