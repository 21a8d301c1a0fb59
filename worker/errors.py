"""What can go wrong between a worker and its measuring process."""


class MeasuringError(Exception):
    """The work was not done. ``code`` is the reason a clip keeps once its attempts are used up."""

    code = "measuring_fault"


class MeasuringDied(MeasuringError):
    """The measuring process ended in mid-work: a decoder crashed, memory ran out, it was killed."""


class MeasuringTimedOut(MeasuringError):
    """The work passed its wall-clock limit; the process was killed."""

    code = "took_too_long"


class MeasuringFault(MeasuringError):
    """The measuring process answered that it could not do it: our fault, not the clip's.

    ``kind`` is the science's own code (``bundle``, ``wrong_use``, …) or ``fault``.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class MeasuringNotStarted(MeasuringError):
    """The measuring process did not come up, or ended before it was ready: the installation's
    fault. Not an attempt: it had not been given the clip."""

    code = "measuring_not_started"


class MeasuringStopped(MeasuringError):
    """The worker is being shut down. Not an attempt: the clip had no part in it."""

    code = "worker_stopped"


class FileMissing(MeasuringError):
    """The store does not have the clip's file, or not the one that was verified on arrival."""

    code = "file_missing"
