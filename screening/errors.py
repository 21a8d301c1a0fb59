"""Everything that can go wrong in the domain, each with a code, an HTTP status and a sentence.

The sentence is what the user reads. It never holds a name or a result.
"""


class DomainError(Exception):
    """Base of all typed errors. ``code`` is for programs, ``detail`` for people."""

    status = 400
    code = "invalid"
    detail = "This could not be done."

    def __init__(self, detail: str = "", *, code: str = "") -> None:
        self.detail = detail or self.detail
        self.code = code or self.code
        super().__init__(self.detail)


class Unreadable(DomainError):
    """A header of the request is no header."""

    status = 400
    code = "unreadable"
    detail = "This request could not be read. Please go back and try again."


class NotAllowed(DomainError):
    status = 403
    code = "not_allowed"
    detail = "You may not do this."


class NotFound(DomainError):
    status = 404
    code = "not_found"
    detail = "There is nothing here that you may see."


class WrongState(DomainError):
    status = 409
    code = "wrong_state"
    detail = "This is not possible at this point."


class Conflict(DomainError):
    status = 409
    code = "conflict"
    detail = "Somebody else was quicker. Please look again."


class UnreadableResult(DomainError):
    """What was kept does not have the shape that this version reads."""

    status = 409
    code = "result_unreadable"
    detail = (
        "This result cannot be read as it was kept. The recordings are not affected. Please tell"
        " whoever runs the clinic's computer: docs/operations.md, “A result that cannot be read”."
    )


class OffsetConflict(Conflict):
    """A chunk arrived for a place that is not the next one. ``offset`` is the right place."""

    code = "wrong_offset"
    detail = "This part of the recording was not the next one expected."

    def __init__(self, offset: int, detail: str = "", *, code: str = "") -> None:
        super().__init__(detail, code=code)
        self.offset = offset


class Invalid(DomainError):
    status = 422
    code = "invalid"
    detail = "Something in this is not right. Please check it."


class TooLarge(DomainError):
    status = 413
    code = "too_large"
    detail = "This recording is too large."


class UnknownContainer(DomainError):
    """An upload says that it is something else than a film."""

    status = 415
    code = "file_type"
    detail = "This kind of recording cannot be used. Please record with another browser."


class Gone(DomainError):
    status = 410
    code = "gone"
    detail = "This is no longer there."


class Unavailable(DomainError):
    """Not possible just now, and no fault of the caller's: worth another try after a while."""

    status = 503
    code = "unavailable"
    detail = "This is not possible at the moment. Please try again in a minute."
    #: Seconds after which it is worth another try (``Retry-After``).
    retry_after = 5


class NoRoom(Unavailable):
    """Nothing more can be kept: a disk is full, or so nearly that its reserve is reached."""

    status = 507
    code = "no_room"
    detail = (
        "There is no room to keep this at the moment. Nothing that was saved is lost. "
        "Please try again later."
    )
    retry_after = 60


class StoreRefused(Unavailable):
    """The store of recordings is not this database's own: a matter for the operator."""

    code = "store_refused"
    detail = (
        "Recordings cannot be taken in at the moment. Yours is kept safe on this device and will"
        " be sent later."
    )
    retry_after = 120


class StoreAway(Unavailable):
    """The store of recordings does not answer, or answers that it cannot work just now."""

    code = "store_away"
    detail = "Recordings cannot be reached at the moment. Please try again in a minute."
    retry_after = 10


class MailAway(Unavailable):
    """The mail server does not take the message."""

    code = "mail_away"
    detail = (
        "The message could not be sent at the moment. Please check the address, or try again in a"
        " few minutes."
    )
    retry_after = 60


class BackupRefused(DomainError):
    """A backup that cannot be made or restored, in words for the operator at the console."""

    status = 409
    code = "backup_refused"
