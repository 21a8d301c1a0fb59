"""Free speech in a table whose bundle was not trained for it: its own, untrained index."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ml.cohort import csv_files
from ml.cohort.columns import LABELS, Columns, match
from ml.commands.score_people import People
from ml.errors import CohortError
from ml.features import columns_of
from ml.measuring.layouts import check_same
from ml.scoring.bundle import Bundle
from ml.scoring.scorer import Score
from ml.scoring.zero_shot import free_index
from vocabulary.expressions import Expression

ADDED = "free_hypomimia_index"
_LABELS = {name: LABELS[name] for name in ("pd", "layout")}


def with_free_index(
    table: csv_files.Table,
    numbers: Sequence[Mapping[str, float | None]],
    people: People | None,
    bundle: Bundle,
    scores: Sequence[Score],
) -> tuple[Sequence[Score], list[str], str] | None:
    """Scores whose index is free speech's where the bundle has none of its own, the added cells,
    and what was done, for the screen; None where the table has no free speech or the bundle reads
    it itself. ``people``: whose each row is, where a column tells."""
    free = columns_of(Expression.FREE)
    if Expression.FREE in bundle.expressions or not any(name in numbers[0] for name in free):
        return None
    values = np.array(
        [[np.nan if (v := row.get(name)) is None else v for name in free] for row in numbers]
    )
    pd, doubt = _pd(table)
    persons = range(len(table.rows)) if people is None else people.persons
    found = free_index(values, np.array(pd), [str(person) for person in persons])
    if found is None:
        why = f"{ADDED}: none, fewer than ten people have usable free speech"
        return scores, [""] * len(scores), why
    index = [float(v) if np.isfinite(v) else None for v in found.index]
    own = [
        replace(score, hypomimia_index=value, reference=found.reference)
        if score.hypomimia_index is None and value is not None
        else score
        for score, value in zip(scores, index, strict=True)
    ]
    said = (
        f"{ADDED}: untrained, minus the mean normal score of log-variances, brows included, among"
        f" {found.reference}{doubt}; hypomimia_index is the same where {bundle.name} reads nothing"
    )
    return own, ["" if value is None else repr(value) for value in index], said


def check_layout(table: csv_files.Table, columns: Columns, bundle: Bundle) -> None:
    """Raises :class:`CohortError` where the bundle reads features of this table that were measured
    on other points than it was trained on."""
    own = _layout_of(table)
    if any(name.split("_")[0] in bundle.expressions for name in columns.features.values()):
        check_same(own, str(bundle.metadata.get("layout", "")), bundle.name, table.path)


def _layout_of(table: csv_files.Table) -> str:
    """The layout of the points that the table was measured on, "" where it does not say. Raises
    :class:`CohortError` for two."""
    place = match(table.header, _LABELS, features=False).place("layout")
    if place is None:
        return ""
    found = {row[place].strip() if place < len(row) else "": line for line, row in table.rows}
    if len(found) > 1:
        names = " and ".join(sorted(name or "(blank)" for name in found))
        raise CohortError(
            f"holds rows of the layouts {names}: norms of one do not hold for the other; make two"
            " tables",
            file=table.path,
        )
    return next(iter(found), "")


def _pd(table: csv_files.Table) -> tuple[list[int], str]:
    """Each row's label, and a doubt in words where one cannot be read: then none counts."""
    place = match(table.header, _LABELS, features=False).place("pd")
    if place is None:
        return [csv_files.UNKNOWN] * len(table.rows), ""
    cells = [(line, row[place].strip() if place < len(row) else "") for line, row in table.rows]
    try:
        return [csv_files.yes_no(cell, table.path, line) for line, cell in cells], ""
    except CohortError as fault:
        return [csv_files.UNKNOWN] * len(table.rows), f" ({fault})"
