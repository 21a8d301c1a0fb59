"""Stories: a few requests of one person, one after the other, drawn by Hypothesis."""

import base64
import json
import re
from collections import Counter
from typing import Any
from urllib.parse import quote

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import values
from tests.fuzz.site import Ask, Site, filled, query
from tests.fuzz.values import FIELDS, FILM, FORM_TYPE, JSON_TYPE, MEANT, OCTETS
from tests.test_permission_matrix import ROLES

text = st.sampled_from(values.STRINGS)
scalar = text | st.sampled_from(values.NUMBERS) | st.booleans() | st.none()
anything = st.recursive(
    scalar,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | text, inner, max_size=4)
    ),
    max_leaves=6,
)
bodies = st.dictionaries(st.sampled_from(FIELDS), anything, min_size=1, max_size=6) | anything


@st.composite
def cursors(draw: Any) -> str:
    """What DRF would take for a cursor of its own."""
    parts = {name: draw(text) for name in draw(st.lists(st.sampled_from("opr"), max_size=3))}
    return base64.b64encode(query(parts).encode()).decode()


@st.composite
def asks(draw: Any, site: Site, role: str) -> Ask:
    """Mostly what this person may do; then anything at all."""
    may = [*site.may(role)]
    if may and draw(st.integers(0, 3)):
        name, method = draw(st.sampled_from(may))
    else:
        name = draw(st.sampled_from(sorted(site.paths)))
        method = draw(st.sampled_from(values.METHODS))
    plain = path = site.paths[name]
    if draw(st.integers(0, 7)) == 0:
        broken = quote(draw(text), safe="", errors="surrogatepass")
        path = re.sub(r"[^/]+/$", lambda _: f"{broken}/", path)
    keys = draw(st.lists(st.sampled_from(values.QUERIES), max_size=2))
    if keys:
        asked = {key: draw(cursors() if key == "cursor" else text) for key in keys}
        path += f"?{query(asked)}"
    given = {
        key: draw(st.sampled_from(values.HEADER_VALUES))
        for key in draw(st.lists(st.sampled_from(values.HEADERS), max_size=2))
    }
    if "upload" in name:
        tus = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(len(FILM))}
        given = {**tus, "Upload-Defer-Length": "1", **given}
    kind, body = draw(sent(site, plain, role, name))
    return Ask(role, method, path, kind, body, given)


@st.composite
def sent(draw: Any, site: Site, path: str, role: str, name: str) -> tuple[str, bytes]:
    """A type and the bytes that go under it; now and then under another one."""
    if name == "api-upload" and draw(st.booleans()):
        return OCTETS, FILM
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(values.TYPES)), draw(st.sampled_from(values.RAW))
    if name.startswith("api-"):
        body = draw(bodies)
        if name in MEANT and draw(st.integers(0, 4)):
            body = filled(MEANT[name], site.case.ids)
            for key in draw(st.lists(st.sampled_from(sorted(body)), max_size=2)):
                body = {**body, key: draw(anything)}
        return JSON_TYPE, json.dumps(body).encode()
    fields = {**site.fields(path, role)}
    if fields:
        for key in draw(st.lists(st.sampled_from(sorted(fields)), max_size=3)):
            fields[key] = draw(text)
    return FORM_TYPE, query(fields).encode()


def tell(site: Site, seen: Counter[int], *, examples: int, derandomize: bool) -> list[str]:
    """The shortest story that ends with a 5xx; none where there is none."""
    shortest: list[str] = []

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=derandomize,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def one(data: st.DataObject) -> None:
        told: list[str] = []
        # Whoever gets further is sent more often.
        role = data.draw(st.sampled_from([*ROLES, *("patient", "clinician", "admin") * 4]))
        browser = site.browser(role)
        with transaction.atomic():
            for _ in range(data.draw(st.integers(1, 5))):
                ask = data.draw(asks(site, role))
                told.append(str(ask))
                status = ask.send(browser)
                seen[status] += 1
                if status >= 500:
                    shortest[:] = told
                    raise AssertionError(told[-1])
            transaction.set_rollback(True)

    try:
        one()
    except AssertionError:
        return shortest
    return []
