"""The administrators' site: every row to be found, evidence never to be edited.

What changes a state does it through the services, as everywhere else.
"""

from screening.admin import journal, people, protocol, results, session, storage

__all__ = ["journal", "people", "protocol", "results", "session", "storage"]
