"""The two moves every transition is made of: lock the screening, change a state conditionally.

Lock order, everywhere: screening → clip or upload → course → event streams (site, then patient).
Rows are changed first and events appended last, so two transactions never wait for each other in a
circle.
A conditional update names only columns of its own table: with a join PostgreSQL would not check the
condition again after waiting for another writer.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Model

from screening.errors import NotFound, WrongState
from screening.models import ModelBundle, Screening
from screening.permissions import stands

TAKEN_BACK = "The patient took this screening back."


def lock_screening(screening_id: UUID) -> Screening:
    """The screening as it is now, locked until the transaction ends."""
    rows = Screening.objects.select_for_update(of=("self",))
    try:
        return rows.select_related("site", "patient", "protocol", "course").get(pk=screening_id)
    except Screening.DoesNotExist as gone:
        raise NotFound from gone


def move(row: Model, *, expected: Collection[str], detail: str = "", **changes: Any) -> None:
    """``UPDATE … WHERE state IN expected``; raises WrongState when the row was not there any more.

    The given instance is brought up to date.
    """
    if not try_move(row, expected=expected, **changes):
        raise WrongState(detail)


def try_move(row: Model, *, expected: Collection[str], **changes: Any) -> bool:
    """As ``move``, but says False where the state was another one."""
    # A bundle calls its state *status*.
    field = "status" if isinstance(row, ModelBundle) else "state"
    rows = type(row)._default_manager.filter(pk=row.pk, **{f"{field}__in": expected})
    if not rows.update(**changes):
        return False
    for name, value in changes.items():
        if not hasattr(value, "resolve_expression"):
            setattr(row, name, value)
    return True


def consent_stands(screening: Screening) -> bool:
    """Whether the patient's consent still allows work on this screening, and others to read it."""
    return Screening.objects.filter(stands(), pk=screening.pk).exists()
