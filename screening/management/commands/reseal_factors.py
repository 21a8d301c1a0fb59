"""``manage.py reseal_factors``: seal the secrets of second factors with the newest secret key."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand

from screening.accounts.sealing import reseal


class Command(BaseCommand):
    help = "Seal the secrets of second factors with the newest key (after MIMIA_SECRET_KEY changed)"

    def handle(self, *args: Any, **options: Any) -> None:
        count = reseal(Authenticator.objects.iterator())
        self.stdout.write(f"{count} second factors sealed with the newest key")
