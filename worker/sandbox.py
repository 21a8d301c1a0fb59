"""A whole Mimia that vanishes: a temporary database, store and queue in place of the real ones.

For commands that take the same way through the services as a patient does and leave nothing behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage, storages
from django.core.management import call_command
from django.db import connections

from worker.workfolder import work_folder


@contextmanager
def temporary_site() -> Iterator[None]:
    """Everything that the services write goes to a temporary folder until the end.

    For a command's process, before it has used the database: there is no way back to the real
    database afterwards.
    """
    with work_folder() as folder:
        _use_database(folder / "screen.sqlite3")
        _use_store(folder / "clips")
        # Hints go nowhere: the command does the work itself.
        current_app.conf.update(broker_url="memory://localhost/", broker_transport_options={})
        call_command("migrate", verbosity=0, interactive=False)
        try:
            yield
        finally:
            connections.close_all()


def _use_database(path: Path) -> None:
    connections["default"].close()
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
    }
    config = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}
    # Keeps Django's own defaults (time zone, autocommit, …) of the entry it replaces.
    connections.settings["default"].update(config)
    del connections["default"]


def _use_store(folder: Path) -> None:
    settings.STORAGES["default"] = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(folder)},
    }
    store = FileSystemStorage(location=folder)
    storages._storages["default"] = store  # type: ignore[attr-defined]
    default_storage._wrapped = store  # type: ignore[attr-defined]
