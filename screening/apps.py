"""The domain as a Django app."""

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    name = "screening"
