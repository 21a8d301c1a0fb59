"""What a log must not hold: addresses that open a door to whoever reads them."""

import logging
import re
from typing import Any

#: An invitation's token, or the key of a new password, up to the end of its part of the address.
SECRET_PART = re.compile(r"(/invitation/|/password/reset/key/)[^/?#\s\"']+")


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
