"""Erased means gone: marks wherever a person can write, and a search for them byte by byte.

``traces`` plants, erases and searches, on SQLite as files (database, log of writes, clips, exports,
the site's own log, all below ``MIMIA_VAR``) and on PostgreSQL as a full dump, with Redis beside it.
"""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account import forms as account_forms
from django import forms
from django.apps import apps
from django.db import connection, models
from rest_framework import serializers

from screening.api import clinic_shapes
from screening.api import serializers as shapes
from screening.models import Patient, User
from screening.pages import forms as page_forms
from screening.services.erasure_rules import COLUMNS, RELATIONS, TABLES
from tests.screening.traces import label_of
from tests.servers import PostgreSQL, Redis

ROOT = Path(__file__).resolve().parents[2]
WORDS = (
    *(models.CharField, models.TextField, models.JSONField, models.BinaryField),
    *(models.GenericIPAddressField, models.FileField),
)
VERBS = ("kept", "emptied", "deleted", "nobody's")

Found = dict[str, Any]


def run(folder: Path, **settings: str) -> Found:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings.test",
        "MIMIA_VAR": str(folder),
        "MIMIA_S3_BUCKET": "",
        "MIMIA_LOG_LEVEL": "INFO",
        **settings,
    }
    log = folder / "site.log"
    with log.open("wb") as written:
        done = subprocess.run(
            [sys.executable, "-m", "tests.screening.traces"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=written,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, log.read_text()[-4000:]
    assert log.stat().st_size, "the site's log is searched too, so there must be one"
    found: Found = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("sqlite")
    return run(folder, DATABASE_URL=f"sqlite:///{folder / 'traces.sqlite3'}", REDIS_URL="")


@pytest.fixture(scope="module")
def on_postgresql(
    postgresql: PostgreSQL, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Found:
    database, folder = postgresql.create_database("traces"), tmp_path_factory.mktemp("postgresql")
    return run(folder, DATABASE_URL=database, REDIS_URL=redis_server.url(7))


@pytest.fixture(params=["on_sqlite", pytest.param("on_postgresql", marks=pytest.mark.distributed)])
def found(request: pytest.FixtureRequest) -> Found:
    it: Found = request.getfixturevalue(request.param)
    return it


def test_nothing_is_left(found: Found) -> None:
    assert found["blind"] == [], "the search would not find these, whatever happens"
    assert found["left"] == {}


def test_what_is_kept_is_kept(found: Found) -> None:
    assert found["lost"] == []


def test_files_and_exports_are_gone(found: Found) -> None:
    assert found["stored"] == []
    assert found["exported"] == ["manifest.csv"]
    assert len(found["manifest"].splitlines()) == 1


def test_every_rule_about_a_patients_column_was_tried(found: Found) -> None:
    """A rule that no planted mark tests is a promise only. What is left: rows that do not lead to
    a patient by a key, and the columns by which the patient is known."""
    others = {name for name, rule in COLUMNS.items() if rule.startswith("nobody's")}
    untried = set(COLUMNS) - others - set(found["columns"])
    assert untried == {
        *("User.email", "User.password", "Invitation.email", "account.EmailAddress.email"),
        *("sessions.Session.session_key", "sessions.Session.session_data"),
        *("admin.LogEntry.object_id", "admin.LogEntry.object_repr"),
        *("admin.LogEntry.change_message", "EventStream.key", "Event.kind", "Event.data"),
        "ExportedClip.name",
    }


#: Takes words, but only ours: one of a list, or what is compared and thrown away.
NOT_KEPT = {
    *("ConsentIn.scopes", "RerecordIn.steps", "CompleteIn.sha256", "AnnouncedIn.mime_type"),
    "IntakeInOut.sex",
    # Pages that are closed: nobody signs up by themselves, no log-in by a code, one address each.
    *("BaseSignupForm.email", "SignupForm.email", "ChangeEmailForm.email"),
    *("RequestLoginCodeForm.email", "VerifyPhoneForm.phone", "ChangePhoneForm.phone"),
}


def test_every_field_that_takes_words_is_written_into(on_sqlite: Found) -> None:
    """Of our forms and serializers, and of django-allauth's that are in use."""
    taken = set(fields_that_take_words())
    missing = taken - set(on_sqlite["written"]) - NOT_KEPT
    assert not missing, "let tests/screening/traces.py write a mark into these"


def fields_that_take_words() -> Iterator[str]:
    for module in (shapes, clinic_shapes):
        for name, shape in inspect.getmembers(module, inspect.isclass):
            if issubclass(shape, serializers.Serializer) and name.endswith(("In", "InOut", "Cue")):
                for field, kind in shape().fields.items():
                    if takes_words(kind):
                        yield f"{name}.{field}"
    # Of the libraries' forms only addresses: the rest are passwords and codes, kept as hashes.
    for module, words in ((page_forms, forms.CharField), (account_forms, forms.EmailField)):
        for name, form in inspect.getmembers(module, inspect.isclass):
            if issubclass(form, forms.Form) and form.__module__ == module.__name__:
                for field, kind in form.base_fields.items():
                    if isinstance(kind, words):
                        yield f"{name}.{field}"


def takes_words(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    inner = getattr(field, "child", field)
    words = (serializers.CharField, serializers.JSONField, serializers.DictField)
    return isinstance(inner, words) and not isinstance(inner, serializers.ChoiceField)


def test_every_column_that_holds_words_has_a_rule() -> None:
    """Of every model, Django's and the libraries' too."""
    found = {
        label_of(model, field.name)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, WORDS) and not field.choices
    }
    assert found == set(COLUMNS), "say in erasure_rules.COLUMNS what happens to it, and do it"


def test_every_relation_to_a_person_has_a_rule() -> None:
    """Fails when somebody adds a model that leads to a patient and forgets erasure: by a foreign
    key, or by an id that is none."""
    assert set(relations()) == set(RELATIONS), "say in erasure_rules what happens to it, and do it"


def relations() -> Iterator[str]:
    seen: set[type[models.Model]] = set()
    waiting: list[type[models.Model]] = [Patient, User]
    everything = apps.get_models(include_auto_created=True)
    while waiting:
        target = waiting.pop()
        if target in seen:
            continue
        seen.add(target)
        for model in everything:
            for field in model._meta.concrete_fields:
                if field.related_model is target:
                    yield label_of(model, field.name)
                    waiting.append(model)
    for model in everything:
        for field in model._meta.concrete_fields:
            if isinstance(field, models.UUIDField) and not field.primary_key:
                yield label_of(model, field.name)


def test_every_rule_begins_with_what_is_done() -> None:
    assert [
        rule for rule in (RELATIONS | COLUMNS | TABLES).values() if not rule.startswith(VERBS)
    ] == []


@pytest.mark.django_db
def test_no_table_is_without_a_model() -> None:
    """A table that a library makes by itself (a cache, say) would be overlooked by the rules."""
    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert set(connection.introspection.table_names()) - known == set(TABLES)
