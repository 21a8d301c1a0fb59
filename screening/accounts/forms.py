"""allauth's forms where ours must say something else."""

from typing import Any

from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms

from screening.models import User


class ResetPasswordForm(AllauthResetPasswordForm):
    """A link to a new password goes to the account's own address only.

    allauth would also take one that waits for its confirmation: a typing error there would hand
    the account to whoever has that mailbox.
    """

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        self.users = list(User.objects.filter(email=email, is_active=True))
        return email


class AddPasskeyForm(AddWebAuthnForm):
    """A passkey signs in by itself unless one says otherwise."""

    name = forms.CharField(
        label="What shall we call it?",
        help_text="For example “My telephone”.",
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    passwordless = forms.BooleanField(
        label="Sign in with it alone, without my password",
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {})["passwordless"] = True
        super().__init__(*args, **kwargs)
