"""``/healthz``: this process answers. ``/readyz``: everything that a screening needs is there.

Each check has its own short name in the answer, so that an operator sees at once what is missing.
The answer says nothing about people or results and needs no log-in.
"""

import logging
import threading
from collections.abc import Callable
from time import monotonic
from uuid import uuid4

from celery import current_app
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from screening.models import ModelBundle
from screening.services import bundle_files, installation, room, survey
from worker import bundles, process

logger = logging.getLogger(__name__)

#: A probe that writes or waits is not repeated more often than this, whoever asks.
CACHE_SECONDS = 2.0
QUEUE_SECONDS = 2.0
WORKER_SECONDS = 2.0
#: All checks are asked at once, and whoever asks is answered after so long: a little longer than
#: the wait for a worker, so that "no worker answers" is told and not "no answer".
ANSWER_SECONDS = 3.0


class NotReady(Exception):
    """What is missing, in words an operator can act on."""


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every check passes, 503 with the failing ones otherwise; within ANSWER_SECONDS."""
    for probe in PROBES:
        probe.begin()
    deadline = monotonic() + ANSWER_SECONDS
    checks = {probe.name: probe.result(deadline) for probe in PROBES}
    ready = all(result == "ok" for result in checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def _database() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotReady("migrations are missing: python manage.py migrate")


def _storage() -> None:
    name = default_storage.save(f"probe/{uuid4()}", ContentFile(b"probe"))
    default_storage.delete(name)


def _room() -> None:
    if short := room.below_reserve():
        left = ", ".join(f"{name}: {size // 1024**2} MiB left" for name, size in short.items())
        raise NotReady(f"uploads are refused until there is more room ({left})")


def _queue() -> None:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=QUEUE_SECONDS)


def _worker() -> None:
    """One that measures answers: the thread beside the site, or a process somewhere."""
    asked = {"timeout": WORKER_SECONDS, "limit": 1, "pattern": "worker@*", "matcher": "glob"}
    if not current_app.control.inspect(**asked).ping():
        raise NotReady("no worker answers")
    measuring()


def measuring() -> None:
    """Known here only where the worker is a thread of this process; else its own log says it."""
    if process.not_started:
        raise NotReady("the measuring process does not start; the log says why")


def _bundle() -> None:
    active = ModelBundle.objects.filter(status=ModelBundle.Status.ACTIVE).first()
    if active is None:
        raise NotReady("no model bundle is active: python manage.py register_bundle --activate")
    if active.digest in bundles.unreadable:
        raise NotReady(
            f"the files of the active bundle {active} cannot be read: bring them back and restart,"
            " or activate another one; the worker's log names the file"
        )
    if fault := bundle_files.fault(active):
        raise NotReady(
            f"the files of the active bundle {active} are not as they were ({fault}):"
            " python manage.py register_bundle DIR brings them back from where the bundle still is"
        )


def _installation() -> None:
    """Store and database are each other's; one that is behind still takes recordings."""
    standing = installation.check()
    if not standing.may_clean:
        raise NotReady(standing.words)


def _cleaner() -> None:
    """The last look through the store found no more leftovers than a fault of ours could leave."""
    last = survey.last_finished()
    if last is not None and last.held:
        raise NotReady(last.held)


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "storage": _storage,
    "room": _room,
    "installation": _installation,
    "cleaner": _cleaner,
    "queue": _queue,
    "worker": _worker,
    "bundle": _bundle,
}


class Probe:
    """One check, asked on a thread of its own, so that one which hangs holds up nobody.

    While it hangs no second thread is started for it: all who ask are told that it does not answer.
    """

    def __init__(self, name: str, check: Callable[[], None]) -> None:
        self.name, self.check = name, check
        self._lock = threading.Lock()
        self._asked_at, self._answered, self._said = float("-inf"), threading.Event(), ""

    def begin(self) -> None:
        """Asks, unless that was done a moment ago or the last answer has not come yet."""
        with self._lock:
            is_open = self._asked_at > float("-inf") and not self._answered.is_set()
            if not is_open and monotonic() - self._asked_at >= CACHE_SECONDS:
                self._asked_at, self._answered = monotonic(), threading.Event()
                work = threading.Thread(target=self._ask, args=(self._answered,), daemon=True)
                work.name = f"ready-{self.name}"
                work.start()

    def result(self, deadline: float) -> str:
        """``ok``, or what is wrong; waits for it until ``deadline`` at most."""
        if self._answered.wait(max(0.0, deadline - monotonic())):
            return self._said
        return f"no answer within {ANSWER_SECONDS:g} s"

    def _ask(self, answered: threading.Event) -> None:
        try:
            self._said = _result(self.name, self.check)
        finally:
            connections.close_all()
            answered.set()


def _result(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as missing:
        return str(missing)
    except Exception as error:
        # Whatever a database, a store or a broker raises means the same here: it is not ready.
        logger.warning("not ready: %s: %s", name, type(error).__name__)
        return f"failed: {type(error).__name__}"
    return "ok"


PROBES = [Probe(name, check) for name, check in CHECKS.items()]
