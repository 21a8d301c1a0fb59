"""What is said of sessions beside each other: change since the first ones, and medication."""

from django.utils.translation import gettext as _

from screening.statements.sentences import sentence
from vocabulary.course import CourseResult
from vocabulary.person import PersonChange
from vocabulary.statement import Sentence


def for_course(result: CourseResult, *, is_own: bool) -> list[Sentence]:
    """``is_own``: the reader is the patient. Nothing is said where there is nothing to compare."""
    said = []
    if len(result["groups"]) > 1:
        apart = _(
            "Sessions under different medication are read apart: a dose alone can change how much a"
            " face moves."
        )
        said.append(sentence("certainty", "certainty_apart", apart))
    change = result["groups"][0]["change"]
    if change is not None:
        said.append(_of_patient(change) if is_own else _of_clinician(change))
    return said


def _of_clinician(change: PersonChange) -> Sentence:
    numbers = {
        "first": round(change["first"]),
        "second": round(change["second"]),
        "low": round(change["low"]),
        "high": round(change["high"]),
    }
    if not change["is_shown"]:
        words = _(
            "Nothing is shown to have changed since the first course: its sessions alone read"
            " %(first)d, these %(second)d, and where nothing changes 95 %% of people come to lie"
            " between %(low)d and %(high)d."
        )
        return sentence("change", "change_not_shown", words % numbers)
    words = (
        _(
            "The face moves less than in the first course: the index went from %(first)d to"
            " %(second)d, beyond the %(low)d to %(high)d of people in whom nothing changed (95 %%)."
        )
        if change["second"] > change["first"]
        else _(
            "The face moves more than in the first course: the index went from %(first)d to"
            " %(second)d, beyond the %(low)d to %(high)d of people in whom nothing changed (95 %%)."
        )
    )
    return sentence("change", "change_shown", words % numbers)


def _of_patient(change: PersonChange) -> Sentence:
    if not change["is_shown"]:
        words = _(
            "Nothing is shown to have changed since your first sessions. Numbers go up and down"
            " from one time to the next by themselves."
        )
        return sentence("change", "change_not_shown", words)
    words = (
        _(
            "Your face moved less than in your first sessions, by more than numbers go up and down"
            " by themselves. Please show this to your doctor."
        )
        if change["second"] > change["first"]
        else _(
            "Your face moved more than in your first sessions, by more than numbers go up and down"
            " by themselves."
        )
    )
    return sentence("change", "change_shown", words)
