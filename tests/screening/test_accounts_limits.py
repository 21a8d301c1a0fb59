"""Guessing a password is hopeless, and no stranger can lock out the person who knows it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import connections
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from screening.accounts import limits
from screening.accounts.addresses import asker, client_address, masked
from screening.models import AttemptCounter, AuditEntry, User
from tests.screening import factories as make

pytestmark = pytest.mark.django_db
WRONG = "not the right one at all"
STRANGER, HOME, NEW = "203.0.113.9", "198.51.100.7", "192.0.2.44"


def sign_in(
    email: str, password: str = make.PASSWORD, *, at: str, client: Client | None = None
) -> Client:
    """One attempt; the client knows the answer as ``said``."""
    client = client or Client()
    client.said = client.post(  # type: ignore[attr-defined]
        reverse("account_login"), {"login": email, "password": password}, REMOTE_ADDR=at
    )
    return client


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def status(client: Client) -> int:
    return int(client.said.status_code)  # type: ignore[attr-defined]


def text(client: Client) -> str:
    return str(client.said.content.decode())  # type: ignore[attr-defined]


def guess(**whose: str) -> bool:
    """Whether one more password would be looked at."""
    try:
        limits.begin(**whose)
    except limits.TooMany as refused:
        return not 0 < refused.seconds <= 3601
    return True


def with_second_factor(user: User) -> User:
    TOTP.activate(user, generate_totp_secret())
    return user


def test_five_wrong_passwords_of_a_stranger_lock_out_nobody_else() -> None:
    user = make.UserFactory()
    for _ in range(8):
        stranger = sign_in(user.email, WRONG, at=STRANGER)
    assert status(stranger) == 429
    assert not is_in(sign_in(user.email, at=STRANGER))
    assert is_in(sign_in(user.email, at=HOME))


def test_any_number_of_posts_at_the_same_address_locks_out_no_known_browser() -> None:
    user, other = make.UserFactory(), make.UserFactory()
    known = sign_in(user.email, at=HOME)
    known.post(reverse("account_logout"))
    for number in range(31):
        stranger = sign_in(f"nobody{number}@example.org", WRONG, at=HOME)
    assert is_in(sign_in(other.email, at=HOME))
    for number in range(30):
        stranger = sign_in(f"nobody{number}@example.org", WRONG, at=HOME)
    assert status(stranger) == 429
    assert is_in(sign_in(user.email, at=HOME, client=known))
    # Who never signed in from there waits, unless they come from elsewhere.
    third = make.UserFactory()
    assert status(sign_in(third.email, at=HOME)) == 429
    assert is_in(sign_in(third.email, at=NEW))


def test_the_right_password_is_let_through_from_an_address_that_signed_in_before() -> None:
    user = make.UserFactory()
    sign_in(user.email, at=HOME)
    for _ in range(31):
        sign_in(user.email, WRONG, at=HOME)
    assert is_in(sign_in(user.email, at=HOME))


@pytest.mark.parametrize("tries", [5, 31])
def test_the_right_password_leads_on_to_the_second_factor(tries: int) -> None:
    user = with_second_factor(make.ClinicianFactory())
    for _ in range(tries):
        stranger = sign_in(user.email, WRONG, at=STRANGER)
    for at in (STRANGER, NEW):
        owner = sign_in(user.email, at=at)
        assert owner.said.url == reverse("mfa_authenticate")  # type: ignore[attr-defined]
    # The stranger cannot tell a wrong password from one that nobody looked at.
    assert ("too many wrong passwords" in text(stranger)) == (tries > 5)


def test_every_way_ends_somewhere() -> None:
    """Whoever has all the ways there are gets no more guesses than their limits add up to."""
    user = with_second_factor(make.ClinicianFactory())
    limits.remember_address(user=user, address=HOME)
    tried = 0
    while guess(email=user.email, address=HOME, browser="kitchen"):
        tried += 1
    assert tried == 10 + 5 + 50 + 40


def test_many_addresses_together_get_a_hundred_guesses_an_hour() -> None:
    """By both ways that a stranger has (OWASP ASVS 2.2.1)."""
    user = with_second_factor(make.ClinicianFactory())
    found = [guess(email=user.email, address=f"2001:db8:{n:x}::1") for n in range(130)]
    assert sum(found) == limits.ON_ACCOUNT.count + limits.WITH_SECOND_FACTOR.count == 100


def test_an_unknown_account_is_answered_like_a_known_one() -> None:
    user = make.UserFactory()
    answers = {}
    for email in (user.email, "nobody@example.org"):
        answers[email] = [
            (status(found), found.said.headers.get("Retry-After") is not None)  # type: ignore[attr-defined]
            for found in [sign_in(email, WRONG, at=STRANGER + str(len(answers))) for _ in range(7)]
        ]
    assert answers[user.email] == answers["nobody@example.org"]


def test_the_page_says_how_long_and_the_wait_ends() -> None:
    user = make.UserFactory()
    for _ in range(6):
        refused = sign_in(user.email, WRONG, at=HOME)
    assert "Please wait 5 minutes, then try again." in text(refused)
    seconds = int(refused.said.headers["Retry-After"])  # type: ignore[attr-defined]
    assert 290 < seconds <= 301
    AttemptCounter.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert is_in(sign_in(user.email, at=HOME))


def test_a_right_password_costs_nothing() -> None:
    user = make.UserFactory()
    for _ in range(40):
        assert is_in(sign_in(user.email, at=HOME))


def test_a_browser_is_known_for_its_own_people_only_and_by_our_signature() -> None:
    user, other = make.UserFactory(), make.UserFactory()
    known = sign_in(user.email, at=HOME)
    known.post(reverse("account_logout"))
    for _ in range(6):
        sign_in(other.email, WRONG, at=HOME, client=known)
    assert status(known) == 429
    forged = Client()
    forged.cookies["known_browser"] = f'["kitchen", [{user.pk}]]:bad'
    for _ in range(6):
        sign_in(user.email, WRONG, at=STRANGER, client=forged)
    assert status(forged) == 429


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_many_at_once_are_all_counted() -> None:
    def in_thread(_: int) -> bool:
        try:
            return guess(email="somebody@example.org", address=STRANGER)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(in_thread, range(24))) == limits.FROM_ADDRESS_ON_ACCOUNT.count


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, None, "10.0.0.1"),
        (0, "1.2.3.4", "10.0.0.1"),
        (1, "9.9.9.9", "9.9.9.9"),
        (1, "1.2.3.4, 9.9.9.9", "9.9.9.9"),
        (1, "1.2.3.4,5.6.7.8,  9.9.9.9", "9.9.9.9"),
        (2, "1.2.3.4, 9.9.9.9, 172.16.0.2", "9.9.9.9"),
        (2, "9.9.9.9, 172.16.0.2", "9.9.9.9"),
        (3, "9.9.9.9, 172.16.0.2", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "rubbish", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "1.2.3.4, [2001:db8::7]:4433", "2001:db8::7"),
        (1, "1.2.3.4, 9.9.9.9:4433", "9.9.9.9"),
        (1, "::ffff:9.9.9.9", "9.9.9.9"),
    ],
)
def test_addresses_are_counted_from_the_right(
    settings: Settings, proxies: int, forwarded: str | None, found: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers=headers)
    assert client_address(request) == found


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_a_forged_address_buys_no_guess_and_locks_out_nobody(
    settings: Settings, proxies: int
) -> None:
    """The stranger writes another first address each time; ours add theirs at the right."""
    settings.TRUSTED_PROXIES = proxies
    user = make.UserFactory()
    inner = [", 172.16.0.2" for _ in range(proxies - 1)]

    def ask(password: str, forged: str, real: str) -> int:
        sent = {} if proxies else {"REMOTE_ADDR": real}
        chain = f"{forged}, {real}" + "".join(inner) if proxies else forged
        form = {"login": user.email, "password": password}
        answer = Client().post(
            reverse("account_login"), form, headers={"X-Forwarded-For": chain}, **sent
        )
        return int(answer.status_code)

    assert [ask(WRONG, f"{HOME}{n}"[:14], STRANGER) for n in range(6)][-1] == 429
    assert [ask(WRONG, HOME, STRANGER) for _ in range(3)] == [429] * 3
    assert ask(make.PASSWORD, "1.1.1.1", HOME) == 302


def test_a_network_of_ipv6_is_one_asker_and_the_trail_names_no_household() -> None:
    assert asker("2001:db8:1:2:3:4:5:6") == asker("2001:db8:1:2::9") != asker("2001:db8:1:3::9")
    assert masked("203.0.113.9") == "203.0.113.0/24"
    assert masked("2001:db8:1:2::9") == "2001:db8:1::/48"


def test_log_ins_and_failed_ones_are_in_the_trail_without_a_strangers_address() -> None:
    user = make.UserFactory()
    sign_in(user.email, WRONG, at=STRANGER)
    sign_in("Somebody.Else@example.org", WRONG, at=STRANGER)
    sign_in(user.email, at=HOME).post(reverse("account_logout"))
    for _ in range(20):
        sign_in(user.email, WRONG, at=STRANGER)
    trail = list(AuditEntry.objects.order_by("created_at").values_list("action", "target"))
    assert trail[0] == ("account.login_failed", f"user:{user.pk}")
    assert trail[1][0] == "account.login_failed"
    assert trail[1][1].startswith("unknown account:")
    assert [action for action, _ in trail[2:4]] == ["account.login", "account.logout"]
    assert [action for action, _ in trail].count("account.login_refused") == 1
    rows = str(list(AuditEntry.objects.values()))
    assert "somebody" not in rows.lower()
    assert STRANGER not in rows
    assert "203.0.113.0/24" in rows
    assert AuditEntry.objects.get(action="account.login").data["methods"] == "password"


def test_a_code_is_limited_by_account_and_the_page_says_how_long() -> None:
    user = with_second_factor(make.ClinicianFactory())
    client = sign_in(user.email, at=HOME)
    for _ in range(6):
        answer = client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert "Please wait 5 minutes" in answer.content.decode()
    assert not is_in(client)
    assert AuditEntry.objects.filter(action="account.factor_failed").exists()


def test_asking_for_mails_is_limited_and_says_how_long() -> None:
    address, form = reverse("account_reset_password"), {"email": "a@example.org"}
    for _ in range(5):
        assert Client().post(address, form).status_code == 302
    page = Client().post(address, form)
    assert page.status_code == 429
    assert "Please wait up to an hour" in page.content.decode()
    assert page.headers["Retry-After"] == "3600"
