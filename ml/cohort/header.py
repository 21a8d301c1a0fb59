"""What a feature table's columns mean together: whose row it is, and no two that disagree.

Where that is not clear nobody guesses: the error says which option, or which title, makes it so.
"""

from collections.abc import Sequence
from dataclasses import replace

from ml.cohort import csv_files
from ml.cohort.columns import LABELS, Columns, match, people_columns
from ml.errors import CohortError


def columns_of_table(table: csv_files.Table, subject_column: str, ignore_near: bool) -> Columns:
    """What the header means. Raises :class:`CohortError` where it is not clear what is meant."""
    try:
        read = match(table.header, subject_column=subject_column)
    except LookupError:
        there = ", ".join(title for title in table.header if title.strip())
        raise CohortError(
            f"no column, or more than one, is named {subject_column!r}; there are {there}",
            file=table.path,
        ) from None
    near = [one for one in read.near if one.meaning != "subject"]
    if (fault := replace(read, near=tuple(near)).fault()) and not ignore_near:
        raise CohortError(fault, file=table.path)
    if not read.features:
        raise CohortError(
            "no column is named <expression>_<signal>_<mean or var>, for example"
            " smile_mouth-width_var; rename the feature columns",
            file=table.path,
        )
    return _agreed(table, read)


def subjects_of(table: csv_files.Table, read: Columns, is_said: bool) -> list[str]:
    """Who each row is of; ``is_said``: which column tells. With a row taken for a person, people
    would be trained on and judged by at once: raises :class:`CohortError` where it is not clear."""
    place = read.place("subject")
    like = [t for t in people_columns(table.header) if place is None or t != table.header[place]]
    if place is None:
        example = like[0] if like else "COLUMN"
        beside = f" (there are {', '.join(like)})" if len(like) > 1 else ""
        raise CohortError(
            "no column is named subject, so nothing tells whose rows are one person's:"
            f" say which does with --subject-column {_quoted(example)}{beside}",
            file=table.path,
        )
    subjects: list[str] = []
    spelt: dict[str, tuple[str, int]] = {}
    for line, row in table.rows:
        code = row[place].strip()
        if not code:
            raise CohortError("the row names no subject", file=table.path, row=line)
        first, where = spelt.setdefault(code.casefold(), (code, line))
        if first != code:
            raise CohortError(
                f"subject {code!r}, and {first!r} in row {where}: one person? spell them alike",
                file=table.path,
                row=line,
            )
        subjects.append(code)
    if not is_said:
        _check_other_people(table, table.header[place], subjects, like)
    return subjects


def _check_other_people(
    table: csv_files.Table, title: str, subjects: list[str], like: Sequence[str]
) -> None:
    """Where each row is somebody of its own, no other column may say that some are one person."""
    if title.strip().lower() == "subject" or len(set(subjects)) < len(subjects):
        return
    for other in like:
        place = table.header.index(other)
        codes = [row[place].strip() for _, row in table.rows]
        if all(codes) and len(set(codes)) < len(codes):
            raise CohortError(
                f"{title!r} is another one in each row, and {other!r} is not: say which tells"
                f" people apart with --subject-column {_quoted(other)}, or {_quoted(title)}",
                file=table.path,
            )


def _quoted(title: str) -> str:
    return title if title.isascii() and " " not in title.strip() else f"'{title.strip()}'"


def _agreed(table: csv_files.Table, read: Columns) -> Columns:
    """Of several columns of one meaning, such as ``pd`` and ``diagnosis``, the first. Raises
    :class:`CohortError` where they say different things in a row: nobody could tell which of them
    is right. Spelt alike, they are refused later, whatever they say."""
    readers = {"pd": csv_files.yes_no, "grade": csv_files.grade}
    means = list(read.means)
    for field in LABELS:
        places = [i for i, meaning in enumerate(read.means) if meaning == field]
        titles = {table.header[i].strip().lower() for i in places}
        compare = readers.get(field, lambda text, _path, _line: text.lower())
        for line, row in table.rows if len(places) > 1 else ():
            first, *others = (
                compare(row[i].strip() if i < len(row) else "", table.path, line) for i in places
            )
            for place, other in zip(places[1:], others, strict=True):
                if other != first:
                    raise CohortError(
                        f"the columns {table.header[places[0]]!r} and {table.header[place]!r}"
                        f" both mean {field} and differ; keep one",
                        file=table.path,
                        row=line,
                    )
        if len(titles) == len(places):
            for place in places[1:]:
                means[place] = None
    return replace(read, means=tuple(means))
