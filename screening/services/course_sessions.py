"""Which sessions of a course count, and which of them are read together.

A session counts once it was scored, by the model of the newest one, with a result to rely on; to
the patient only once it was released. Sessions that are known to be recorded under different
medication are read apart.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from screening.models import Assessment, Course, Intake, ModelBundle, Screening
from screening.permissions import stands
from screening.services.courses import HANDED_IN
from vocabulary.course import SCHEMA, Medication

State = Screening.State
ASSESSED = (State.SCORED, State.RELEASED)
#: Hours after a dose: so long it is taken to work; from so many on is *off* as trials define it
#: (no dose overnight). What lies between may be either.
ON_UNTIL, OFF_FROM = 4.0, 12.0

#: Why a session does not count: not scored (or, to a patient, not released) yet; no result to rely
#: on; one by another model than the newest session's.
WhyNot = Literal["", "waits", "abstained", "other_model"]


@dataclass(frozen=True)
class Session:
    """A session that was handed in. ``assessment`` without its body, as far as the reader may see
    it; ``why_not`` is "" where it counts."""

    screening: Screening
    assessment: Assessment | None
    medication: Medication
    hours_since_dose: float | None
    why_not: WhyNot


@dataclass(frozen=True)
class Group:
    """Sessions under one medication, and those of the patient's first course under the same."""

    medication: Medication
    sessions: tuple[Session, ...]
    first: tuple[Session, ...]


@dataclass(frozen=True)
class Asked:
    """A set of sessions whose result is asked for: the newest session's group first."""

    bundle: ModelBundle
    groups: tuple[Group, ...]

    @property
    def digest(self) -> str:
        """Names the set: results of sessions, and how they are read together."""
        parts = [[g.medication, _ids(g.sessions), _ids(g.first)] for g in self.groups]
        said = json.dumps([SCHEMA, self.bundle.digest, parts])
        return hashlib.sha256(said.encode()).hexdigest()


def _ids(sessions: Sequence[Session]) -> list[str]:
    return [str(one.assessment.pk) for one in sessions if one.assessment is not None]


def sessions_of(course: Course, *, released_only: bool) -> tuple[Session, ...]:
    """The course's sessions in the order in which they were handed in, without those that were
    taken back. ``released_only``: as the patient may see them."""
    found = _found(course, released_only=released_only)
    said = [row for _, row in found if row is not None and _says(row)]
    return _judged(found, said[-1].bundle if said else None)


def asked(course: Course, sessions: Sequence[Session], *, released_only: bool) -> Asked | None:
    """What is to be known of these sessions of the course; None where none of them counts."""
    counting = [one for one in sessions if not one.why_not]
    if not counting or counting[-1].assessment is None:
        return None
    bundle, groups = counting[-1].assessment.bundle, _apart(counting)
    first = _first(course, bundle, released_only=released_only)
    newest = next(key for key, group in groups.items() if counting[-1] in group)
    order = [newest, *(key for key in groups if key != newest)]
    return Asked(bundle, tuple(Group(k, tuple(groups[k]), first.get(k, ())) for k in order))


def asked_by_anybody(course: Course) -> dict[str, Asked]:
    """What the clinic and what the patient may see of the course now, by digest."""
    found: dict[str, Asked] = {}
    for released_only in (False, True):
        sessions = sessions_of(course, released_only=released_only)
        one = asked(course, sessions, released_only=released_only)
        if one is not None:
            found[one.digest] = one
    return found


def medication_of(intake: Intake | None) -> Medication:
    """Under which medication for PD a session was recorded, by its intake."""
    if intake is None:
        return "unclear"
    if intake.pd_medication is False or (intake.pd_medication is None and intake.known_pd is False):
        return "none"
    hours = intake.hours_since_dose
    if hours is None or ON_UNTIL < hours < OFF_FROM:
        return "unclear"
    return "on" if hours <= ON_UNTIL else "off"


def _first(
    course: Course, bundle: ModelBundle, *, released_only: bool
) -> dict[Medication, tuple[Session, ...]]:
    """The sessions of the patient's first course before this one under each medication, as far as
    they count by this bundle."""
    first: dict[Medication, tuple[Session, ...]] = {}
    earlier = Course.objects.filter(patient=course.patient_id, opened_at__lt=course.opened_at)
    for one in earlier.order_by("opened_at"):
        judged = _judged(_found(one, released_only=released_only), bundle)
        for medication, group in _apart([s for s in judged if not s.why_not]).items():
            first.setdefault(medication, tuple(group))
    return first


def _apart(sessions: Sequence[Session]) -> dict[Medication, list[Session]]:
    """All together, unless they are known to be recorded under different medication."""
    known = sorted({one.medication for one in sessions if one.medication != "unclear"})
    if len(known) < 2:
        return {(known[0] if known else "unclear"): list(sessions)} if sessions else {}
    apart: dict[Medication, list[Session]] = {}
    for one in sessions:
        apart.setdefault(one.medication, []).append(one)
    return apart


def _found(course: Course, *, released_only: bool) -> list[tuple[Screening, Assessment | None]]:
    rows = course.screenings.filter(stands(), state__in=HANDED_IN).order_by("submitted_at", "pk")
    screenings = list(rows.select_related("intake"))
    readable = (State.RELEASED,) if released_only else ASSESSED
    ids = [row.pk for row in screenings if row.state in readable]
    said = Assessment.objects.filter(screening__in=ids, is_shadow=False).defer("result")
    newest = {row.screening_id: row for row in said.select_related("bundle").order_by("created_at")}
    return [(row, newest.get(row.pk)) for row in screenings]


def _judged(
    found: Sequence[tuple[Screening, Assessment | None]], bundle: ModelBundle | None
) -> tuple[Session, ...]:
    return tuple(_judge(screening, row, bundle) for screening, row in found)


def _judge(screening: Screening, row: Assessment | None, bundle: ModelBundle | None) -> Session:
    intake = getattr(screening, "intake", None)
    hours = intake.hours_since_dose if intake is not None else None
    why_not: WhyNot = ""
    if row is None:
        why_not = "waits"
    elif not _says(row):
        why_not = "abstained"
    elif row.bundle != bundle:
        why_not = "other_model"
    return Session(screening, row, medication_of(intake), hours, why_not)


def _says(row: Assessment) -> bool:
    return not row.abstained and row.hypomimia_index is not None
