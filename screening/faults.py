"""Which exceptions mean *not just now*: a database, store or disk that is away, busy or full.

They are nobody's mistake and pass by themselves, so whoever asked is told to come again (503, or
507 where there is no room), in words and with ``Retry-After``. A header that cannot be parsed is
the mistake of whoever sent it (400). Everything else is a fault of ours and stays a 500 with its
trace in the log.
"""

import errno
import logging
import smtplib
import sqlite3

import redis.exceptions
from botocore.exceptions import BotoCoreError, ClientError
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.http import parse_header_parameters

from screening.errors import DomainError, MailAway, NoRoom, StoreAway, Unavailable, Unreadable

logger = logging.getLogger(__name__)

#: EFBIG is what a limit on the size of files says, as a quota would.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: A disk or share that went away, or a process that has no file handle left.
AWAY = frozenset(
    {
        errno.EIO,
        errno.EROFS,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
    }
)
#: SQLITE_ERROR, a statement that is wrong, is missing here: waiting does not mend it.
SQLITE_PASSES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
DISK_FULL = "53100"  # PostgreSQL's class 53, insufficient resources: disk full
#: What S3 stores answer when they are full or a quota is reached.
STORE_FULL = frozenset({"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"})


def passing(error: BaseException) -> Unavailable | None:
    """What to answer where waiting helps; None for a fault of ours."""
    if isinstance(error, Unavailable):
        return error
    if isinstance(error, OperationalError | InterfaceError):
        return _of_database(error)
    if isinstance(error, ClientError):
        return _of_store(error)
    if isinstance(error, BotoCoreError):
        return StoreAway()
    if isinstance(error, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError):
        return Unavailable()
    if isinstance(error, smtplib.SMTPException):
        return MailAway()
    # Last, since some of the above are OSErrors too.
    if isinstance(error, OSError):
        return _of_system(error)
    return None


def of_request(error: BaseException) -> DomainError | None:
    """What to answer in place of a 500: :func:`passing`, or 400 for a header that is none.

    Django parses the parameters of ``Content-Type``, ``Accept`` and a form's parts with Python's
    ``email``, which falls over some (``x*1=a;x*=b``) with whatever error it meets.
    """
    return Unreadable() if _in_header(error) else passing(error)


def _in_header(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is parse_header_parameters.__code__:
            return True
        trace = trace.tb_next
    return False


def _of_database(error: Exception) -> Unavailable | None:
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # The extended code's low byte says the kind.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return NoRoom()
        return Unavailable() if code in SQLITE_PASSES else None
    # psycopg keeps wrong statements apart (ProgrammingError): these are connections, locks, limits.
    return NoRoom() if getattr(cause, "sqlstate", None) == DISK_FULL else Unavailable()


def _of_system(error: OSError) -> Unavailable | None:
    if error.errno in FULL:
        return NoRoom()
    if error.errno in AWAY or isinstance(error, ConnectionError | TimeoutError):
        return Unavailable()
    return None


def _of_store(error: ClientError) -> Unavailable | None:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status == NoRoom.status or error.response.get("Error", {}).get("Code") in STORE_FULL:
        return NoRoom()
    return StoreAway() if status >= 500 or status == 429 else None


def note(error: BaseException, answer: DomainError) -> None:
    """One line in the log; the error's own words might hold a row's content."""
    cause = error.__cause__ or error
    logger.warning("answered %d: %s", answer.status, type(cause).__name__)


def answer(request: HttpRequest, fault: DomainError) -> HttpResponseBase:
    """The fault in words: JSON for programs, else a page that needs neither database nor store."""
    response: HttpResponse
    if request.path.startswith("/api/"):
        response = JsonResponse({"code": fault.code, "detail": fault.detail}, status=fault.status)
    else:
        page = render_to_string("unavailable.html", {"error": fault})
        response = HttpResponse(page, status=fault.status)
    if isinstance(fault, Unavailable):
        response["Retry-After"] = str(fault.retry_after)
    response["Cache-Control"] = "no-store"
    return response
