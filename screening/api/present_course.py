"""A course as its patient, or a clinician of the site, gets to see it."""

from typing import Any

from screening import statements
from screening.errors import UnreadableResult
from screening.models import Course, Screening
from screening.services import course_results
from screening.services.course_results import Shown
from screening.services.course_sessions import Session
from vocabulary.course import CourseGroup, CourseResult
from vocabulary.person import PersonNumber

#: So many of the newest courses are set beside each other.
COURSES = 12
MEDICATION_WORDS = {
    "none": "no medication",
    "on": "on medication",
    "off": "off medication",
    "unclear": "medication not clear",
}
WHY_NOT_WORDS = {
    "": "",
    "waits": "not scored yet",
    "abstained": "no result to rely on",
    "other_model": "assessed by another model",
}


def course(row: Screening, *, is_own: bool) -> dict[str, Any]:
    """The course of a screening. ``is_own``: for its patient, of released sessions only."""
    found = row.course
    try:
        shown = course_results.shown(found, released_only=is_own)
    except UnreadableResult:
        shown = course_results.without_result(found, released_only=is_own)
    return {
        "id": found.pk,
        "opened_at": found.opened_at,
        "closes_at": found.closes_at,
        "least": found.protocol.least_sessions,
        "most": found.protocol.most_sessions,
        "sessions": [_session(one, row) for one in shown.sessions],
        "is_due": shown.is_due,
        "result": _of_patient(shown.result) if is_own else shown.result,
        "sentences": statements.for_course(shown.result, is_own=is_own) if shown.result else [],
        "courses": _courses(row, is_own=is_own),
    }


def _of_patient(result: CourseResult | None) -> CourseResult | None:
    """Without grades and signs, which patients never read."""
    if result is None:
        return None
    unknown = PersonNumber(
        value=None,
        low=None,
        high=None,
        mean=None,
        sessions=0,
        worth=0.0,
        is_scattered=False,
        more=[],
    )
    groups = [
        CourseGroup(
            **{**group, "person": {**group["person"], "severity_expected": unknown}, "signs": []}
        )
        for group in result["groups"]
    ]
    return {**result, "groups": groups}


def group_of(row: Screening, *, released_only: bool) -> CourseGroup | None:
    """What the course says of the person, for the page of one of its sessions: of the sessions that
    are read with it. None where there is nothing yet, or it is another model's than this session's.
    """
    try:
        shown = course_results.shown(row.course, released_only=released_only)
    except UnreadableResult:
        return None
    here = next((one for one in shown.sessions if one.screening == row), None)
    if shown.result is None or here is None or here.why_not == "other_model":
        return None
    groups = shown.result["groups"]
    mine = (group for group in groups if str(row.pk) in group["sessions"])
    return next(mine, groups[0])


def _session(one: Session, row: Screening) -> dict[str, Any]:
    said = one.assessment if one.why_not in ("", "other_model") else None
    return {
        "screening": one.screening.pk,
        "is_this": one.screening == row,
        "at": one.screening.submitted_at,
        "medication": one.medication,
        "medication_words": MEDICATION_WORDS[one.medication],
        "hours_since_dose": one.hours_since_dose,
        "counts": not one.why_not,
        "why_not": WHY_NOT_WORDS[one.why_not],
        "hypomimia_index": said and said.hypomimia_index,
    }


def _courses(row: Screening, *, is_own: bool) -> list[dict[str, Any]]:
    """The patient's courses with a result by the model of this one, the oldest first."""
    rows = Course.objects.filter(patient=row.patient_id).order_by("-opened_at")[:COURSES]
    found = []
    for one in reversed(rows):
        shown = _readable(one, is_own=is_own)
        if shown is not None:
            found += [_point(one, row, shown, place) for place in range(len(shown["groups"]))]
    return found


def _readable(found: Course, *, is_own: bool) -> CourseResult | None:
    try:
        shown: Shown = course_results.shown(found, released_only=is_own)
    except UnreadableResult:
        return None
    return shown.result


def _point(found: Course, row: Screening, result: CourseResult, place: int) -> dict[str, Any]:
    group = result["groups"][place]
    number = group["person"]["hypomimia_index"]
    return {
        "course": found.pk,
        "is_this": found.pk == row.course_id,
        "opened_at": found.opened_at,
        "model": f"{result['bundle']['name']} {result['bundle']['version']}",
        "medication": group["medication"],
        "medication_words": MEDICATION_WORDS[group["medication"]],
        "value": number["value"],
        "low": number["low"],
        "high": number["high"],
        "mean": number["mean"],
        "sessions": number["sessions"],
        "change": group["change"],
    }
