"""Push: numbered events over WebSockets. A hint wakes a hub; the database has the rows."""

from screening.live.push import notify, person_changed

__all__ = ["notify", "person_changed"]
