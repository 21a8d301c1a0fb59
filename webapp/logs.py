"""What a log must not hold, and what its lines are made of.

Addresses that open a door to whoever reads them are masked, visits left out. Times are UTC; a line
says who asked, by number and network; nothing that somebody sent begins a line of its own.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any

#: What opens something: an invitation's token, the keys of a new password and of a new e-mail
#: address, a signed address of a recording. Up to the end of its part of the address, whether the
#: address stands for itself or, encoded, in another one's query. The proxy has the same
#: (deploy/Caddyfile), and a test compares them.
SECRET_PART = re.compile(
    r"((?:/|%2F)"
    r"(?:invitation|password(?:/|%2F)reset(?:/|%2F)key|confirm-email|media)"
    r"(?:/|%2F))[^/?#&\s\"']+",
    re.IGNORECASE,
)


class WithoutSecrets(logging.Filter):
    """Writes ``…`` in place of a secret in a record's message and arguments; lets all pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _without(record.msg)
        if isinstance(record.args, dict):
            record.args = {name: _without(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(_without(value) for value in record.args)
        return True


class WithoutVisits(logging.Filter):
    """Drops what the server says of each socket: from where somebody came, and to which stream.

    There is no access log either; and when all pages come back at once, a thousand lines would hide
    the one that says why.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        said = str(record.msg)
        return record.levelno > logging.INFO or not (
            '"WebSocket' in said
            or said in ("connection open", "connection closed")
            or said.startswith("connection rejected")
        )


def _without(value: Any) -> Any:
    return SECRET_PART.sub(r"\1…", value) if isinstance(value, str) else value


#: What moves the cursor of whoever reads: line ends, escapes, marks that turn text round.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Lines(logging.Formatter):
    """One record, one line (a trace below it); who asked stands at the end where it is known."""

    def formatTime(  # noqa: N802
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        written = datetime.fromtimestamp(record.created, UTC)
        return written.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        line = super().formatMessage(record) + _asker(getattr(record, "request", None))
        return CONTROL.sub(lambda found: ascii(found[0])[1:-1], line)


def _asker(request: Any) -> str:
    """Account and network of a request, if they are known without asking the database."""
    if not hasattr(request, "META"):
        return ""
    # Loads after the settings, which name this module.
    from screening.accounts.addresses import client_address, masked

    account = getattr(getattr(request, "_cached_user", None), "pk", None) or "nobody"
    return f" (account {account}, network {masked(client_address(request))})"
