"""Requests that nobody means well by: every route, with ids that exist, as everybody.

``python -m tests.fuzz``, on the database of ``DATABASE_URL``; run by ``test_fuzz`` on SQLite and on
PostgreSQL, and by ``make fuzz`` for as long as one likes.
"""

import django

django.setup()
