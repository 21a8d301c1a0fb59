"""What the sessions of a course say together of the person: asked for, computed once, shown.

The clinic and the patient may see different sets of sessions, each known by its digest. A result is
shown only while its sessions are those that count now. The work is the worker's: it claims,
computes, and stores what is still asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from screening.models import Assessment, Course, CourseResult, ModelBundle
from screening.permissions import stands
from screening.services import events, results, retries
from screening.services.course_sessions import (
    ASSESSED,
    Asked,
    Session,
    asked,
    asked_by_anybody,
    medication_of,
    sessions_of,
)
from vocabulary import course as shape
from vocabulary.course import Medication

#: The clinic's own repeats are learnt from its newest results, at most.
NEWEST = 3000


@dataclass(frozen=True)
class Shown:
    """A course as one reader sees it. ``is_due``: a result for these sessions is on its way."""

    sessions: tuple[Session, ...]
    result: shape.CourseResult | None
    is_due: bool


@dataclass(frozen=True)
class Wanted:
    """One result to compute: by which bundle (``path``, ``digest``), from the sessions of each
    group (what the worker's operation takes); ``heads``: whose these are."""

    bundle_id: UUID
    path: str
    digest: str
    sessions_digest: str
    groups: tuple[dict[str, Any], ...]
    heads: tuple[tuple[Medication, list[str]], ...]
    repeats: list[list[tuple[float | None, float | None]]]


@dataclass(frozen=True)
class CourseInput:
    """What is to be computed for a course as it was at ``revision``."""

    course_id: UUID
    revision: int
    wanted: tuple[Wanted, ...]


def shown(course: Course, *, released_only: bool) -> Shown:
    """The course with the result that stands. Raises UnreadableResult."""
    sessions = sessions_of(course, released_only=released_only)
    wish = asked(course, sessions, released_only=released_only)
    row = wish and _row(course, wish)
    is_due = wish is not None and row is None and _comes(course, wish)
    return Shown(sessions, results.read_course(row) if row else None, is_due)


def _comes(course: Course, wish: Asked) -> bool:
    """Not by a model whose files went with an update, nor after it was tried in vain for long."""
    is_left = course.computed != course.revision and course.attempts < retries.MOST_ATTEMPTS
    return is_left and bool(wish.bundle.path)


def without_result(course: Course, *, released_only: bool) -> Shown:
    """The course alone, where what was kept of it cannot be read."""
    return Shown(sessions_of(course, released_only=released_only), None, is_due=False)


def due(*, limit: int) -> list[UUID]:
    """Courses whose result is not that of their sessions; what failed a moment ago waits."""
    waited = Q(attempt_after__isnull=True) | Q(attempt_after__lte=timezone.now())
    rows = Course.objects.filter(waited, attempts__lt=retries.MOST_ATTEMPTS)
    late = rows.exclude(computed=F("revision")).order_by("opened_at")
    return list(late.values_list("pk", flat=True)[:limit])


def claim(*, course_id: UUID) -> CourseInput | None:
    """What is to be computed, or None when nothing is. Counts an attempt; no lease: two workers at
    once compute the same result twice and store it once."""
    with transaction.atomic():
        course = Course.objects.select_for_update().filter(pk=course_id).first()
        if course is None or course.computed == course.revision:
            return None
        if course.attempts >= retries.MOST_ATTEMPTS:
            return None
        wishes = [one for one in asked_by_anybody(course).values() if _row(course, one) is None]
        # A model whose files went with an update computes nothing any more.
        wishes = [one for one in wishes if one.bundle.path]
        if not wishes:
            _finish(course.pk, course.revision)
            return None
        attempt = course.attempts + 1
        until = timezone.now() + retries.wait(attempt, retries.LONGEST_WAIT)
        Course.objects.filter(pk=course.pk).update(attempts=attempt, attempt_after=until)
    return CourseInput(course.pk, course.revision, tuple(_wanted(course, one) for one in wishes))


def store(*, course_id: UUID, wanted: Wanted, found: Sequence[Mapping[str, Any]]) -> bool:
    """Keep what the worker computed, for each group its ``person``, ``signs`` and ``change``.
    Storing it again changes nothing. False, and nothing written, where other sessions count by now.

    Raises Invalid for what has not the shape of a result.
    """
    bundle = ModelBundle.objects.get(pk=wanted.bundle_id)
    result = {
        "schema": shape.SCHEMA,
        "bundle": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "groups": [
            {"medication": medication, "sessions": sessions, **said}
            for (medication, sessions), said in zip(wanted.heads, found, strict=True)
        ],
    }
    results.checked_course(result)
    with transaction.atomic():
        course = Course.objects.select_for_update().get(pk=course_id)
        wish = asked_by_anybody(course).get(wanted.sessions_digest)
        if wish is None:
            return False
        _, is_new = CourseResult.objects.get_or_create(
            course=course,
            bundle=bundle,
            sessions_digest=wanted.sessions_digest,
            defaults={"result": result},
        )
        if is_new:
            newest = wish.groups[0].sessions[-1].screening
            events.append(screening=newest, kind="course.result", data={"course": str(course.pk)})
    return True


def finish(given: CourseInput) -> None:
    """All that was claimed is stored. Whatever has changed since stays due."""
    _finish(given.course_id, given.revision)


def _finish(course_id: UUID, revision: int) -> None:
    rows = Course.objects.filter(pk=course_id, revision=revision)
    rows.update(computed=revision, **Course.UNTRIED)


def _row(course: Course, wish: Asked) -> CourseResult | None:
    rows = CourseResult.objects.filter(course=course, bundle=wish.bundle)
    return rows.filter(sessions_digest=wish.digest).first()


def _wanted(course: Course, wish: Asked) -> Wanted:
    bundle = wish.bundle
    return Wanted(
        bundle_id=bundle.pk,
        path=bundle.path,
        digest=bundle.digest,
        sessions_digest=wish.digest,
        groups=tuple(
            {"sessions": _bodies(one.sessions), "first": _bodies(one.first)} for one in wish.groups
        ),
        heads=tuple(
            (one.medication, [str(session.screening.pk) for session in one.sessions])
            for one in wish.groups
        ),
        repeats=_repeats(course.patient.site_id, bundle),
    )


def _bodies(sessions: Sequence[Session]) -> list[dict[str, Any]]:
    """What of each result counts for the person."""
    found = []
    for said in [results.read(one.assessment) for one in sessions if one.assessment is not None]:
        # Without the curves, which are most of it.
        clips: list[dict[str, Any]] = [{**clip, "curve": None} for clip in said["clips"]]
        numbers = {
            "hypomimia_index": said["hypomimia_index"],
            "severity_expected": said["severity_expected"],
            "attention": said["attention"],
        }
        found.append({**numbers, "clips": clips})
    return found


def _repeats(site_id: UUID, bundle: ModelBundle) -> list[list[tuple[float | None, float | None]]]:
    """(index, grade) of the sessions of each of the clinic's people who came twice within a course,
    under the same medication: of the newest such course of each. No drawn faces."""
    rows = Assessment.objects.filter(
        stands("screening__"),
        bundle=bundle,
        is_shadow=False,
        abstained="",
        hypomimia_index__isnull=False,
        screening__site=site_id,
        screening__state__in=ASSESSED,
        screening__is_phantom=False,
    ).defer("result")
    grades = rows.annotate(grade=F("result__severity_expected"))
    people: dict[UUID, dict[Any, list[tuple[float | None, float | None]]]] = {}
    seen: set[UUID] = set()
    for row in grades.select_related("screening__intake").order_by("-created_at")[:NEWEST]:
        screening = row.screening
        # Of a session that was recorded again only the newest result says something.
        if screening.pk not in seen:
            seen.add(screening.pk)
            key = (screening.course_id, medication_of(getattr(screening, "intake", None)))
            said = (row.hypomimia_index, row.grade)
            people.setdefault(screening.patient_id, {}).setdefault(key, []).append(said)
    repeats = ([one for one in groups.values() if len(one) > 1] for groups in people.values())
    return [groups[0] for groups in repeats if groups]
