"""``python -m ml score-table TABLE.csv --out SCORES.csv``: scores of already-extracted features.

For anyone who has a table of features (and perhaps clinicians' grades): rows keep their order and
other columns stay as they are; numbers are given even where the bundle abstains.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ml import tables
from ml.errors import WrongUse
from ml.features import canonical_column, parse_value

if TYPE_CHECKING:
    from ml.bundle import Bundle
    from ml.severity.scorer import Score

DESCRIPTION = (
    "Adds hypomimia_index, severity_expected, p_pd and abstained to a table; rows keep their order."
    " Numbers are given even where abstained names a reason. A row without any usable expression"
    " (abstained is no_usable_expression) gets what is known without evidence, the same for every"
    " such row: index 50 (the median of people without PD), the share of people with PD"
    " (--prevalence, or that of the bundle's training) and the mean grade of those the grade model"
    " was trained on. A column of the table that is named like one of the four is replaced."
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


def prior_of(bundle: "Bundle", prevalence: float | None) -> Prior:
    """Scores without evidence; the grade is None where the bundle has no grade model or does not
    say how many people of each grade trained it."""
    people = (bundle.metadata.get("grades") or {}).get("people_per_grade")
    mean = sum(g * n for g, n in enumerate(people)) / sum(people) if people else None
    share = bundle.metadata["prevalence"] if prevalence is None else prevalence
    return Prior(MIDDLE_INDEX, mean, float(share))


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "score-table", help="score rows of already-extracted features", description=DESCRIPTION
    )
    parser.add_argument("table", type=Path, help="CSV, columns <expression>_<signal>_<mean or var>")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    parser.add_argument("--bundle", type=Path, help="bundle directory (left out: the shipped)")
    parser.add_argument("--prevalence", type=float, help="share of people with PD where it is used")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    table = tables.read(options.table, keep_blank=True)
    header, rows, delimiter = table.header, table.rows, table.delimiter
    if options.prevalence is not None and not 0 < options.prevalence < 1:
        raise WrongUse(f"--prevalence {options.prevalence} is not between 0 and 1")
    from ml.bundle import default_bundle_path, load

    bundle = load(options.bundle or default_bundle_path())
    canonical = [canonical_column(title) for title in header]
    table.check_unique(canonical)
    table.check_widths(allow_short=True)
    features = {i: c for i, c in enumerate(canonical) if c}
    if not features:
        raise WrongUse(
            f"{options.table}: no column is named <expression>_<signal>_<mean or var>,"
            " for example smile_mouth-width_var; rename the feature columns"
        )
    numbers = [
        {name: _cell(cells, i, name, options.table, line) for i, name in features.items()}
        for line, cells in rows
    ]
    scores = bundle.score(numbers, options.prevalence)
    prior = prior_of(bundle, options.prevalence)
    write(options.out, header, [cells for _, cells in rows], scores, prior, delimiter)
    replaced = [title for title in header if title in ADDED]
    if replaced:
        print(
            f"score-table: {options.table} has columns named like ours, left out of"
            f" {options.out} for the new scores: {', '.join(replaced)}",
            file=sys.stderr,
        )
    unscored = sum(_nothing(score) for score in scores)
    print(
        f"score-table: {len(rows)} rows scored with {bundle.name} {bundle.version}"
        f" ({bundle.digest[:12]}); {unscored} had no usable expression and"
        " got what is known without evidence",
        file=sys.stderr,
    )
    return 0


def _cell(cells: Sequence[str], place: int, name: str, path: Path, line: int) -> float | None:
    text = cells[place] if place < len(cells) else ""
    try:
        return parse_value(text)
    except ValueError:
        raise WrongUse(f"{path}, row {line}: {text!r} in column {name} is no number") from None


def write(
    path: Path,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    scores: "Sequence[Score]",
    prior: Prior,
    delimiter: str,
) -> None:
    """The table as it was, with the four columns at its end. A column of the same name that is
    there already is replaced, so that a scored table can be scored again."""
    kept = [i for i, title in enumerate(header) if title not in ADDED]
    try:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
            writer.writerow([*(header[i] for i in kept), *ADDED])
            for cells, score in zip(rows, scores, strict=True):
                old = [cells[i] if i < len(cells) else "" for i in kept]
                writer.writerow([*old, *added(score, prior)])
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error}") from error


def added(score: "Score", prior: Prior) -> list[str]:
    """The four new cells. A number that could not be computed is the prior's; it is empty where the
    bundle has no such model, the last cell where nothing is abstained from."""
    numbers = (
        (score.hypomimia_index, prior.hypomimia_index),
        (score.severity_expected, prior.severity_expected),
        (score.p_pd, prior.p_pd),
    )
    cells = [_digits(known if found is None else found) for found, known in numbers]
    return [*cells, score.abstained or ""]


def _nothing(score: "Score") -> bool:
    return score.hypomimia_index is None and score.p_pd is None


def _digits(value: float | None) -> str:
    # All digits: people at the far end of the scale must keep their order.
    return "" if value is None else repr(float(value))
