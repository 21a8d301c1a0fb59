"""Bundles side by side on the screenings that clinicians graded: what activation is decided on.

Only counting is done here: of all pairs of screenings to which clinicians gave different grades,
how many does a bundle's index put in the same order; and how far is its expected grade from theirs.
Phantoms, and screenings that were taken back or are being recorded anew, are left out; so is, from
every count, whoever one of the compared bundles was trained on: on them it would look better than
it is. Figures for publication, with their intervals, come from ``python -m ml evaluate`` on an
export.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from statistics import fmean
from uuid import UUID

from screening.errors import UnreadableResult
from screening.models import Assessment, ModelBundle, Review, Screening, Site, User
from screening.permissions import WorkAtSite, stands
from screening.services import access, cohort, results, saying
from screening.services.assessing import ASSESSED

COMPARED = (ModelBundle.Status.ACTIVE, ModelBundle.Status.SHADOW)
#: With fewer graded screenings the figures say little.
ENOUGH = 10


@dataclass(frozen=True)
class Answer:
    """What one bundle says about one screening; ``p_pd`` only where clinicians are shown it."""

    hypomimia_index: float | None
    severity_expected: float | None
    p_pd: float | None
    abstained: str | None


@dataclass(frozen=True)
class Line:
    """One graded screening, and each bundle's answer by the bundle's id.

    ``grade`` and ``reviewed_at`` are those of the newest review that has a grade. ``trained_on``:
    a compared bundle was trained on this person, so the line is shown and does not count.
    """

    screening: Screening
    grade: int
    reviewed_at: datetime
    answers: Mapping[UUID, Answer]
    trained_on: bool = False


@dataclass(frozen=True)
class Agreement:
    """``in_order`` of ``pairs`` are put in the clinicians' order; ties of the index count half.

    ``distance``: mean |expected grade − clinician's grade|, None where no grade is expected.
    Screenings on which the bundle abstained are counted, and left out of both figures;
    ``trained_on`` more screenings are of people that a compared bundle was trained on.
    """

    bundle: ModelBundle
    graded: int
    abstained: int
    pairs: int
    in_order: float
    distance: float | None
    trained_on: int = 0

    @property
    def share(self) -> float | None:
        """0.5 is chance; None without a pair of different grades."""
        return self.in_order / self.pairs if self.pairs else None


def lines(*, by: User, site: Site) -> list[Line]:
    """The graded screenings of a site, newest first. Raises NotAllowed."""
    access.require(WorkAtSite, by, site)
    return _lines(Screening.objects.filter(site=site))


def agreements(*, by: User, site: Site | None = None) -> list[Agreement]:
    """How each compared bundle agrees with the grades of a site; of all sites for administrators.

    The active bundle stands first. Raises NotAllowed.
    """
    if site is None:
        access.require_administrator(by)
        found = _lines(Screening.objects.all())
    else:
        found = lines(by=by, site=site)
    rows = ModelBundle.objects.filter(status__in=COMPARED).order_by("status", "created_at")
    return [agreement(bundle, found) for bundle in rows]


def agreement(bundle: ModelBundle, found: Iterable[Line]) -> Agreement:
    """Count the pairs that ``bundle`` puts in the clinicians' order, and its mean distance."""
    answered = [line for line in found if bundle.pk in line.answers]
    graded = [(line.grade, line.answers[bundle.pk]) for line in answered if not line.trained_on]
    told = [(grade, answer) for grade, answer in graded if answer.abstained is None]
    scored = [
        (grade, answer.hypomimia_index)
        for grade, answer in told
        if answer.hypomimia_index is not None
    ]
    distances = [
        abs(answer.severity_expected - grade)
        for grade, answer in told
        if answer.severity_expected is not None
    ]
    pairs = [(a, b) for a, b in combinations(sorted(scored), 2) if a[0] < b[0]]
    in_order = sum(1.0 if a[1] < b[1] else 0.5 if a[1] == b[1] else 0.0 for a, b in pairs)
    return Agreement(
        bundle=bundle,
        graded=len(graded),
        abstained=len(graded) - len(told),
        pairs=len(pairs),
        in_order=in_order,
        distance=fmean(distances) if distances else None,
        trained_on=len(answered) - len(graded),
    )


def _lines(screenings: Iterable[Screening]) -> list[Line]:
    reviews = Review.objects.filter(
        stands("screening__"),
        screening__in=screenings,
        grade__isnull=False,
        screening__is_phantom=False,
        screening__state__in=ASSESSED,
    )
    newest_last = reviews.order_by("signed_off_at")
    grades = {
        row.screening_id: (row.grade, row.signed_off_at)
        for row in newest_last
        if row.grade is not None
    }
    rows = Assessment.objects.filter(
        screening__in=grades, bundle__status__in=COMPARED
    ).select_related("screening__patient", "screening__site", "bundle")
    answers: dict[Screening, dict[UUID, Answer]] = {}
    for row in rows.order_by("-screening__created_at", "created_at"):
        answers.setdefault(row.screening, {})[row.bundle_id] = Answer(
            hypomimia_index=row.hypomimia_index,
            severity_expected=_severity_expected(row),
            p_pd=_p_pd(row),
            abstained=row.abstained or None,
        )
    known = _trained_on()
    return [
        Line(one, *grades[one.pk], found, _mark(one) in known) for one, found in answers.items()
    ]


def _p_pd(row: Assessment) -> float | None:
    shown = saying.for_clinicians(row.bundle, row.screening.site).is_shown
    return row.p_pd if shown else None


def _severity_expected(row: Assessment) -> float | None:
    try:
        return results.read(row)["severity_expected"]
    except UnreadableResult:
        return None


def _trained_on() -> set[str]:
    """The marks of all people that a compared bundle was trained on, as far as bundles say."""
    rows = ModelBundle.objects.filter(status__in=COMPARED).values_list("metadata", flat=True)
    return {mark for row in rows for mark in (row.get("training") or {}).get("people", ())}


def _mark(screening: Screening) -> str:
    return cohort.person_digest(cohort.subject_code(screening.patient))
