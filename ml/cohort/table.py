"""Labelled data: feature tables and clip manifests read, checked and split by subject.

Reads our own tables and the originals' (ROC-HCI/UFNet ``facial_dataset.csv`` and
tmadnan/PD-Screening-SMILE ``dataset-cross-validation.csv``), whose other columns are ignored, and
said. A mistake in a table stops the reading with its file and row: nothing is repaired in silence.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.cohort import cells, copies, csv_files
from ml.cohort.columns import LABELS, Columns
from ml.cohort.csv_files import UNKNOWN as UNKNOWN
from ml.cohort.header import columns_of_table, subjects_of
from ml.errors import CohortError
from ml.features import columns_of
from ml.scoring.norms import drop_failed

Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.str_]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cohort:
    """Rows of people's sessions. N rows; every array is (N,), ``values`` (N, C) with NaN missing.

    ``pd`` and ``grade`` are -1 where unknown; ``age`` NaN where unknown; ``line`` is the row's
    line in its file, for messages. ``read``: what the columns of a feature table were read as;
    None for a cohort of clips. ``layout``: of the points that were measured, "" for films and
    where nobody says.
    """

    name: str
    columns: tuple[str, ...]
    values: Floats
    subject: Strings
    protocol: Strings
    pd: Integers
    grade: Integers
    age: Floats
    sex: Strings
    split: Strings
    line: Integers
    sha256: str
    read: Columns | None = None
    layout: str = ""

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, rows: Booleans | Integers) -> "Cohort":
        """The same cohort with only these rows (a mask or indices)."""
        fields = ("values", "subject", "protocol", "pd", "grade", "age", "sex", "split", "line")
        return replace(self, **{field: getattr(self, field)[rows] for field in fields})

    def tokens(self, expressions: Sequence[str]) -> Floats:
        """(N, K, 14) raw means and variances per expression, NaN where missing."""
        position = {name: index for index, name in enumerate(self.columns)}
        result = np.full((len(self), len(expressions), 14), np.nan)
        for k, expression in enumerate(expressions):
            for f, name in enumerate(columns_of(expression)):
                if name in position:
                    result[:, k, f] = self.values[:, position[name]]
        return result

    def records(self) -> list[dict[str, float | None]]:
        """Rows as :meth:`ml.scoring.bundle.Bundle.score` takes them."""
        return [
            {
                c: float(v) if np.isfinite(v) else None
                for c, v in zip(self.columns, row, strict=True)
            }
            for row in self.values
        ]


def read_table(
    path: Path,
    *,
    name: str | None = None,
    subject_column: str = "",
    ignore_near: bool = False,
) -> Cohort:
    """Read one feature table.

    ``subject_column``: the title of the column that tells people apart, where it has none of the
    usual names; ``ignore_near``: columns named nearly like ours are left out as all others are.

    Raises :class:`CohortError` naming file and row: no such file, no feature column, one that is
    named nearly like ours, two columns of one meaning that disagree, a row cut short, a cell that
    is no number, cannot be one of a face or was copied from elsewhere, a label out of range,
    nothing that tells people apart.
    Variances of 0 become missing together with their mean (a failed extraction).
    """
    table = csv_files.read(path)
    read = columns_of_table(table, subject_column, ignore_near)
    table.check_unique(read.means)
    table.check_widths()
    if not table.rows:
        raise CohortError("the table has no rows", file=path)
    subject = subjects_of(table, read, is_said=bool(subject_column))
    lines_at = [line for line, _ in table.rows]
    cells_of = {
        field: ["" if i is None else row[i].strip() for _, row in table.rows]
        for field, i in ((field, read.place(field)) for field in LABELS)
    }
    found = cells.numbers(table, read.features)
    columns = tuple(read.features.values())
    copies.refuse(table, found, columns, subject)
    values = [[np.nan if (v := row[c]) is None else v for c in columns] for row in found]
    return Cohort(
        name=name or path.stem,
        columns=columns,
        values=drop_failed(np.array(values, dtype=np.float64), columns),
        subject=np.array(subject, dtype=np.str_),
        protocol=np.array(cells_of["protocol"], dtype=np.str_),
        pd=_labels(csv_files.yes_no, cells_of["pd"], lines_at, path),
        grade=_labels(csv_files.grade, cells_of["grade"], lines_at, path),
        age=np.array(
            [csv_files.age(v, path, n) for v, n in zip(cells_of["age"], lines_at, strict=True)]
        ),
        sex=np.array([v.lower() for v in cells_of["sex"]], dtype=np.str_),
        split=np.array(
            [csv_files.split(v, path, n) for v, n in zip(cells_of["split"], lines_at, strict=True)],
            dtype=np.str_,
        ),
        line=np.array(lines_at, dtype=np.int64),
        sha256=table.sha256,
        read=read,
        layout=_one_layout(cells_of["layout"], lines_at, path),
    )


def _one_layout(cells: Sequence[str], lines: Sequence[int], path: Path) -> str:
    for line, name in zip(lines, cells, strict=True):
        if name != cells[0]:
            raise CohortError(
                f"the layout {name!r}, and {cells[0]!r} above it: norms of one do not hold for the"
                " other; make two tables",
                file=path,
                row=line,
            )
    return cells[0]


def _labels(
    read: Callable[[str, Path, int], int], cells: Sequence[str], lines: Sequence[int], path: Path
) -> Integers:
    found = [read(cell, path, line) for cell, line in zip(cells, lines, strict=True)]
    return np.array(found, dtype=np.int64)


def check_splits(cohort: Cohort) -> None:
    """No subject in two splits, test rows included."""
    seen: dict[str, tuple[str, int]] = {}
    for subject, split, line in zip(cohort.subject, cohort.split, cohort.line, strict=True):
        first = seen.setdefault(str(subject), (str(split), int(line)))
        if first[0] != split:
            raise CohortError(
                f"subject {subject} is in split {first[0]!r} (row {first[1]}) and in {split!r}",
                file=cohort.name,
                row=int(line),
            )


def check_for_training(cohort: Cohort, *, label: str, classes: int) -> None:
    """Stop before training starts on what would spoil it an hour later.

    Raises :class:`CohortError`: a subject in two splits, an empty class, no usable feature in any
    row. Rows of one subject may carry different labels: visits differ, in the public data too.
    """
    check_splits(cohort)
    labels = getattr(cohort, label)
    for wanted in range(classes):
        if not (labels == wanted).any():
            raise CohortError(f"no row has {label} {wanted}: that class is empty", file=cohort.name)
    if not np.isfinite(cohort.values).any():
        raise CohortError("no row has a usable feature", file=cohort.name)


def split_hash(subjects: Sequence[str]) -> str:
    """SHA-256 over the sorted subject codes: says which people, without naming them."""
    return hashlib.sha256("\n".join(sorted(set(subjects))).encode()).hexdigest()


def person_digest(subject: str) -> str:
    """A subject's mark in a bundle trained on them, so that nobody is judged by a model that has
    seen them. Who knows a code can look for it; the marks alone name nobody."""
    return hashlib.sha256(f"mimia person {subject}".encode()).hexdigest()[:16]


def without_subjects(cohort: Cohort, subjects: set[str]) -> Cohort:
    """The rows of everybody else."""
    return cohort.take(np.array([s not in subjects for s in cohort.subject], dtype=bool))
