"""Results and measurements, checked against their one shape when they are kept and when read.

The measuring process decodes films of strangers, and a database outlives the code that filled it:
neither is believed. A result of an earlier version is brought to today's here, a step a version.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from screening.errors import Invalid, UnreadableResult
from screening.models import Assessment, ClipMeasurement, CourseResult
from vocabulary import assessment as shape
from vocabulary import course as course_shape
from vocabulary.person import PersonResult

Shape = TypeVar("Shape")
RESULT = TypeAdapter(shape.Assessment)
PERSON = TypeAdapter(PersonResult)
MEASUREMENT = TypeAdapter(shape.Measurement)
COURSE = TypeAdapter(course_shape.CourseResult)


def checked(result: Mapping[str, Any]) -> shape.Assessment:
    """A result that is to be kept. Raises Invalid, which names the part that is not as it should
    be, never its value."""
    return _of_version(result, RESULT, shape.SCHEMA)


def checked_person(result: Mapping[str, Any]) -> PersonResult:
    """A person's result, just made. Raises Invalid as :func:`checked`."""
    return _checked(result, PERSON)


def read(row: Assessment) -> shape.Assessment:
    """The result as it was kept. Raises UnreadableResult."""
    return _read(row.result, RESULT, shape.SCHEMA)


def checked_course(result: Mapping[str, Any]) -> course_shape.CourseResult:
    """The result of a course that is to be kept. Raises Invalid as :func:`checked`."""
    return _of_version(result, COURSE, course_shape.SCHEMA)


def read_course(row: CourseResult) -> course_shape.CourseResult:
    """The result of a course as it was kept. Raises UnreadableResult."""
    return _read(row.result, COURSE, course_shape.SCHEMA)


def read_measurement(row: ClipMeasurement) -> shape.Measurement:
    """What the pages read of a measurement. Raises UnreadableResult."""
    try:
        return _converted(row.measurement, MEASUREMENT)
    except ValueError:
        raise UnreadableResult from None


def _checked(result: Mapping[str, Any], into: TypeAdapter[Shape]) -> Shape:
    try:
        return _converted(result, into)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        part = first["loc"][0] if first["loc"] else "all of it"
        raise Invalid(f"This is no result: {part}: {first['msg']}.", code="result") from None
    except ValueError:
        raise Invalid("This is no result: a number in it is none.", code="result") from None


def _of_version(result: Mapping[str, Any], into: TypeAdapter[Shape], schema: int) -> Shape:
    found = _checked(result, into)
    if result["schema"] != schema:
        raise Invalid(f"A result is written in version {schema}.", code="result")
    return found


def _read(kept: Any, into: TypeAdapter[Shape], schema: int) -> Shape:
    version = kept.get("schema") if isinstance(kept, dict) else None
    if isinstance(version, int) and version > schema:
        raise UnreadableResult(
            "This result was made by a newer version of Mimia. Nothing is lost: it can be read"
            " again as soon as the clinic's computer has that version."
        )
    try:
        return _converted(kept, into)
    except ValueError:
        raise UnreadableResult from None


def _converted(kept: object, into: TypeAdapter[Shape]) -> Shape:
    """As plain JSON values, nothing taken for another type than its own; parts that the shape does
    not know are left out. Raises ValueError: a ValidationError, or for what is not JSON."""
    return into.validate_json(json.dumps(kept, allow_nan=False), strict=True)
