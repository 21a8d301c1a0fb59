"""Second factors, step-up, new addresses, idle sessions: what each asks for, and of whom."""

import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from screening.accounts import sessions
from screening.models import AuditEntry, Patient, User
from tests.house.test_production import CHOSEN, run_python
from tests.screening import factories as make
from tests.screening.accounts import code_of, confirmed, shown_for, signed_in, with_app

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def asked(settings: Settings) -> None:
    """As in production: who works here needs a second factor."""
    settings.STAFF_SECOND_FACTOR = True


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("created_at").values_list("action", flat=True))


def stored(client: Client):  # type: ignore[no-untyped-def]
    """The session as the database has it."""
    return client.session


def test_production_asks_for_it_unless_told_otherwise(tmp_path) -> None:  # type: ignore[no-untyped-def]
    ask = "import django; django.setup(); from django.conf import settings as s; "
    ask += "print(s.STAFF_SECOND_FACTOR, s.STAFF_IDLE_SECONDS, s.MFA_PASSKEY_LOGIN_ENABLED, "
    ask += "getattr(s, 'MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN', False))"
    assert run_python(tmp_path, "-c", ask, **CHOSEN).stdout.split() == [
        "True",
        "1800",
        "True",
        "False",
    ]
    told = {**CHOSEN, "MIMIA_STAFF_SECOND_FACTOR": "no", "MIMIA_STAFF_IDLE_MINUTES": "10"}
    assert run_python(tmp_path, "-c", ask, **told).stdout.split()[:2] == ["False", "600"]


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("maker", [make.ClinicianFactory, make.AdminFactory])
def test_who_works_here_sets_one_up_before_anything_else(maker: type[make.UserFactory]) -> None:
    client = signed_in(maker())
    for path in ("/", "/clinic/", "/admin/", "/admin/screening/user/", reverse("account_email")):
        assert client.get(path).url == reverse("mfa_index"), path
    for path in ("/api/v1/me/", "/api/v1/screenings/"):
        refused = client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    assert "One more thing" in client.get(reverse("mfa_index")).content.decode()
    setup = client.get(reverse("mfa_activate_totp"))
    assert setup.status_code == 200
    assert 'src="data:image/svg+xml;base64,' in setup.content.decode()


# A factor is there from the commit on, in the request.
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("asked")
def test_the_way_from_the_first_log_in_to_the_worklist() -> None:
    user = make.ClinicianFactory()
    client = signed_in(user)
    client.get(reverse("mfa_activate_totp"))
    secret = client.session["mfa.totp.secret"]
    done = client.post(reverse("mfa_activate_totp"), {"code": shown_for(secret)})
    assert done.url == reverse("mfa_view_recovery_codes")
    codes = client.get(done.url).content.decode()
    assert "lets you in once" in codes
    assert client.get("/clinic/").status_code == 200
    assert client.get("/api/v1/me/").status_code == 200
    assert "account.factor_added" in actions()
    assert mail.outbox  # the person is told
    # From now on the password alone opens nothing.
    later = Client()
    later.post(reverse("account_login"), {"login": user.email, "password": make.PASSWORD})
    assert later.get("/clinic/").status_code == 302
    assert later.get("/api/v1/me/").status_code == 401
    assert signed_in(user).get("/clinic/").status_code == 200
    recovery = Authenticator.objects.get(user=user, type="recovery_codes").wrap()
    later.post(reverse("mfa_authenticate"), {"code": recovery.get_unused_codes()[0]})
    assert later.get("/clinic/").status_code == 200


@pytest.mark.usefixtures("asked")
def test_a_session_that_did_not_show_it_is_asked_even_where_it_exists() -> None:
    """One that was open before, or that somebody else opened with the password."""
    user = make.ClinicianFactory()
    old = Client()
    old.force_login(user, backend=BACKEND)
    with_app(user)
    assert old.get("/clinic/").url.startswith(reverse("mfa_reauthenticate"))
    assert old.get("/api/v1/me/").status_code == 403
    # Nor can it take away what it cannot show.
    for page in ("mfa_deactivate_totp", "mfa_index", "account_reauthenticate", "mfa_add_webauthn"):
        assert old.post(reverse(page)).url.startswith(reverse("mfa_reauthenticate")), page
    assert Authenticator.objects.filter(user=user).exists()
    old.post(reverse("mfa_reauthenticate"), {"code": code_of(user)})
    assert old.get("/clinic/").status_code == 200


@pytest.mark.usefixtures("asked")
def test_patients_need_none_and_may_have_one() -> None:
    patient = make.PatientFactory()
    assert signed_in(patient.user).get("/screenings/").status_code == 200
    assert signed_in(with_app(patient.user)).get("/screenings/").status_code == 200


@pytest.mark.usefixtures("asked")
def test_sockets_ask_the_same_question() -> None:
    user = make.ClinicianFactory()
    client = Client()
    client.force_login(user, backend=BACKEND)
    assert not sessions.still_signed_in(stored(client), user)
    assert sessions.still_signed_in(stored(signed_in(with_app(user))), user)
    patient = make.PatientFactory().user
    assert sessions.still_signed_in(stored(signed_in(patient)), patient)


def long_ago(client: Client, key: str = sessions.LAST_ACT, seconds: int = 1801) -> None:
    session = client.session
    session[key] = time.time() - seconds
    session.save()


def test_who_is_away_is_signed_out_everywhere() -> None:
    user = make.ClinicianFactory()
    client = signed_in(user)
    long_ago(client)
    assert not sessions.still_signed_in(stored(client), user)
    refused = client.get("/api/v1/me/")
    assert (refused.status_code, refused.json()["code"]) == (401, "not_logged_in")
    assert client.get("/api/v1/me/").status_code == 401
    assert "account.away_too_long" in actions()
    client = signed_in(user)
    long_ago(client)
    led = client.get("/clinic/?site=x")
    assert led.url == reverse("account_login") + "?next=%2Fclinic%2F%3Fsite%3Dx"
    assert "nothing was done for 30 minutes" in client.get(led.url).content.decode()


def test_only_what_a_person_does_themselves_is_an_act() -> None:
    user = make.ClinicianFactory()
    client = signed_in(user)
    for ask, is_act in (
        (lambda: client.get("/api/v1/me/"), False),
        (lambda: client.get("/api/v1/events/?stream=patient"), False),
        (lambda: client.post("/api/v1/me/active/"), True),
        (lambda: client.get("/clinic/"), True),
    ):
        long_ago(client, seconds=900)
        ask()
        assert (time.time() - client.session[sessions.LAST_ACT] < 60) == is_act


def test_no_session_of_staff_lasts_for_ever_and_patients_may_take_their_time(
    settings: Settings,
) -> None:
    user, patient = make.ClinicianFactory(), make.PatientFactory().user
    client = signed_in(user)
    long_ago(client, sessions.SIGNED_IN, settings.SESSION_COOKIE_AGE + 1)
    assert client.get("/api/v1/me/").status_code == 401
    slow = signed_in(patient)
    long_ago(slow, seconds=7200)
    assert slow.get("/screenings/").status_code == 200
    settings.STAFF_IDLE_SECONDS = 0
    client = signed_in(user)
    long_ago(client, seconds=7200)
    assert client.get("/clinic/").status_code == 200


def test_erasing_asks_again_who_it_is() -> None:
    patient = make.PatientFactory()
    client = signed_in(make.AdminFactory())
    address = reverse("admin:screening_patient_changelist")
    chosen = {"action": "erase_for_good", "_selected_action": [patient.pk], "typed": "ERASE"}
    led = client.post(address, chosen)
    assert led.url.startswith(reverse("account_reauthenticate"))
    assert Patient.objects.filter(erased_at__isnull=False).count() == 0
    confirmed(client).post(address, chosen)
    assert Patient.objects.filter(erased_at__isnull=False).count() == 1


def test_accounts_in_the_admin_ask_again_who_it_is_and_keep_no_password() -> None:
    user, client = make.UserFactory(), signed_in(make.AdminFactory())
    pages = [
        reverse("admin:screening_user_add"),
        reverse("admin:screening_user_change", args=[user.pk]),
        reverse("admin:screening_user_delete", args=[user.pk]),
        reverse("admin:auth_user_password_change", args=[user.pk]),
        reverse("admin:screening_membership_add"),
        reverse("admin:screening_site_add"),
        reverse("admin:screening_site_change", args=[make.SiteFactory().pk]),
    ]
    secret = "a password that must lie nowhere"
    for page in pages:
        for led in (client.get(page), client.post(page, {"password1": secret})):
            assert led.status_code == 302, page
            assert led.url.startswith(reverse("account_reauthenticate")), page
    held = [row.get_decoded() for row in Session.objects.all()]
    assert held
    assert secret not in str(held)
    confirmed(client)
    assert client.get(pages[1]).status_code == 200


# Mails leave at the commit, in the request.
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_an_administrator_does_to_an_account_is_written_down_and_told() -> None:
    user = with_app(make.UserFactory())
    client = confirmed(signed_in(make.AdminFactory()))
    before, inline = user.email, {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    edited = {"email": "newer@example.org", "name": "x", "is_active": "on", **inline}
    page = reverse("admin:screening_user_change", args=[user.pk])
    assert client.post(page, edited).status_code == 302
    assert mail.outbox[-1].to == [before]
    assert "newer@example.org" not in mail.outbox[-1].body
    chosen = {"action": "take_all_second_factors_away", "_selected_action": [user.pk]}
    client.post(reverse("admin:screening_user_changelist"), chosen)
    assert not Authenticator.objects.filter(user=user).exists()
    assert mail.outbox[-1].to == ["newer@example.org"]
    new = {"password1": "quite another word", "password2": "quite another word"}
    client.post(reverse("admin:auth_user_password_change", args=[user.pk]), new)
    wanted = {"account.email_changed", "account.edited", "account.factors_taken_away"}
    assert wanted <= set(actions())
    entries = AuditEntry.objects.filter(action="account.edited")
    assert "newer@example.org" not in str(list(entries.values()))
    assert entries.count() == 2


def test_an_old_session_adds_no_second_factor_without_the_password() -> None:
    client = signed_in(make.UserFactory())
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    long_ago(client, sessions.SIGNED_IN)
    for page in ("mfa_activate_totp", "mfa_add_webauthn"):
        assert client.get(reverse(page)).url.startswith(reverse("account_reauthenticate"))
    assert confirmed(client).get(reverse("mfa_add_webauthn")).status_code == 200


def ask_for_address(client: Client, email: str) -> object:
    return client.post(reverse("account_email"), {"email": email, "action_add": ""})


def link_in(message: mail.EmailMessage) -> str:
    return next(word for word in str(message.body).split() if "/confirm-email/" in word)


def test_a_new_address_asks_for_the_password_is_confirmed_and_the_old_one_is_told() -> None:
    user = make.UserFactory()
    before = user.email
    client = signed_in(user)
    led = ask_for_address(client, "new@example.org")
    assert led.url.startswith(reverse("account_reauthenticate"))  # type: ignore[attr-defined]
    assert not mail.outbox
    ask_for_address(confirmed(client), "new@example.org")
    user.refresh_from_db()
    assert user.email == before
    assert [message.to for message in mail.outbox] == [["new@example.org"]]
    assert "new@example.org" in client.get(reverse("account_email")).content.decode()
    link = link_in(mail.outbox[0])
    assert before in str(User.objects.values_list("email", flat=True))
    assert Client().get(link).status_code == 200
    client.post(link)
    user.refresh_from_db()
    assert user.email == "new@example.org"
    assert mail.outbox[-1].to == [before]
    text = (mail.outbox[-1].subject + mail.outbox[-1].body).lower()
    for word in ("parkinson", "screening", "hypomimia", "patient", "disease", "new@example.org"):
        assert word not in text
    assert {"account.email_change_asked", "account.email_changed"} <= set(actions())
    assert signed_in(user).get("/api/v1/me/").status_code == 200


def test_a_second_thought_leaves_the_old_address_as_it_is() -> None:
    user = make.UserFactory()
    before, client = user.email, confirmed(signed_in(user))
    for typed in ("frist@example.org", "first@example.org"):
        ask_for_address(client, typed)
        user.refresh_from_db()
        assert user.email == before
    client.post(reverse("account_email"), {"email": "first@example.org", "action_remove": ""})
    user.refresh_from_db()
    assert user.email == before
    assert EmailAddress.objects.get(user=user).email == before


def test_an_address_that_waits_opens_nothing() -> None:
    """A typing error must not hand the account to whoever has that mailbox."""
    user = make.UserFactory()
    ask_for_address(confirmed(signed_in(user)), "typo@example.org")
    mail.outbox.clear()
    Client().post(reverse("account_reset_password"), {"email": "typo@example.org"})
    assert mail.outbox == []
    Client().post(reverse("account_reset_password"), {"email": user.email})
    assert [message.to for message in mail.outbox] == [[user.email]]


def test_an_address_that_became_somebody_elses_is_not_taken() -> None:
    user = make.UserFactory()
    before = user.email
    client = confirmed(signed_in(user))
    ask_for_address(client, "wanted@example.org")
    make.UserFactory(email="wanted@example.org")
    assert client.post(link_in(mail.outbox[0])).status_code < 500
    user.refresh_from_db()
    assert user.email == before


def test_a_changed_password_ends_the_other_sessions_and_is_told() -> None:
    user = make.UserFactory()
    other, client = signed_in(user), signed_in(user)
    changed = {"oldpassword": make.PASSWORD, "password1": "quite another word"}
    client.post(reverse("account_change_password"), {**changed, "password2": "quite another word"})
    assert client.get("/api/v1/me/").status_code == 200
    assert other.get("/api/v1/me/").status_code == 401
    assert "account.password_changed" in actions()
    assert mail.outbox[-1].to == [user.email]


def test_a_stranger_cannot_make_us_write_to_anybody() -> None:
    Client().post(reverse("account_reset_password"), {"email": "nobody@example.org"})
    assert mail.outbox == []
