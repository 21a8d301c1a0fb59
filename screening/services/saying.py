"""What is said of a stored result: the sentences, and whether the probability of PD is in them."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from screening import statements
from screening.models import Assessment, ModelBundle, Site
from screening.services import results
from screening.statements.pd import Shown
from vocabulary import assessment as shape
from vocabulary.course import CourseGroup
from vocabulary.statement import Statement
from vocabulary.travel import Travel

TRAVEL = TypeAdapter(Travel)


def of_patient(row: Assessment, group: CourseGroup | None = None) -> Statement:
    """For the patient. ``group``: what their sessions say together. Raises UnreadableResult."""
    travel = travel_of(row.bundle)
    allowed = row.screening.site.patients_see_p_pd
    shown = Shown(is_shown=allowed and _holds(travel), travel=travel)
    person = None if group is None else group["person"]
    return statements.for_patient(results.read(row), person, pd=shown, is_worse=_is_worse(group))


def of_clinician(row: Assessment, group: CourseGroup | None = None) -> Statement:
    """For a clinician of the site. Raises UnreadableResult."""
    person = None if group is None else group["person"]
    pd = for_clinicians(row.bundle, row.screening.site)
    return statements.for_clinician(results.read(row), person, pd=pd, is_worse=_is_worse(group))


def _is_worse(group: CourseGroup | None) -> bool:
    change = None if group is None else group["change"]
    return change is not None and change["is_shown"] and change["second"] > change["first"]


def of_json(result: Mapping[str, Any], person: Mapping[str, Any] | None = None) -> Statement:
    """For a clinician without a site: of a result as the measuring process gives it, by a bundle
    that is registered. Raises Invalid for what is no result."""
    read = results.checked(result)
    bundle = ModelBundle.objects.filter(digest=read["bundle"]["digest"]).first()
    whole = None if person is None else results.checked_person(person)
    travel = None if bundle is None else travel_of(bundle)
    return statements.for_clinician(read, whole, pd=Shown(_holds(travel), travel))


def in_full(row: Assessment) -> shape.Assessment:
    """The result for a clinician, without the probability of PD where it is not shown. Raises
    UnreadableResult."""
    found = results.read(row)
    if for_clinicians(row.bundle, row.screening.site).is_shown:
        return found
    left_out = {
        name: shape.Without(hypomimia_index=one["hypomimia_index"], p_pd=None)
        for name, one in found["leave_one_out"].items()
    }
    return {
        **found,
        "p_pd": None,
        "p_pd_interval": None,
        "prediction_set": [],
        "diagnosis": None,
        "leave_one_out": left_out,
    }


def for_clinicians(bundle: ModelBundle, site: Site) -> Shown:
    """Whether a site's clinicians are shown a bundle's probability of PD: where it was found to
    hold, or where the site asks for it."""
    travel = travel_of(bundle)
    return Shown(is_shown=_holds(travel) or site.clinicians_see_weak_p_pd, travel=travel)


def travel_of(bundle: ModelBundle) -> Travel | None:
    """What the bundle says of its probability outside its own data; None where it says nothing that
    this version reads."""
    said = bundle.metadata.get("travel")
    try:
        return None if said is None else TRAVEL.validate_python(said)
    except ValidationError:
        return None


def _holds(travel: Travel | None) -> bool:
    return travel is not None and travel["holds"]
