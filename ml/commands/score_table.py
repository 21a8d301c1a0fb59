"""``python -m ml score-table TABLE.csv --out SCORES.csv``: scores of already-extracted features.

For anyone who has a table of features (and perhaps clinicians' grades): rows keep their order and
other columns stay as they are; numbers are given even where the bundle abstains.
"""

import argparse
import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ml.cohort import cells, copies, csv_files
from ml.cohort.columns import Columns, match
from ml.commands import score_free, score_people
from ml.errors import CohortError, WrongUse
from ml.scoring import repeatability
from ml.scoring.bundle import Bundle, default_bundle_path, load
from ml.scoring.scorer import Score

logger = logging.getLogger(__name__)
DESCRIPTION = (
    "Adds hypomimia_index, severity_expected, p_pd and abstained to a table; rows keep their order."
    " Numbers are given even where abstained names a reason. A row without any usable expression"
    " (abstained is no_usable_expression) gets what is known without evidence, the same for every"
    " such row: index 50 (the median of people without PD), the share of people with PD"
    " (--prevalence, or that of the bundle's training) and the mean grade of those the grade model"
    " was trained on. A column of the table that is named like one that is added is replaced.\n"
    "Where a column is named subject (or --subject-column names one), each row also gets the result"
    " of its person over all their sessions: person_hypomimia_index with _low and _high (a band of"
    " 90 %), person_severity_expected and person_sessions. A row is a session, unless columns named"
    " session or date say that it is part of an earlier one.\n"
    "Where the table has free speech that the bundle does not read, free_hypomimia_index is added:"
    " untrained, among the table's own people without PD (by its pd column), or among all of them"
    " where too few are labelled. It is hypomimia_index too where the bundle reads nothing else."
)
# The index is a percentile among people without PD: this is its median.
MIDDLE_INDEX = 50.0
ADDED = ("hypomimia_index", "severity_expected", "p_pd", "abstained")


@dataclass(frozen=True)
class Prior:
    """What is said of somebody of whom nothing usable was measured."""

    hypomimia_index: float
    severity_expected: float | None
    p_pd: float


def prior_of(bundle: Bundle, prevalence: float | None) -> Prior:
    """Scores without evidence; the grade is None where the bundle has no grade model or does not
    say how many people of each grade trained it."""
    people = (bundle.metadata.get("grades") or {}).get("people_per_grade")
    mean = sum(g * n for g, n in enumerate(people)) / sum(people) if people else None
    share = bundle.metadata["prevalence"] if prevalence is None else prevalence
    return Prior(MIDDLE_INDEX, mean, float(share))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.add_argument("table", type=Path, help="CSV, columns <expression>_<signal>_<mean or var>")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    parser.add_argument("--bundle", type=Path, help="bundle directory (left out: the shipped)")
    parser.add_argument("--prevalence", type=float, help="share of people with PD where it is used")
    parser.add_argument(
        "--subject-column", default="", metavar="TITLE", help="the column that tells people apart"
    )
    parser.add_argument(
        "--ignore-nearly-matching",
        action="store_true",
        help="score without the columns that are named nearly like ours",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.prevalence is not None and not 0 < options.prevalence < 1:
        raise WrongUse(f"--prevalence {options.prevalence} is not between 0 and 1")
    table = csv_files.read(options.table, keep_blank=True)
    columns = _columns(table, options)
    decimal = cells.decimal_mark(table, columns.features)
    numbers = cells.numbers(table, columns.features)

    bundle = load(options.bundle or default_bundle_path())
    score_free.check_layout(table, columns, bundle)
    people = score_people.people_of(table, columns)
    scores: Sequence[Score] = bundle.score(numbers, options.prevalence)
    free = score_free.with_free_index(table, numbers, people, bundle, scores)
    if free is not None:
        scores = free[0]
    prior = prior_of(bundle, options.prevalence)
    titles: tuple[str, ...] = ADDED
    new = [added(score, prior) for score in scores]
    if people is None:
        said = [hint] if (hint := score_people.hint(table)) else []
    else:
        known = repeatability.load().for_model(bundle.scorer)
        if free is not None:
            known = replace(known, index=None)
        titles += score_people.ADDED
        of_people, said = score_people.person_cells(people, scores, known)
        new = [[*own, *more] for own, more in zip(new, of_people, strict=True)]
    if free is not None:
        titles += (score_free.ADDED,)
        new = [[*own, cell] for own, cell in zip(new, free[1], strict=True)]
        said.append(free[2])
    replaced = write(options.out, table, titles, new, decimal)
    logger.info("%s", columns.said())
    for lack in (columns.lacks(bundle.expressions), _not_read(columns.features, bundle), *said):
        if lack:
            logger.info("%s", lack)
    for copy in copies.found(table, numbers, list(columns.features.values())):
        logger.info("%s", copy)
    if again := copies.said_of_rows(numbers, [line for line, _ in table.rows]):
        logger.info("%s", again)
    if short := sum(len(row) < len(table.header) for _, row in table.rows):
        logger.info(
            "%d rows are shorter than the first line; what they lack is taken as missing", short
        )
    if decimal == ",":
        logger.info("decimal commas, in %s too", options.out)
    if replaced:
        logger.info(
            "%s has columns named like ours, left out of %s for the new scores: %s",
            *(options.table, options.out, ", ".join(replaced)),
        )
    unscored = sum(_nothing(score) for score in scores)
    logger.info(
        "%d rows scored with %s %s (%s); %d had no usable expression and got what is known without"
        " evidence",
        *(len(table.rows), bundle.name, bundle.version, bundle.digest[:12], unscored),
    )
    return 0


def _columns(table: csv_files.Table, options: argparse.Namespace) -> Columns:
    """What the header means, and that the table can be scored by it."""
    columns = match(table.header, {})
    if (fault := columns.fault()) and not options.ignore_nearly_matching:
        raise CohortError(fault, file=table.path)
    table.check_unique(columns.means)
    table.check_widths(allow_short=True)
    if not columns.features:
        raise WrongUse(
            f"{options.table}: no column is named <expression>_<signal>_<mean or var>,"
            " for example smile_mouth-width_var; rename the feature columns"
        )
    if not table.rows:
        raise CohortError("the table has no rows", file=table.path)
    return score_people.columns_with_people(table, columns, options.subject_column)


def _not_read(features: Mapping[int, str], bundle: Bundle) -> str | None:
    """Expressions of the table that this bundle was not trained on."""
    there = dict.fromkeys(name.split("_")[0] for name in features.values())
    others = [name for name in there if name not in bundle.expressions]
    return f"{bundle.name} does not read {', '.join(others)}" if others else None


def write(
    path: Path,
    table: csv_files.Table,
    titles: Sequence[str],
    new: Sequence[Sequence[str]],
    decimal: str,
) -> list[str]:
    """The table as it was, with the new columns at its end. A column of the same name that is
    there already is replaced, so that a scored table can be scored again: returns which."""
    header = table.header
    kept = [i for i, title in enumerate(header) if title not in titles]
    try:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, delimiter=table.delimiter, lineterminator="\n")
            writer.writerow([*(header[i] for i in kept), *titles])
            for (_, row), cells_of_row in zip(table.rows, new, strict=True):
                old = [row[i] if i < len(row) else "" for i in kept]
                writer.writerow([*old, *(c.replace(".", decimal) for c in cells_of_row)])
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error}") from error
    return [title for title in header if title in titles]


def added(score: Score, prior: Prior) -> list[str]:
    """The four new cells. A number that could not be computed is the prior's; it is empty where the
    bundle has no such model, the last cell where nothing is abstained from."""
    numbers = (
        (score.hypomimia_index, prior.hypomimia_index),
        (score.severity_expected, prior.severity_expected),
        (score.p_pd, prior.p_pd),
    )
    cells = [_digits(known if found is None else found) for found, known in numbers]
    return [*cells, score.abstained or ""]


def _nothing(score: Score) -> bool:
    return score.hypomimia_index is None and score.p_pd is None


def _digits(value: float | None) -> str:
    # All digits: people at the far end of the scale must keep their order.
    return "" if value is None else repr(float(value))
