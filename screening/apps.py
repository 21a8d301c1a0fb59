"""The domain as a Django app."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ScreeningConfig(AppConfig):
    name = "screening"

    def ready(self) -> None:
        # These listen to log-ins and changes; they need the models, which are loaded now.
        import_module("screening.accounts.codes")
        import_module("screening.accounts.sessions")
        import_module("screening.accounts.trail")
        import_module("screening.live.changes")
        post_migrate.connect(offer_new_expressions, sender=self)


def offer_new_expressions(*, using: str, apps: Any = apps, **_: Any) -> None:
    """``apps``: as they are after a migration; emptied tables are those of the code as it is."""
    protocols = import_module("screening.services.protocols")
    protocols.offer_new_expressions(apps=apps, using=using)
