"""What a log must not hold: addresses that open a door to whoever reads them."""

import logging
import re
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


def _without(value: Any) -> Any:
    return SECRET_PART.sub(r"\1…", value) if isinstance(value, str) else value
