"""Second factors are sealed in the database; passwords are long enough and not guessed first."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from screening.accounts import codes, sealing
from screening.errors import Unavailable
from screening.models import AuditEntry, User
from tests.screening import factories as make
from tests.screening.accounts import shown_for, signed_in, with_app

pytestmark = pytest.mark.django_db


def test_the_database_holds_no_second_factor_in_the_clear() -> None:
    user = make.UserFactory()
    secret = generate_totp_secret()
    app = TOTP.activate(user, secret)
    lost = RecoveryCodes.activate(user).generate_codes()
    held = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in held
    assert all(row.startswith(sealing.MARK) for row in (app.instance.data["secret"],))
    assert not any(code in held for code in lost)
    recovery = RecoveryCodes.activate(user)
    assert [recovery.validate_code(lost[0]) for _ in range(2)] == [True, False]
    assert app.validate_code(shown_for(secret))
    assert not app.validate_code(shown_for(secret)), "a code is good once"


def test_a_code_is_good_once_for_as_long_as_it_could_be_taken_and_its_owner_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = with_app(make.UserFactory())
    secret = sealing.unseal(Authenticator.objects.get(user=user).data["secret"])
    # Of an app whose clock is fast: it is taken for a minute and a half.
    code = totp.format_hotp_value(
        totp.hotp_value(secret, max(totp.yield_hotp_counters_from_time()))
    )
    began = time.time()
    data = {"login": user.email, "password": make.PASSWORD}
    answers = []
    for seconds in (0, 31, 59):
        assert codes.REMEMBERED_SECONDS > 90 > seconds, "the cache has a clock of its own"
        monkeypatch.setattr(time, "time", lambda now=began + seconds: now)
        client = Client()
        client.post(reverse("account_login"), data)
        client.post(reverse("mfa_authenticate"), {"code": code})
        answers.append("_auth_user_id" in client.session)
    assert answers == [True, False, False]
    told = [one for one in mail.outbox if "used twice" in one.subject]
    assert [one.to for one in told] == [[user.email]]
    again = AuditEntry.objects.get(action="account.factor_used_again")
    assert again.target == f"user:{user.pk}"


def test_one_from_before_there_were_seals_works_and_is_sealed(settings) -> None:  # type: ignore[no-untyped-def]
    user = make.UserFactory()
    secret = generate_totp_secret()
    row = Authenticator.objects.create(user=user, type="totp", data={"secret": secret})
    assert TOTP(row).validate_code(shown_for(secret))
    call_command("reseal_factors")
    row.refresh_from_db()
    assert secret not in str(row.data)
    assert sealing.unseal(row.data["secret"]) == secret


def test_the_secret_key_can_be_replaced(settings) -> None:  # type: ignore[no-untyped-def]
    user = with_app(make.UserFactory())
    row = Authenticator.objects.get(user=user)
    secret = sealing.unseal(row.data["secret"])
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    settings.SECRET_KEY_FALLBACKS = [before]
    assert sealing.unseal(row.data["secret"]) == secret
    call_command("reseal_factors")
    settings.SECRET_KEY_FALLBACKS = []
    row.refresh_from_db()
    assert sealing.unseal(row.data["secret"]) == secret


def test_a_lost_key_opens_nothing_and_says_so_in_words(settings) -> None:  # type: ignore[no-untyped-def]
    user = with_app(make.UserFactory())
    row = Authenticator.objects.get(user=user)
    row.data["secret"] = row.data["secret"][:-8] + "AAAAAAA="
    row.save()
    with pytest.raises(Unavailable):
        TOTP(row).validate_code(shown_for(""))
    client = Client(raise_request_exception=False)
    client.post(reverse("account_login"), {"login": user.email, "password": make.PASSWORD})
    answer = client.post(reverse("mfa_authenticate"), {"code": "123456"})
    assert answer.status_code == 503
    assert "tell whoever runs this site" in answer.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "password",
    [
        *("aaaaaaaaaaaa", "123456789012", "qwertyuiop12", "Password1234", "iloveyou1234"),
        *("P@ssw0rd1234", "letmeinletmein", "parkinson2026", "liverpool1234", " " * 16, "a" * 129),
        *("ab  cd  ef  ", "hypomimia1234", "ada.byron@example.org"),
    ],
)
def test_the_first_guesses_and_wrong_lengths_are_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(email="ada.byron@example.org", name="Ada Byron"))


@pytest.mark.parametrize("old", ["Password1234", "elevenchars"])
def test_one_that_was_set_before_is_renewed_at_the_log_in(old: str) -> None:
    user = make.UserFactory()
    user.set_password(old)
    user.save()
    client = signed_in(user, old)
    change = reverse("account_change_password")
    assert client.get(reverse("mfa_index")).headers["Location"] == change
    assert client.get(reverse("api-me")).json()["code"] == "password_guessable"
    assert "easy to guess" in client.get(change).content.decode()
    again = {"oldpassword": old, "password1": "Password12345", "password2": "Password12345"}
    assert client.post(change, again).status_code == 200
    good = {**again, "password1": make.PASSWORD, "password2": make.PASSWORD}
    assert client.post(change, good).status_code == 302
    assert client.get(reverse("mfa_index")).status_code == 200
    assert signed_in(user).get(reverse("mfa_index")).status_code == 200


@pytest.mark.parametrize(
    "password",
    [
        "tram otter window",
        "ねこがねこをみている窓辺で",
        "🦦🚋🪟🎻🧦🥔🪁🧲🪗🛶🪵🧵",
        "x" * 2 + "q7vRt0m!" * 15,
        make.PASSWORD,
    ],
)
def test_any_characters_are_good(password: str) -> None:
    validate_password(password, User(email="ada@example.org", name="Ada"))


def test_a_link_to_a_new_password_is_good_for_an_hour(settings) -> None:  # type: ignore[no-untyped-def]
    assert settings.PASSWORD_RESET_TIMEOUT == 3600
    user = make.UserFactory()
    token = default_token_generator.make_token(user)
    assert default_token_generator.check_token(user, token)
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert not default_token_generator.check_token(user, token)


def test_a_log_in_never_leads_to_another_site() -> None:
    user = make.UserFactory()
    for address in ("//evil.example/", "https://evil.example/", "javascript:alert(1)"):
        client = Client()
        page = f"{reverse('account_login')}?next={address}"
        data = {"login": user.email, "password": make.PASSWORD, "next": address}
        assert client.post(page, data).headers["Location"] == "/"
    assert signed_in(user).session["_auth_user_id"]
