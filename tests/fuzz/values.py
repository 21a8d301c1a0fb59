"""What nobody means: text, numbers, bodies and headers that no page of ours sends."""

import hashlib
from typing import Any

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: Routes that wait for other machines, or walk through much: their answers are tested elsewhere.
LEFT_OUT = {"readyz", "schema"}
JSON_TYPE = "application/json"
OCTETS = "application/offset+octet-stream"
FORM_TYPE = "application/x-www-form-urlencoded"

STRINGS = [
    "", " ", "\x00", "a\x00b", "\ud800", "x\udfff", "\U0001f642", "a" * 5000, "-1", "0", "1e999",
    "NaN", "Infinity", "9" * 18, "9" * 25, "9" * 400, "9" * 5000, "٣", "2026-13-45", "0001-01-01",
    "9999-12-31T23:59:59.999999+14:00", "0001-01-01T00:00:00+14:00", "null", "[]", "{}", "true",
    "patient", "site:", "site:x", "care", "smile", "draft,scored", "withdrawn", "../../etc/passwd",
    "%00", "%s%n", "<script>alert(1)</script>", "' OR 1=1 --", "a@example.org", "a@\x00b", "\r\n",
    "//evil.example", "http://[", "javascript:x", "00000000-0000-0000-0000-000000000000",
    "[" * 5000, "{\"a\":" * 3000, "\\u0000", "\"\\ud800\"", "bytes=0-1", "erase",
]  # fmt: skip
NUMBERS = [0, -1, 1, 4, 5, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, 0.5, 1e308, -0.0]
#: Bodies that no JSON library writes.
RAW = [
    b"", b"null", b"[]", b"{}", b"\"x\"", b"{\"a\": NaN}", b"{\"a\": 1e999}", b"{\"a\": -1e999}",
    b"[" * 100_000, b"{\"a\":" * 50_000, b"\xff\xfe{}", b"\xed\xa0\x80", b"{\"a\": \"\\u0000\"}",
    b"{\"name\": \"\\ud800\"}", b"{\"\\u0000\": 1}", b"9" * 10_000,
    b"{\"size\": " + b"9" * 5000 + b"}",
    b"--x\r\n", b"a=%00&name=%00", b"a=%ed%a0%80", b"&".join(b"a=1" for _ in range(2000)),
]  # fmt: skip
FIELDS = [
    "form", "scopes", "age_years", "sex", "known_pd", "hours_since_dose", "glasses", "steps",
    "note", "grade", "reason", "size", "sha256", "announced", "site", "name", "email",
    "seconds", "frames", "cues", "at", "kind", "camera", "interrupted", "mime_type",
]  # fmt: skip
QUERIES = [
    "cursor", "site", "state", "stream", "after", "format", "page", "q", "o", "p", "e", "next",
    "all", "_popup", "_to_field", "_changelist_filters", "state__exact", "used", "id__exact",
    "created_at__gte", "pk__in", "screening__id__exact", "take", "version",
]  # fmt: skip
HEADERS = [
    "Range", "Upload-Metadata", "Upload-Length", "Upload-Offset", "Upload-Defer-Length",
    "Tus-Resumable", "X-HTTP-Method-Override", "Accept", "Accept-Language", "X-Forwarded-For",
    "If-Modified-Since", "If-None-Match", "Origin", "Referer", "Cookie", "X-Requested-With",
]  # fmt: skip
HEADER_VALUES = [
    "", "1", "1.0.0", "-1", "9" * 17, "9" * 6000, "bytes=0-", "bytes=-5", "bytes=5-1", "bytes=a-b",
    f"bytes=0-{'9' * 6000}", f"bytes=-{'9' * 6000}", "bytes=0-1,3-4", "filetype dmlkZW8vd2VibQ==",
    "filetype AA==", "filetype 7aCA", "filetype ====", "a,b,,c", "filetype " + "A" * 4001, "*/*",
    "text/html;q=x", "application/json;version=\xff", "PATCH", "DELETE", "TRACE", "x" * 4000,
    "1.2.3.4, ::1, x", "999.9.9.9", "\xff\xfe", "Wed, 99 Foo 2026 99:99:99 GMT", "null",
    "http://[::1", "sessionid=\xff; csrftoken=\"", "sessionid=" + "a" * 4000, "messages=[[1]]",
]  # fmt: skip
TYPES = [
    JSON_TYPE, FORM_TYPE, OCTETS, "multipart/form-data; boundary=x", "multipart/form-data",
    "text/plain", "", "application/json; charset=utf-16", f"{FORM_TYPE}; charset=\x7f", "a/b/c",
]  # fmt: skip

FILM = b"some bytes of a film"
#: What a page would send.
MEANT: dict[str, dict[str, Any]] = {
    "api-consents": {"form": "{form}", "scopes": ["care"]},
    "api-invitations": {"site": "{site}", "name": "Somebody", "email": "somebody@example.org"},
    "api-intake": {"age_years": 60, "sex": "other", "hours_since_dose": 1.5, "glasses": True},
    "api-request-rerecord": {"steps": ["smile"], "note": "Please once more."},
    "api-reviews": {"grade": 1, "note": "A note."},
    "api-clip-skip": {"reason": "tired"},
    "api-upload-complete": {
        "size": len(FILM),
        "sha256": hashlib.sha256(FILM).hexdigest(),
        "announced": {"seconds": 1.0, "frames": 30, "cues": [{"at": 1.0, "kind": "make"}],
                      "interrupted": False, "mime_type": "video/mp4", "camera": {"width": 640}},
    },
}  # fmt: skip

#: The few of each that stand for the rest, where there is a minute and not an hour.
FEW_STRINGS = [
    "", "\x00", "\ud800", "a" * 5000, "1e999", "NaN", "9" * 25, "9" * 5000, "2026-13-45",
    "0001-01-01T00:00:00+14:00", "[" * 5000, "\\u0000", "site:x", "' OR 1=1 --", "http://[",
]  # fmt: skip
FEW_NUMBERS = [-1, 2**63, 10**400, 1e308]
FEW_HEADER_VALUES = [
    "", "-1", "9" * 6000, "bytes=0-", "bytes=5-1", f"bytes=0-{'9' * 6000}", "filetype AA==",
    "filetype 7aCA", "TRACE", "\xff\xfe", "Wed, 99 Foo 2026 99:99:99 GMT", "http://[::1",
]  # fmt: skip
#: What a form's field is given; most of it is refused by each field for itself.
FEW_FOR_FORMS = ["\x00", "\\u0000", "NaN", "9" * 25, "-1"]
