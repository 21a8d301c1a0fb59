"""What is said of a stored result: the sentences, and whether the probability of PD is in them."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from screening import statements
from screening.models import Assessment, ModelBundle
from screening.services import results
from screening.statements.pd import Shown
from vocabulary.person import PersonResult
from vocabulary.statement import Statement
from vocabulary.travel import Travel

TRAVEL = TypeAdapter(Travel)


def of_patient(row: Assessment, person: PersonResult | None = None) -> Statement:
    """For the patient. ``person``: their result over several sessions. Raises UnreadableResult."""
    travel = travel_of(row.bundle)
    allowed = row.screening.site.patients_see_p_pd
    shown = Shown(is_shown=allowed and _holds(travel), travel=travel)
    return statements.for_patient(results.read(row), person, pd=shown)


def of_clinician(row: Assessment, person: PersonResult | None = None) -> Statement:
    """For a clinician of the site. Raises UnreadableResult."""
    return statements.for_clinician(results.read(row), person, pd=for_clinicians(row))


def of_json(result: Mapping[str, Any], person: Mapping[str, Any] | None = None) -> Statement:
    """For a clinician without a site: of a result as the measuring process gives it, by a bundle
    that is registered. Raises Invalid for what is no result."""
    read = results.checked(result)
    bundle = ModelBundle.objects.filter(digest=read["bundle"]["digest"]).first()
    whole = None if person is None else results.checked_person(person)
    travel = None if bundle is None else travel_of(bundle)
    return statements.for_clinician(read, whole, pd=Shown(_holds(travel), travel))


def for_clinicians(row: Assessment) -> Shown:
    """Whether clinicians are shown the probability of PD: where it was found to hold."""
    travel = travel_of(row.bundle)
    return Shown(is_shown=_holds(travel), travel=travel)


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
