"""The workers' room as a Django app: its tasks and its management commands."""

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "worker"
