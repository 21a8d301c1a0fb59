"""Time limits on every call outward: store, database, queue, mail. Nothing waits without end.

Each library waits for minutes, or for ever, unless it is told otherwise. A limit is on one answer
of the other side, not on a whole transfer: a large film over a slow line is no fault.
"""

from typing import Any

#: Until a connection stands. All of these are in one data centre, or on one machine.
CONNECT_SECONDS = 3
#: A call to the store is made so often in all; botocore's own retries are on top of nothing else.
STORE_TRIES = 2
#: A dead host says nothing: a connection that is not acknowledged is given up after so long.
SILENCE_SECONDS = 15


def s3(answer_seconds: float) -> dict[str, Any]:
    """Options for django-storages: each answer within ``answer_seconds``, ``STORE_TRIES`` times."""
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=answer_seconds,
        retries={"total_max_attempts": STORE_TRIES, "mode": "standard"},
        s3={"addressing_style": "path"},
        signature_version="s3v4",
        # One for each of the threads that answer requests; more would wait for one another.
        max_pool_connections=50,
    )
    # Its own attempts would multiply with those above.
    return {"client_config": config, "transfer_config": TransferConfig(num_download_attempts=1)}


def postgresql() -> dict[str, Any]:
    """Options of libpq: a server that is away or dead is found out within seconds."""
    return {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": SILENCE_SECONDS * 1000,
        "keepalives": 1,
        "keepalives_idle": SILENCE_SECONDS // 3,
        "keepalives_interval": SILENCE_SECONDS // 3,
        "keepalives_count": 2,
    }


def bound_statements(databases: Any, seconds: float) -> None:
    """For the site's process: no statement, no wait for a lock and no idle transaction is longer.

    Not for commands: a migration or an export may take its time. ``databases``: Django's
    ``connections``, before the first one is opened.
    """
    default = databases.settings["default"]
    if default["ENGINE"].endswith("postgresql"):
        limits = {
            "statement_timeout": seconds,
            "lock_timeout": seconds / 2,
            "idle_in_transaction_session_timeout": 2 * seconds,
        }
        words = [f"-c {name}={int(1000 * limit)}" for name, limit in limits.items()]
        options = default.setdefault("OPTIONS", {})
        options["options"] = " ".join([*filter(None, [options.get("options")]), *words])


def redis(answer_seconds: float) -> dict[str, Any]:
    """Options for kombu. A worker asks for messages for a second at a time, well within these."""
    return {"socket_timeout": answer_seconds, "socket_connect_timeout": CONNECT_SECONDS}
