"""The domain as a Django app."""

from importlib import import_module

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    name = "screening"

    def ready(self) -> None:
        # Listens to log-ins and changes of accounts; it needs the models, which are loaded now.
        import_module("screening.accounts.trail")
