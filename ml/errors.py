"""Every typed error, with the words that the user reads."""

from pathlib import Path

from vocabulary.reasons import UnusableReason


class MimiaError(Exception):
    """Base of every error that ``ml`` raises on purpose. ``str(error)`` is what the user reads."""

    code = "error"


class WrongUse(MimiaError):
    """The command line or a call asks for something that cannot be done; says what to do."""

    code = "wrong_use"


class ClipUnusable(MimiaError):
    """The clip itself is why nothing can be measured. The pipeline turns it into a result."""

    code = "clip_unusable"

    def __init__(self, reason: UnusableReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class BundleError(MimiaError):
    """A model bundle is missing, incomplete or changed; names the file."""

    code = "bundle"


class WeightsError(MimiaError):
    """Weights are missing or do not match their configuration; names the file."""

    code = "weights"

    def __init__(self, message: str, *, file: Path | str) -> None:
        super().__init__(f"{file}: {message}")
        self.file = str(file)


class ConfigError(MimiaError, ValueError):
    """A setting that cannot work; names it."""

    code = "config"


class SourceError(MimiaError):
    """Curves and models of different intensity sources met, or a clip was measured for another."""

    code = "intensity_source"


class CohortError(MimiaError):
    """Labelled data cannot be used; names the file and, where there is one, the row."""

    code = "cohort"

    def __init__(self, message: str, *, file: Path | str, row: int | None = None) -> None:
        where = f"{file}" if row is None else f"{file}, row {row}"
        super().__init__(f"{where}: {message}")
        self.file = str(file)
        self.row = row
