"""``python -m ml score-table TABLE.csv --out SCORES.csv``: scores of already-extracted features.

For anyone who has a table of features (and perhaps clinicians' grades): rows keep their order and
other columns stay as they are; numbers are given even where the bundle abstains.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ml.errors import WrongUse
from ml.features import canonical_column, parse_value

if TYPE_CHECKING:
    from ml.severity.scorer import Score

ADDED = ("hypomimia_index", "severity_expected", "p_pd", "abstained")


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("score-table", help="score rows of already-extracted features")
    parser.add_argument("table", type=Path, help="CSV, columns <expression>_<signal>_<mean or var>")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    parser.add_argument("--bundle", type=Path, help="bundle directory (left out: the shipped)")
    parser.add_argument("--prevalence", type=float, help="share of people with PD where it is used")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    header, rows, delimiter = read(options.table)
    if options.prevalence is not None and not 0 < options.prevalence < 1:
        raise WrongUse(f"--prevalence {options.prevalence} is not between 0 and 1")
    from ml.bundle import default_bundle_path, load

    bundle = load(options.bundle or default_bundle_path())
    features = {i: c for i, title in enumerate(header) if (c := canonical_column(title))}
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
    write(options.out, header, [cells for _, cells in rows], scores, delimiter)
    unscored = sum(score.hypomimia_index is None for score in scores)
    print(
        f"score-table: {len(rows)} rows scored with {bundle.name} {bundle.version}"
        f" ({bundle.digest[:12]}); {unscored} had no usable expression",
        file=sys.stderr,
    )
    return 0


def read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]], str]:
    """Header, rows with their line numbers, and the delimiter. Raises :class:`WrongUse`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            start = stream.readline()
            delimiter = max(",;\t", key=start.count)
            stream.seek(0)
            reader = csv.reader(stream, delimiter=delimiter)
            header = next(reader, [])
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except FileNotFoundError:
        raise WrongUse(f"no such file: {path}; give the path of a CSV table") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongUse(f"{path} cannot be read as a CSV table: {error}") from error
    if not header:
        raise WrongUse(f"{path} is empty; its first line must name the columns")
    return [title.removeprefix("\ufeff") for title in header], rows, delimiter


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
                writer.writerow([*old, *added(score)])
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error}") from error


def added(score: "Score") -> list[str]:
    """The four new cells; empty where nothing could be computed, or nothing is abstained from."""
    return [
        _digits(score.hypomimia_index),
        _digits(score.severity_expected),
        _digits(score.p_pd),
        score.abstained or "",
    ]


def _digits(value: float | None) -> str:
    # All digits: people at the far end of the scale must keep their order.
    return "" if value is None else repr(float(value))
