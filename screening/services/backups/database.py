"""The database as one file, and back: SQLite's online backup, or PostgreSQL's own programs.

A copy is the state of one moment, and what it names is read from that same moment.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, connections
from django.db.backends.postgresql.client import DatabaseClient

from screening.errors import BackupRefused
from screening.models import BundleFile, Clip, Installation, Patient, Screening, User

Rows = Iterable[tuple[Any, ...]]
SUFFIXES = {"sqlite": ".sqlite3", "postgresql": ".dump"}
#: A database without a row in any of these is one that nobody has used yet.
PEOPLE = (User, Patient, Screening, Clip)


@dataclass(frozen=True)
class Contents:
    """What a copy of the database says: ``recordings``, and the files of models, are keys with
    their SHA-256, if known."""

    installation: UUID
    generation: int
    migrations: list[str]
    recordings: list[tuple[str, str]]


def dump(target: Path, *, ready_made: Path | None = None) -> Contents:
    """Write the database to ``target``; ``ready_made`` is a dump that the operator made just now.

    Raises BackupRefused.
    """
    if connection.vendor == "sqlite":
        if ready_made is not None:
            raise BackupRefused("a ready-made dump is for PostgreSQL; SQLite needs none")
        return _dump_sqlite(target)
    if ready_made is not None:
        _copy_dump(ready_made, target)
        with connection.cursor() as cursor:
            return _contents(lambda sql: _all(cursor, sql))
    return _dump_postgresql(target)


def load(source: Path) -> None:
    """Put a dumped database in place of the present one, which is empty. Raises BackupRefused."""
    connections.close_all()
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(source)) as copy, closing(_sqlite()) as target:
            copy.backup(target)
        return
    with connection.cursor() as cursor:
        if tables := connection.introspection.table_names(cursor):
            names = ", ".join(connection.ops.quote_name(name) for name in tables)
            cursor.execute(f"DROP TABLE {names} CASCADE")
    connections.close_all()
    where, environment = _postgresql()
    *address, name = where
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run(["pg_restore", *options, *address, f"--dbname={name}", str(source)], environment)


def used_by() -> list[str]:
    """The kinds of rows that show that this database is in use; none for an empty one."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        found = []
        for model in PEOPLE:
            table = model._meta.db_table
            if table in tables:
                cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608
                if cursor.fetchone():
                    found.append(str(model._meta.verbose_name_plural))
    return found


def _sqlite() -> sqlite3.Connection:
    return sqlite3.connect(connection.settings_dict["NAME"], timeout=60)


def _dump_sqlite(target: Path) -> Contents:
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    with closing(_sqlite()) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        # One file without a log beside it, and without what was deleted.
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("VACUUM")
        (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise BackupRefused(f"the database is damaged: {verdict}")
        return _contents(lambda sql: copy.execute(sql).fetchall())


def _dump_postgresql(target: Path) -> Contents:
    where, environment = _postgresql()
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            ((snapshot,),) = _all(cursor, "SELECT pg_export_snapshot()")
            options = ["--format=custom", "--no-owner", "--no-privileges"]
            target.touch(mode=0o600)
            _run(
                ["pg_dump", *options, f"--snapshot={snapshot}", f"--file={target}", *where],
                environment,
            )
            return _contents(lambda sql: _all(cursor, sql))
    finally:
        other.close()


def _copy_dump(ready_made: Path, target: Path) -> None:
    try:
        with ready_made.open("rb") as file:
            if file.read(5) != b"PGDMP":
                raise BackupRefused(f"{ready_made} is no dump of pg_dump --format=custom")
        target.touch(mode=0o600)
        shutil.copyfile(ready_made, target)
    except OSError as wrong:
        raise BackupRefused(f"{ready_made}: {wrong.strerror}") from wrong


def _postgresql() -> tuple[list[str], dict[str, str]]:
    """The address as PostgreSQL's programs take it (the name is last), and their environment."""
    command, environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    return command[1:], {**(environment or {})}


def _run(command: list[str], environment: dict[str, str]) -> None:
    if shutil.which(command[0]) is None:
        raise BackupRefused(
            f"{command[0]} is not installed here: install PostgreSQL's client of the server's"
            " version, or see docs/operations.md, “Backups”, for the way without it"
        )
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupRefused(f"{command[0]} failed: {' '.join(done.stderr.split())[-500:]}")


def _all(cursor: Any, sql: str) -> Rows:
    cursor.execute(sql)
    return list(cursor.fetchall())


def _contents(ask: Callable[[str], Rows]) -> Contents:
    clips, mine = Clip._meta.db_table, Installation._meta.db_table
    ((identity, generation),) = ask(f"SELECT identity, generation FROM {mine}")  # noqa: S608
    originals = ask(f"SELECT storage_key, sha256 FROM {clips} WHERE storage_key <> ''")  # noqa: S608
    copies = ask(f"SELECT playback_key, '' FROM {clips} WHERE playback_key <> ''")  # noqa: S608
    models = ask(f"SELECT storage_key, sha256 FROM {BundleFile._meta.db_table}")  # noqa: S608
    applied = ask("SELECT app, name FROM django_migrations")
    return Contents(
        installation=UUID(str(identity)),
        generation=int(generation),
        migrations=sorted(f"{app}.{name}" for app, name in applied),
        recordings=sorted((key, sha256) for key, sha256 in [*originals, *copies, *models]),
    )
