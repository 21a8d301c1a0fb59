"""A folder of landmark files and a table of labels become one feature table, a row a recording.

What ``ml train``, ``ml evaluate`` and ``score-table`` read: whoever has no films needs no manifest.
"""

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml.cohort import csv_files
from ml.cohort.landmarks import SUFFIXES, read_points
from ml.cohort.manifest import MANIFEST
from ml.errors import CohortError, MimiaError
from ml.features import columns_of
from ml.measuring.layouts import PointLayout
from ml.measuring.measurement import Measurement
from ml.measuring.points import measure_points
from ml.progress import counted

logger = logging.getLogger(__name__)
#: OpenFace leaves a text of its own beside each table.
_READ = tuple(suffix for suffix in SUFFIXES if suffix != ".txt")
_FILES = ("clip", "file", "filename", "file_name", "path")
_SUBJECTS = ("subject", "subject_id", "participant_id", "id", "patient", "patient_id")


@dataclass(frozen=True)
class Reading:
    """How every file of the folder is read."""

    layout: PointLayout
    expression: str
    fps: float | None = None
    size: tuple[int, int] | None = None

    def measure(self, path: Path) -> Measurement:
        """Raises :class:`MimiaError` in words that name the file."""
        points = read_points(path, self.layout, fps=self.fps, size=self.size)
        try:
            found = measure_points(points, self.layout, expression=self.expression)
        except MimiaError as fault:
            raise CohortError(str(fault), file=path) from fault
        return found.measured


def write_table(folder: Path, out: Path, reading: Reading, labels: Path | None) -> None:
    """Measures every landmark file below ``folder`` and writes their table to ``out``.

    ``labels``: a CSV with a row a recording (a column clip or file names it) or a row a person (a
    column subject, which is the file's name without its ending); its columns are kept. Raises
    :class:`CohortError`: no files, labels that name none of them, a file that cannot be read.
    """
    skipped = {path.resolve() for path in (out, labels, folder / MANIFEST) if path is not None}
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _READ and path.is_file() and path.resolve() not in skipped
    ]
    if not files:
        raise CohortError("holds no CSV, Parquet, NPZ or NPY of points", file=folder)
    titles, about = ([], {}) if labels is None else _labels(labels, folder, files)
    rows, unusable = [], 0
    columns = columns_of(reading.expression)
    for path in counted("measuring files", files, len(files)):
        known = about.get(path, {})
        if labels is not None and not known:
            continue
        measured = reading.measure(path)
        unusable += measured.state != "measured"
        features = measured.features() if measured.state == "measured" else {}
        rows.append(
            {"subject": path.stem, **known, "layout": reading.layout.name,
             "file": path.relative_to(folder).as_posix(), "reason": str(measured.reason or "")}
            | {name: repr(features[name]) if name in features else "" for name in columns}
        )  # fmt: skip
    header = list(dict.fromkeys(["subject", *titles, "layout", "file", "reason", *columns]))
    with out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    logger.info(
        "%d recordings in %s, %d of them unusable (their reason is in the row)",
        *(len(rows), out, unusable),
    )


def _labels(
    path: Path, folder: Path, files: list[Path]
) -> tuple[list[str], Mapping[Path, Mapping[str, str]]]:
    """The titles to keep, and each file's cells."""
    table = csv_files.read(path)
    table.check_widths()
    names = [title.strip() for title in table.header]
    lower = [name.lower() for name in names]
    by_file = next((lower.index(name) for name in _FILES if name in lower), None)
    by_person = next((lower.index(name) for name in _SUBJECTS if name in lower), None)
    key = by_person if by_file is None else by_file
    if key is None:
        raise CohortError(
            "no column names the files (clip or file) or the people (subject)", file=path, row=1
        )
    of_name: dict[str, Path] = {}
    for file in files:
        for name in (file.relative_to(folder).as_posix(), file.name, file.stem):
            of_name.setdefault(name, file)
    taken = {"layout", "file", "reason"}
    titles = ["subject" if n == by_person else name for n, name in enumerate(names)]
    kept = [n for n, title in enumerate(titles) if title.lower() not in taken and n != by_file]
    about: dict[Path, dict[str, str]] = {}
    without = 0
    for line, cells in table.rows:
        code = cells[key].strip()
        named = of_name.get(code)
        if named is None:
            without += 1
            continue
        if named in about:
            raise CohortError(f"{named.name} is in an earlier row already", file=path, row=line)
        about[named] = {titles[n]: cells[n].strip() for n in kept}
    if not about:
        raise CohortError(f"none of its rows names a file of {folder}", file=path)
    if without:
        logger.info("%d rows of %s name no file of %s", without, path.name, folder)
    if left := len(files) - len(about):
        logger.info("%d files have no row in %s, and are left out", left, path.name)
    return [titles[n] for n in kept], about
