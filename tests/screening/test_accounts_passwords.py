"""A password is what was typed, wherever it is typed; and none is short."""

import inspect
from collections.abc import Iterator

import allauth.account.forms
import allauth.mfa.base.forms
import django.contrib.auth.forms
import pytest
from django import forms
from django.core import mail
from django.test import Client
from django.urls import reverse
from rest_framework import serializers

import screening.admin.people
import screening.api.clinic_shapes
import screening.api.serializers
import screening.pages.forms
from screening.models import User
from screening.services import invitations
from tests.screening import factories as make
from tests.screening.accounts import confirmed, signed_in

pytestmark = pytest.mark.django_db
#: Spaces at both ends, a tab, a combining accent: each is somebody's idea of a password.
ODD = "  pa\tss wo\u0301rd of mine \u00a0 "
FORMS = (
    allauth.account.forms,
    allauth.mfa.base.forms,
    django.contrib.auth.forms,
    screening.admin.people,
    screening.pages.forms,
)
SERIALIZERS = (screening.api.serializers, screening.api.clinic_shapes)


def password_fields() -> Iterator[tuple[str, forms.CharField]]:
    """Every field of every form of ours and of the libraries' that hides what is typed."""
    for module in FORMS:
        for name, form in inspect.getmembers(module, inspect.isclass):
            fields = {
                **getattr(form, "declared_fields", {}),
                **getattr(form, "base_fields", {}),
            }
            for field_name, field in fields.items():
                if isinstance(field.widget, forms.PasswordInput):
                    yield f"{name}.{field_name}", field


def test_no_form_alters_a_password() -> None:
    found = dict(password_fields())
    assert {"AcceptForm.password", "LoginForm.password", "NewUserForm.password1"} <= set(found)
    assert [name for name, field in found.items() if field.strip] == []


def test_no_field_of_the_api_alters_a_password() -> None:
    for module in SERIALIZERS:
        for _, shape in inspect.getmembers(module, inspect.isclass):
            if not issubclass(shape, serializers.Serializer):
                continue
            for name, field in shape().fields.items():
                if "password" in name:
                    assert not getattr(field, "trim_whitespace", False), name


def opens(email: str, password: str) -> bool:
    client = Client()
    client.post(reverse("account_login"), {"login": email, "password": password})
    return "_auth_user_id" in client.session


def test_a_password_with_spaces_works_from_the_invitation_to_the_reset() -> None:
    clinician = make.ClinicianFactory()
    site = clinician.memberships.get().site
    _, token = invitations.invite(by=clinician, site=site, name="Ada")
    client = Client()
    chosen = {"email": "ada@example.org", "password": ODD}
    assert client.post(invitations.path(token), chosen).status_code == 302
    assert opens("ada@example.org", ODD)
    assert not opens("ada@example.org", ODD.strip())
    newer = ODD + "!  "
    changed = {"oldpassword": ODD, "password1": newer, "password2": newer}
    assert client.post(reverse("account_change_password"), changed).status_code == 302
    assert client.post(reverse("account_reauthenticate"), {"password": newer}).status_code == 302
    client.post(reverse("account_logout"))
    assert opens("ada@example.org", newer)
    Client().post(reverse("account_reset_password"), {"email": "ada@example.org"})
    link = next(part for part in mail.outbox[-1].body.split() if "/reset/key/" in part)
    page = client.get(link, follow=True).redirect_chain[-1][0]
    assert client.post(page, {"password1": ODD, "password2": ODD}).status_code == 302
    assert opens("ada@example.org", ODD)


def test_the_admin_makes_a_person_with_the_password_that_was_typed() -> None:
    client = confirmed(signed_in(make.AdminFactory()))
    new = {"email": "new@example.org", "name": "", "password1": ODD, "password2": ODD}
    inline = {f"memberships-{name}": 0 for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    made = client.post(reverse("admin:screening_user_add"), {**new, **inline})
    assert "/change/" in made.headers["Location"], made.content.decode()
    assert User.objects.get(email="new@example.org").check_password(ODD)


@pytest.mark.parametrize("password", ["elevenchars", "rubber-duck"])
def test_twelve_characters_everywhere(password: str) -> None:
    assert len(password) == 11
    clinician = make.ClinicianFactory()
    site = clinician.memberships.get().site
    _, token = invitations.invite(by=clinician, site=site, name="Ada")
    refused = Client().post(
        invitations.path(token), {"email": "ada@example.org", "password": password}
    )
    assert refused.status_code == 422
    assert "at least 12 characters" in refused.content.decode()
    client = Client()
    client.force_login(clinician, backend="django.contrib.auth.backends.ModelBackend")
    changed = {"oldpassword": make.PASSWORD, "password1": password, "password2": password}
    assert client.post(reverse("account_change_password"), changed).status_code == 200
    assert opens(clinician.email, make.PASSWORD)
