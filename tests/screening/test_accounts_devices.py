"""Sessions: a new key at each log-in, none after the log-out, and others ended from afar."""

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse

from screening.accounts.devices import describe
from screening.models import AuditEntry, User
from tests.screening import factories as make
from tests.screening.accounts import confirmed, signed_in

pytestmark = pytest.mark.django_db
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
)


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("mfa_index")).status_code == 200


def log_in(user: User, **extra: str) -> Client:
    client = Client()
    client.get(reverse("account_login"))
    data = {"login": user.email, "password": make.PASSWORD}
    client.post(reverse("account_login"), data, **extra)
    return client


def test_a_log_in_makes_a_new_key_and_a_log_out_leaves_none() -> None:
    user = make.UserFactory()
    client = Client()
    # A stranger's session that was planted before.
    planted = client.session
    planted["planted"] = True
    planted.save()
    client.cookies["sessionid"] = planted.session_key
    client.post(reverse("account_login"), {"login": user.email, "password": make.PASSWORD})
    key = client.session.session_key
    assert key is not None
    assert key != planted.session_key
    # 32 characters of 36, from the system's random source: 165 bits.
    assert len(key) == 32
    assert not Session.objects.filter(pk=planted.session_key).exists()
    client.post(reverse("account_logout"))
    assert not Session.objects.filter(pk=key).exists()
    client.cookies["sessionid"] = key
    assert not is_signed_in(client)


def test_a_person_sees_where_they_are_signed_in_and_ends_the_rest() -> None:
    user = make.UserFactory()
    telephone, computer, third = (
        log_in(user, HTTP_USER_AGENT=one) for one in (IPHONE, WINDOWS, "")
    )
    stranger = signed_in(make.UserFactory())
    here = confirmed(signed_in(user))
    page = here.get(reverse("account_devices"))
    text = page.content.decode()
    assert "Safari on an iPhone" in text
    assert "Edge on Windows" in text
    assert text.count("This is the one you are using now") == 1
    assert not any(row.pk in text for row in Session.objects.all()), "a session's key on a page"
    shown = page.context["places"]
    [iphone] = [place for place in shown if "iPhone" in place.device]
    here.post(reverse("account_devices"), {"name": iphone.name})
    assert [is_signed_in(one) for one in (telephone, computer, here)] == [False, True, True]
    here.post(reverse("account_devices"))
    assert [is_signed_in(one) for one in (computer, third, here, stranger)] == [
        *(False, False),
        *(True, True),
    ]
    written = AuditEntry.objects.filter(action="account.sessions_ended", target=f"user:{user.pk}")
    assert [one.data["count"] for one in written.order_by("created_at")] == [1, 2]


def test_the_list_asks_again_who_it_is_and_ends_nobody_elses() -> None:
    user, other = make.UserFactory(), make.UserFactory()
    theirs = confirmed(signed_in(other))
    [place] = theirs.get(reverse("account_devices")).context["places"]
    mine = signed_in(user)
    session = mine.session
    session["account_authentication_methods"] = []
    session.save()
    assert (
        reverse("account_reauthenticate")
        in mine.get(reverse("account_devices")).headers["Location"]
    )
    confirmed(mine).post(reverse("account_devices"), {"name": place.name})
    assert is_signed_in(theirs)


def test_what_a_browser_says_of_itself_is_never_shown() -> None:
    assert describe("<script>alert(1)</script> Firefox/1 (X11; Linux)") == "Firefox on Linux"
    assert describe("") == describe("curl/8") == "A browser"


def test_a_new_browser_at_a_new_place_is_told_by_mail_and_a_known_one_is_not() -> None:
    user = make.UserFactory()
    first = log_in(user, REMOTE_ADDR="192.0.2.1")
    assert [one.subject for one in mail.outbox] == ["Mimia · You signed in at a new place"]
    assert mail.outbox[0].to == [user.email]
    log_in(user, REMOTE_ADDR="192.0.2.1")
    first.post(reverse("account_logout"))
    data = {"login": user.email, "password": make.PASSWORD}
    first.post(reverse("account_login"), data, REMOTE_ADDR="198.51.100.7")
    assert len(mail.outbox) == 1, "a known place, then a known browser"
    log_in(user, REMOTE_ADDR="203.0.113.9")
    assert len(mail.outbox) == 2
