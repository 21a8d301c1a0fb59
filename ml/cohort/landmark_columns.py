"""Tables of landmarks as columns of numbers, whether they stand in CSV or in Parquet."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.cohort import csv_files
from ml.errors import CohortError
from ml.features import parse_value

Floats = npt.NDArray[np.float64]

_TRUTH = {"true": "1", "false": "0"}


class PointTable(ABC):
    """Named columns: ``titles`` as they stand, ``block`` as numbers, NaN where blank."""

    def __init__(self, path: Path, titles: Sequence[str], rows: int) -> None:
        self.path, self.rows = path, rows
        self.titles = [title.strip() for title in titles]
        self.places = {title.lower(): n for n, title in reversed(list(enumerate(self.titles)))}

    @abstractmethod
    def block(self, places: Sequence[int]) -> Floats:
        """(rows, len(places)) numbers. Raises :class:`CohortError` for a cell that is none."""

    def lines(self) -> Sequence[int]:
        return range(2, self.rows + 2)

    def named(self, names: Sequence[str]) -> Floats | None:
        """(rows,) of the first column that has one of these names; None without."""
        place = next((self.places[name] for name in names if name in self.places), None)
        return None if place is None else self.block([place])[:, 0]


class _OfCsv(PointTable):
    def __init__(self, path: Path, table: csv_files.Table) -> None:
        super().__init__(path, table.header, len(table.rows))
        self.table = table

    def lines(self) -> Sequence[int]:
        return [line for line, _ in self.table.rows]

    def block(self, places: Sequence[int]) -> Floats:
        rows = [[row[n] for n in places] for _, row in self.table.rows]
        try:
            return np.array(rows, dtype=np.float64).reshape(len(rows), len(places))
        except ValueError:
            return np.array([self._row(n, places) for n in range(self.rows)])

    def _row(self, number: int, places: Sequence[int]) -> list[float]:
        line, row = self.table.rows[number]
        decimal = "." if self.table.delimiter == "," else ","
        found = []
        for place in places:
            text = _TRUTH.get(row[place].strip().lower(), row[place])
            try:
                value = parse_value(text, decimal if decimal in text else ".")
            except ValueError:
                raise CohortError(
                    f"{text.strip()!r} in column “{self.titles[place]}” is no number",
                    file=self.path,
                    row=line,
                ) from None
            found.append(np.nan if value is None else value)
        return found


class _OfParquet(PointTable):
    """Of a Parquet file."""

    def __init__(self, path: Path, columns: Mapping[str, Any], rows: int) -> None:
        super().__init__(path, list(columns), rows)
        self.columns = list(columns.values())

    def block(self, places: Sequence[int]) -> Floats:
        found = []
        for place in places:
            try:
                found.append(np.asarray(self.columns[place].to_numpy(), dtype=np.float64))
            except (TypeError, ValueError):
                raise CohortError(
                    f"the column “{self.titles[place]}” holds no numbers", file=self.path
                ) from None
        return np.stack(found, axis=1)


def read_csv(path: Path) -> PointTable:
    """Raises :class:`CohortError` naming file and row."""
    table = csv_files.read(path, keep_blank=True)
    table.check_widths()
    return _OfCsv(path, table)


def read_parquet(path: Path) -> PointTable:
    """Raises :class:`CohortError`, where pyarrow is missing too."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise CohortError(
            "Parquet needs the package pyarrow: pip install 'mimia[parquet]', or save it as CSV",
            file=path,
        ) from None
    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError, ValueError) as fault:
        raise CohortError(f"no Parquet file: {fault}", file=path) from fault
    return _OfParquet(
        path, dict(zip(table.column_names, table.columns, strict=True)), table.num_rows
    )
