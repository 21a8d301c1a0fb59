"""What a database keeps of rows that are deleted, and getting rid of it.

SQLite leaves deleted text in free pages, in the gaps of pages that were rebuilt, and in its
write-ahead log. ``secure_delete`` (set on every connection) overwrites most of it; writing the file
anew and emptying the log leaves none. PostgreSQL's own housekeeping does this: see
``docs/decisions/erasure.md``.
"""

from typing import Any

from django.db import OperationalError, connection

from screening.errors import Conflict


def wipe() -> None:
    """Write the database's file anew without what was deleted, and empty its write-ahead log.

    Outside a transaction only. Raises Conflict while somebody else holds the database: try again.
    """
    if connection.vendor != "sqlite":
        return
    try:
        with connection.cursor() as cursor:
            # Before the costly part too: while somebody reads, that would be in vain.
            _empty_log(cursor)
            cursor.execute("VACUUM")
            _empty_log(cursor)
    except OperationalError as held:
        raise Conflict("The database is in use: what was deleted is not wiped yet.") from held


def _empty_log(cursor: Any) -> None:
    busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Conflict("The database is being read: its log is not emptied yet.")
