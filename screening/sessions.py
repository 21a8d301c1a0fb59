"""Sessions in the database, as Django keeps them, with one difference: a busy one is not *deleted*.

Django takes every failure of the update for a session that somebody deleted, and answers 400. While
the database is locked, full or away that is not so, and the right answer is *come again* (503).
"""

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSession
from django.db import OperationalError


class SessionStore(DatabaseSession):
    def save(self, must_create: bool = False) -> None:
        try:
            super().save(must_create=must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError):
                raise error.__context__ from None
            raise
