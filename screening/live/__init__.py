"""Push: numbered events over WebSockets. A hint wakes a consumer; the database has the rows."""

from screening.live.push import notify

__all__ = ["notify"]
