"""What a socket puts up with: from whom, how much, how often, and at which address."""

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async

from tests.screening.live.conftest import (
    PATIENCE,
    Clinic,
    append,
    open_socket,
    receive,
    session_cookie,
)
from tests.worker import people
from webapp.asgi import application

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

HOST = b"mimia.example.org:8443"
OWN = b"https://mimia.example.org:8443"
FOREIGN = [
    b"https://elsewhere.example",
    b"https://mimia.example.org",  # another port of the same host is another site
    b"https://mimia.example.org:8444",
    b"http://mimia.example.org:8443",
    b"https://mimia.example.org:8443.elsewhere.example",
    b"https://mimia.example.org:8443@elsewhere.example",
    b"null",
    b"",
    b"\xff\xfe",
    None,
]


@pytest.fixture
def behind_tls(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["mimia.example.org", "localhost"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


async def test_a_page_of_our_own_origin_is_let_in(
    clinic: Clinic, layer: str, behind_tls: None
) -> None:
    patient = people.the_user(clinic.patient)
    async with open_socket("/ws/patient/", patient, OWN, HOST, tls=True) as home:
        assert await receive(home, 1) == [{"type": "hello", "last": 1}]


async def test_a_page_of_another_origin_is_refused(clinic: Clinic, behind_tls: None) -> None:
    cookie = await database_sync_to_async(session_cookie)(people.the_user(clinic.patient))
    for origin in FOREIGN:
        opening = open_socket("/ws/patient/", None, origin, HOST, tls=True, cookie=cookie)
        async with opening as home:
            assert home.connected is False, origin


async def test_a_host_that_is_none_of_ours_is_refused(clinic: Clinic, behind_tls: None) -> None:
    patient = people.the_user(clinic.patient)
    host = b"elsewhere.example"
    async with open_socket("/ws/patient/", patient, b"https://" + host, host, tls=True) as home:
        assert home.connected is False


ADDRESSES = [
    "/ws/",
    "/ws/patient",
    "/ws/nothing/",
    "/ws/site/1/",
    "/ws/site/00000000-0000-0000-0000-00000000000g/",
    "/",
    "",
    "/ws/patient/\x00",
    "/ws/site/\ud800/",
]


async def test_an_address_that_is_none_of_ours_is_refused() -> None:
    for address in ADDRESSES:
        scope = {
            "type": "websocket",
            "path": address,
            "query_string": b"",
            "headers": [(b"origin", b"http://testserver"), (b"host", b"testserver")],
        }
        browser = ApplicationCommunicator(application, scope)
        await browser.send_input({"type": "websocket.connect"})
        answer = await browser.receive_output(timeout=PATIENCE)
        assert answer["type"] == "websocket.close", address
        await browser.wait(timeout=PATIENCE)


async def test_a_session_key_that_is_none_is_no_error(layer: str) -> None:
    for key in ("", "x", "\x00" * 32, "ä" * 32, "a" * 5000, "a" * 32, "' OR 1=1 --" * 3):
        cookie = b"sessionid=" + key.encode()
        async with open_socket("/ws/patient/", None, cookie=cookie) as home:
            assert await home.closing_code() == 4401


NONSENSE = ["no json", "[]", "{}", "null", '"replay"', '{"type": "replay", "after": "x"}',
            '{"type": "replay", "after": -1}', '{"type": "replay", "after": true}',
            '{"type": "replay", "after": 1e400}', '{"type": "replay"}', "[" * 200,
            "\x00", "\ud800"]  # fmt: skip


async def test_nonsense_from_a_client_changes_nothing(clinic: Clinic, layer: str) -> None:
    patient = people.the_user(clinic.patient)
    for query in ("after=junk", "after=-1", "after=%00", "after=1x&after=0", "after=٣"):
        async with open_socket(f"/ws/patient/?{query}", patient) as home:
            assert await receive(home, 1) == [{"type": "hello", "last": 1}]
    for start in range(0, len(NONSENSE), 4):
        async with open_socket("/ws/patient/", patient) as home:
            await receive(home, 1)
            for text in NONSENSE[start : start + 4]:
                await home.send_text(text)
                data = text.encode("utf-8", "replace")
                await home.send_input({"type": "websocket.receive", "bytes": data})
            await database_sync_to_async(append)(clinic.screening, "next")
            [event] = await receive(home, 1)
            assert event["kind"] == "next"


async def test_a_number_that_the_stream_never_reached_means_reload(
    clinic: Clinic, layer: str
) -> None:
    """An older backup was restored: the page knows numbers that are given out again."""
    async with open_socket("/ws/patient/?after=7", people.the_user(clinic.patient)) as home:
        assert await receive(home, 2) == [
            {"type": "hello", "last": 1},
            {"type": "reload", "last": 1},
        ]
        await home.send_text('{"type": "replay", "after": ' + "9" * 200 + "}")
        assert await receive(home, 1) == [{"type": "reload", "last": 1}]
        await database_sync_to_async(append)(clinic.screening, "next")
        [event] = await receive(home, 1)
    assert event["number"] == 2


@pytest.mark.parametrize("kind", ["text", "bytes"])
async def test_a_large_message_ends_the_socket(clinic: Clinic, layer: str, kind: str) -> None:
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        content: Any = "x" * 2000 if kind == "text" else b"x" * 2000
        await home.send_input({"type": "websocket.receive", kind: content})
        assert await home.closing_code() == 1009


async def test_wishes_without_end_end_the_socket(clinic: Clinic, layer: str) -> None:
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        for _ in range(50):
            await home.send_text('{"type": "replay", "after": 0}')
        assert await last_code(home) == 1008


async def test_one_person_opens_so_many_sockets_and_no_more(
    clinic: Clinic, layer: str, settings: Any
) -> None:
    settings.LIVE_SOCKETS_PER_PERSON = 3
    patient = people.the_user(clinic.patient)
    async with (
        open_socket("/ws/patient/", patient) as first,
        open_socket("/ws/patient/", patient) as second,
        open_socket("/ws/patient/", patient) as third,
        open_socket("/ws/patient/", patient) as fourth,
        open_socket(f"/ws/site/{clinic.site.pk}/", clinic.clinician) as desk,
    ):
        for one in (first, second, third, desk):
            assert await receive(one, 1) == [{"type": "hello", "last": 1}]
        assert await fourth.closing_code() == 4429


async def test_opening_sockets_again_and_again_is_slowed_down(
    clinic: Clinic, layer: str, settings: Any
) -> None:
    settings.LIVE_SOCKETS_PER_PERSON = 3
    patient = people.the_user(clinic.patient)
    codes = []
    async with open_socket("/ws/patient/", patient) as kept:
        await receive(kept, 1)
        for _ in range(6):
            async with open_socket("/ws/patient/", patient) as again:
                codes.append(await first_word(again))
    assert codes == ["hello"] * 5 + ["4429"]


async def first_word(browser: Any) -> str:
    message = await browser.receive_output(timeout=PATIENCE)
    if message["type"] == "websocket.close":
        return str(message["code"])
    return str(message["text"]).split('"')[3]


async def last_code(browser: Any) -> int:
    """The code with which the server closes, whatever it says before."""
    while (message := await browser.receive_output(timeout=PATIENCE))["type"] != "websocket.close":
        pass
    return int(message["code"])
