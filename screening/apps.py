"""The domain as a Django app."""

from importlib import import_module

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    name = "screening"

    def ready(self) -> None:
        # These listen to log-ins and changes; they need the models, which are loaded now.
        import_module("screening.accounts.codes")
        import_module("screening.accounts.sessions")
        import_module("screening.accounts.trail")
        import_module("screening.live.changes")
