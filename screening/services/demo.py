"""Demo accounts for trying Mimia out; only where the settings allow them (development)."""

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from screening.errors import NotAllowed
from screening.models import Membership, Patient, Scope, Site, User
from screening.services import consents, protocols

SITE = "Demo clinic"
EMAILS = {
    "patient": "patient@demo.mimia",
    "clinician": "clinician@demo.mimia",
    "admin": "admin@demo.mimia",
}
#: Nobody's address: the drawn patient acts through it and nobody can log in to it.
PHANTOM_EMAIL = "phantom@demo.mimia"


@dataclass(frozen=True)
class DemoAccounts:
    """One password for all three; ``emails`` by role."""

    password: str
    emails: dict[str, str]


def create_accounts(*, password: str = "") -> DemoAccounts:
    """Make, or bring back, the demo clinic with a patient, a clinician and an administrator.

    Everybody gets the given password, or a new random one. Raises NotAllowed outside development.
    """
    if not getattr(settings, "DEMO_ACCOUNTS", False):
        raise NotAllowed("Demo accounts exist in development settings only.")
    password = password or secrets.token_urlsafe(9)
    with transaction.atomic():
        site, _ = Site.objects.get_or_create(
            name=SITE,
            defaults={
                "protocol": protocols.default(),
                "release_policy": Site.ReleasePolicy.AT_ONCE,
                "contact": "This is a demo: there is nobody to call.",
            },
        )
        people = {role: _user(role, password) for role in EMAILS}
        Membership.objects.get_or_create(user=people["clinician"], site=site)
        Patient.objects.get_or_create(
            user=people["patient"], defaults={"site": site, "name": people["patient"].name}
        )
    return DemoAccounts(password=password, emails=dict(EMAILS))


def phantom_patient() -> Patient:
    """The demo clinic's drawn patient, who cannot log in and has consented to the screening."""
    site = Site.objects.get(name=SITE)
    with transaction.atomic():
        user, made = User.objects.get_or_create(email=PHANTOM_EMAIL)
        if made:
            user.set_unusable_password()
            user.save()
        patient, _ = Patient.objects.get_or_create(
            user=user, defaults={"site": site, "name": "Drawn face"}
        )
        if not consents.is_current(consents.standing(patient=patient)):
            consents.give(
                patient=patient, form=consents.current_form(), scopes=[Scope.CARE, Scope.TRAINING]
            )
    return patient


def forget(*, addresses: Collection[str]) -> None:
    """Take the accounts with these addresses out of ``demo.json``, which ``make run`` wrote."""
    kept = settings.VAR / "demo.json"
    if not kept.is_file():
        return
    known = json.loads(kept.read_text())
    found = known.get("accounts", {})
    stay = {role: one for role, one in found.items() if one.get("email") not in addresses}
    if len(stay) < len(found):
        partial = kept.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(known | {"accounts": stay}, indent=2) + "\n")
        partial.replace(kept)


def _user(role: str, password: str) -> User:
    user, _ = User.objects.get_or_create(
        email=EMAILS[role], defaults={"name": f"Demo {role}".title()}
    )
    user.is_staff = user.is_superuser = role == "admin"
    user.set_password(password)
    user.save()
    return user
