"""Nobody is judged by a model that has seen them: people of the training are known by their marks.

A mark is a hash of a person's code (:func:`ml.cohort.table.person_digest`), so it is found whatever
the column is called that the code stands in, and however a spreadsheet has spelt it.
"""

import logging
from pathlib import Path

import numpy as np

from ml.cohort import csv_files
from ml.cohort.header import columns_of_table
from ml.cohort.table import Cohort, person_digest, read_table
from ml.errors import CohortError
from ml.scoring.bundle import Bundle

logger = logging.getLogger(__name__)


def unseen(bundle: Bundle, cohort: Cohort) -> Cohort:
    """The rows of people that the bundle was not trained on, as far as it says on whom it was.

    Raises :class:`CohortError` where nobody is left: figures on them would say nothing.
    """
    marks, name = _marks(bundle), f"{bundle.name} {bundle.version}"
    if marks is None:
        logger.info("%s does not say whom it was trained on; nobody left out", name)
        return cohort
    people = sorted({str(s) for s in cohort.subject})
    seen = {code for code in people if _is_marked(code, marks)}
    rows = np.array([str(s) not in seen for s in cohort.subject], dtype=bool)
    if not rows.any():
        raise CohortError(
            f"{name} was trained on everybody in it; keep people apart"
            " before training (split test), or evaluate the training's settings file",
            file=cohort.name,
        )
    if seen:
        logger.info(
            "%d of %d people left out: %s was trained on them", len(seen), len(people), name
        )
    else:
        logger.info("%s was trained on none of these %d people", name, len(people))
    return cohort.take(rows)


def table_of_strangers(
    bundle: Bundle, path: Path, subject_column: str, ignore_near: bool
) -> Cohort:
    """The feature table, as :func:`ml.cohort.table.read_table`.

    Raises :class:`CohortError` too where people of the training stand in another column than the
    one that tells people apart: nobody would be recognised.
    """
    if not subject_column and (marks := _marks(bundle)):
        _require_no_marks_elsewhere(bundle, csv_files.read(path), marks, ignore_near)
    return read_table(path, name=str(path), subject_column=subject_column, ignore_near=ignore_near)


def _require_no_marks_elsewhere(
    bundle: Bundle, table: csv_files.Table, marks: frozenset[str], ignore_near: bool
) -> None:
    read = columns_of_table(table, "", ignore_near)
    own = read.place("subject")
    if own is not None and _seen_in(table, own, marks):
        return
    for place, meaning in enumerate(read.means):
        if meaning is None and (seen := _seen_in(table, place, marks)):
            title = table.header[place]
            raise CohortError(
                f"column {title!r} holds {seen} of the people that {bundle.name} {bundle.version}"
                f" was trained on: say who is who with --subject-column {title!r}",
                file=table.path,
            )


def _seen_in(table: csv_files.Table, place: int, marks: frozenset[str]) -> int:
    """How many people of the training are in this column. Numbers may be anything: only where half
    of them are marked are they people."""
    codes = {row[place].strip() for _, row in table.rows if place < len(row)} - {""}
    seen = {code for code in codes if _is_marked(code, marks)}
    is_sure = any(not code.replace(".", "").isdigit() for code in seen)
    return len(seen) if is_sure or 2 * len(seen) >= max(len(codes), 4) else 0


def _is_marked(code: str, marks: frozenset[str]) -> bool:
    return any(person_digest(way) in marks for way in spellings(code))


def spellings(subject: str) -> set[str]:
    """Other ways in which a spreadsheet may write a code: 007 becomes 7, p1 becomes P1."""
    plain = subject.removesuffix(".0") if subject.removesuffix(".0").isdigit() else subject
    ways = {subject, plain, plain.lower(), plain.upper()}
    if plain.isdigit():
        bare = plain.lstrip("0") or "0"
        ways |= {bare.zfill(width) for width in range(1, 9)}
    return ways


def _marks(bundle: Bundle) -> frozenset[str] | None:
    people = bundle.metadata["training"].get("people")
    return None if people is None else frozenset(people)
