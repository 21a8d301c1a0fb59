"""The administrators' site: every row to be found, evidence never to be edited.

What changes a state does it through the services, as everywhere else.
"""

from screening.admin import exports, journal, people, protocol, results, session, storage

__all__ = ["exports", "journal", "people", "protocol", "results", "session", "storage"]
