"""From which address a request comes, and as whom it may be counted.

Each trusted proxy adds, at the right of ``X-Forwarded-For``, the address that it was asked from.
What stands further left was written by whoever asked, so it is counted from the right, and only as
far as there are proxies of ours (``MIMIA_TRUSTED_PROXIES``; none unless it is said).
"""

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest

#: A household or a firm is given at least this much of IPv6: one asker, however many addresses.
IPV6_PREFIX = 64
UNKNOWN = "unknown"


def client_address(request: HttpRequest) -> str:
    """The asker's address; ``unknown`` where the server does not say (a Unix socket)."""
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    proxies: int = settings.TRUSTED_PROXIES
    # Fewer entries than proxies: somebody came in by a side door and is known by that alone.
    if 0 < proxies <= len(forwarded):
        found = _parsed(forwarded[-proxies])
        if found is not None:
            return found
    return _parsed(request.META.get("REMOTE_ADDR") or "") or UNKNOWN


def asker(address: str) -> str:
    """Those addresses that one asker can choose among are one: an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network(f"{parsed}/{IPV6_PREFIX}", strict=False).network_address)


def masked(address: str) -> str:
    """Enough of an address for an audit trail: which network, not which household."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False))


def opaque(*parts: object) -> str:
    """A name for these that nobody can guess back to them without this site's key."""
    text = "\n".join(str(part) for part in parts)
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), "sha256").hexdigest()


def _parsed(text: str) -> str | None:
    text = text.strip()
    if text.startswith("["):  # [2001:db8::1]:443
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 192.0.2.1:443
        text = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
