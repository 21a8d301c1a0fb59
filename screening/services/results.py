"""Results and measurements, checked against their one shape when they are kept and when read.

The measuring process decodes films of strangers, and a database outlives the code that filled it:
neither is believed. A result of an earlier version is brought to today's here, a step a version.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from screening.errors import Invalid, UnreadableResult
from screening.models import Assessment, ClipMeasurement
from vocabulary import assessment as shape

Shape = TypeVar("Shape")


def checked(result: Mapping[str, Any]) -> shape.Assessment:
    """A result that is to be kept. Raises Invalid, which names the part that is not as it should
    be, never its value."""
    try:
        found = _converted(result, shape.Assessment)
    except msgspec.ValidationError as wrong:
        raise Invalid(f"This is no result: {wrong}.", code="result") from wrong
    if found["schema"] != shape.SCHEMA:
        raise Invalid(f"A result is written in version {shape.SCHEMA}.", code="result")
    return found


def read(row: Assessment) -> shape.Assessment:
    """The result as it was kept. Raises UnreadableResult."""
    version = row.result.get("schema") if isinstance(row.result, dict) else None
    if isinstance(version, int) and version > shape.SCHEMA:
        raise UnreadableResult(
            "This result was made by a newer version of Mimia. Nothing is lost: it can be read"
            " again as soon as the clinic's computer has that version."
        )
    try:
        return _converted(row.result, shape.Assessment)
    except msgspec.ValidationError as wrong:
        raise UnreadableResult from wrong


def read_measurement(row: ClipMeasurement) -> shape.Measurement:
    """What the pages read of a measurement. Raises UnreadableResult."""
    try:
        return _converted(row.measurement, shape.Measurement)
    except msgspec.ValidationError as wrong:
        raise UnreadableResult from wrong


def _converted(kept: object, into: type[Shape]) -> Shape:
    """As plain JSON values; parts that the shape does not know are left out."""
    return msgspec.convert(kept, into)
