"""The shape of a course's result: what the sessions of a course say together of the person.

Stored, published and checked like a session's result (``vocabulary.assessment``); ``SCHEMA`` is its
version.
"""

from typing import Literal

from typing_extensions import TypedDict

from vocabulary.person import PersonChange, PersonResult, PersonSign

SCHEMA = 1

#: Under which medication for PD a session was recorded; *unclear* is not said, or in between.
Medication = Literal["none", "on", "off", "unclear"]


class CourseBundle(TypedDict):
    """The model that assessed the sessions."""

    name: str
    version: str
    digest: str


class CourseGroup(TypedDict):
    """Sessions that are read together, by the ids of their screenings. ``change``: beside the first
    course under the same medication; null where there is none before this one."""

    medication: Medication
    sessions: list[str]
    person: PersonResult
    signs: list[PersonSign]
    change: PersonChange | None


class CourseResult(TypedDict):
    """One group, or one for each medication state where a course has several."""

    schema: int
    bundle: CourseBundle
    groups: list[CourseGroup]
