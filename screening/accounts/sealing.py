"""Secrets of second factors are sealed in the database: a copy of it makes no codes.

The key comes from ``SECRET_KEY``. While that is being replaced, ``SECRET_KEY_FALLBACKS`` holds the
ones before it: what they sealed still opens, and ``manage.py reseal_factors`` seals it anew.
"""

import base64
import logging
from collections.abc import Iterable
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

from screening.errors import Unavailable

logger = logging.getLogger(__name__)

PURPOSE = b"mimia: secrets of second factors"
#: How every sealed text begins. Neither base 32 nor a hexadecimal number does.
MARK = "gAAAA"


def seal(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def unseal(text: str) -> str:
    """The secret. One from before there were seals is still as it was; never an empty one."""
    if not text.startswith(MARK):
        return text
    try:
        return _fernet().decrypt(text.encode()).decode()
    except InvalidToken as error:
        logger.error("a second factor was sealed with another MIMIA_SECRET_KEY")
        raise Unavailable(
            "The second step of signing in cannot be checked at the moment. Please tell whoever "
            "runs this site.",
            code="factor_sealed",
        ) from error


def reseal(rows: Iterable[Any]) -> int:
    """Seal the secrets of these Authenticator rows with the newest key. Returns how many."""
    count = 0
    for row in rows:
        data = dict(row.data)
        for name in {"secret", "seed"} & set(data):
            data[name] = seal(unseal(data[name]))
        if "migrated_codes" in data:
            data["migrated_codes"] = [seal(unseal(code)) for code in data["migrated_codes"]]
        if data != row.data:
            row.data = data
            row.save(update_fields=["data"])
            count += 1
    return count


def _fernet() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str | bytes) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return base64.urlsafe_b64encode(hkdf.derive(force_bytes(key)))
