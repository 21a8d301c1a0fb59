"""Every typed error and every reason for an unusable clip, each with the words the user reads."""

from enum import StrEnum
from pathlib import Path


class UnusableReason(StrEnum):
    """Why a clip cannot be measured. A result, not a fault: the patient can act on each."""

    EMPTY_FILE = "empty_file"
    NOT_A_VIDEO = "not_a_video"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TIME_GAP = "time_gap"
    LOW_FRAME_RATE = "low_frame_rate"
    NO_FACE = "no_face"
    FACE_LOST = "face_lost"
    SEVERAL_FACES = "several_faces"
    FACE_TOO_SMALL = "face_too_small"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    TURNED_AWAY = "turned_away"
    TILTED = "tilted"


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


class ConfigError(MimiaError):
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
