"""What is usual among people without Parkinson's disease: quantile tables per feature column.

A table holds 100 quantiles (0.5 % to 99.5 %), never a person's value. Percentiles exist only for
columns the public data has: no band is drawn where none was measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from ml.features import columns_of, usable

Floats = npt.NDArray[np.float64]

LEVELS: Floats = (np.arange(100) + 0.5) / 100
_SCORES: Floats = ndtri(LEVELS)
MIN_PEOPLE = 30


def transform(statistic: str, values: Floats) -> Floats:
    """Variances are compared as logarithms (they are skewed), means as they are."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(values) if statistic == "var" else values


def statistic_of(column: str) -> str:
    """``mean`` or ``var``."""
    return column.rsplit("_", 1)[1]


def quantiles(values: Floats) -> Floats:
    """(100,) quantiles at :data:`LEVELS` of the finite values, strictly increasing."""
    table = np.quantile(values[np.isfinite(values)], LEVELS)
    # Ties (a coarse table) would make interpolation ambiguous: nudge them apart by a hair.
    return _increasing(table)


def normal_score(values: Floats, table: Floats) -> Floats:
    """Values → standard normal score among the table's people, same shape; NaN stays NaN.

    Linear between quantiles. Beyond the outer ones it goes on with the slope between the median
    and the outer tenth, so that a stranger's extreme value still has its rank.
    """
    score = np.interp(values, table, _SCORES)
    low_slope = (_SCORES[50] - _SCORES[4]) / (table[50] - table[4])
    high_slope = (_SCORES[95] - _SCORES[50]) / (table[95] - table[50])
    score = np.where(values < table[0], _SCORES[0] + (values - table[0]) * low_slope, score)
    score = np.where(values > table[-1], _SCORES[-1] + (values - table[-1]) * high_slope, score)
    return np.where(np.isfinite(values), score, np.nan)


@dataclass(frozen=True, eq=False)
class Norms:
    """Quantile tables (in transformed units) of the people without PD, by column."""

    reference: str
    people: int
    tables: Mapping[str, Floats]

    @classmethod
    def fit(
        cls,
        columns: Sequence[str],
        values: Floats,
        *,
        reference: str,
        at_least: int = MIN_PEOPLE,
    ) -> "Norms":
        """Tables from people without PD. ``values`` (N, C) raw, NaN missing.

        A column with fewer people than ``at_least`` gets no table.
        """
        tables = {}
        for index, name in enumerate(columns):
            column = transform(statistic_of(name), values[:, index])
            if np.isfinite(column).sum() >= at_least:
                tables[name] = quantiles(column)
        fitted = cls(reference=reference, people=len(values), tables=tables)
        # What is learnt upon them is what a bundle keeps, to the last digit.
        return cls.from_json(fitted.to_json())

    def z(self, column: str, values: Floats) -> Floats:
        """Normal scores of raw values of one column; NaN without a table or a value."""
        table = self.tables.get(column)
        if table is None:
            return np.full(np.shape(values), np.nan)
        return normal_score(transform(statistic_of(column), values), table)

    def z_tokens(self, expressions: Sequence[str], raw: Floats) -> Floats:
        """(N, K, 14) raw tokens → (N, K, 14) normal scores, NaN missing."""
        result = np.full(raw.shape, np.nan)
        for k, expression in enumerate(expressions):
            for f, name in enumerate(columns_of(expression)):
                result[:, k, f] = self.z(name, raw[:, k, f])
        return result

    def percentile(self, column: str, value: float | None) -> float | None:
        """Percentile (0–100) of a raw value among people without PD; None without a norm."""
        if value is None or column not in self.tables:
            return None
        score = float(self.z(column, np.array([value]))[0])
        return float(100 * ndtr(score)) if np.isfinite(score) else None

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "reference": self.reference,
            "people": self.people,
            "levels": [round(float(level), 4) for level in LEVELS],
            "tables": {
                name: [float(f"{v:.6g}") for v in table] for name, table in self.tables.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Norms":
        return cls(
            reference=str(data["reference"]),
            people=int(data["people"]),
            tables={name: _increasing(np.array(t)) for name, t in data["tables"].items()},
        )


def _increasing(table: Floats) -> Floats:
    """Rounding may have made neighbours equal again."""
    step = max(float(np.ptp(table)), float(np.abs(table).max()) * 1e-6, 1e-12) * 1e-9
    return np.asarray(np.maximum.accumulate(table) + step * np.arange(len(table)))


def drop_failed(values: Floats, columns: Sequence[str]) -> Floats:
    """A variance ≤ 0 marks a failed extraction: it and its mean become NaN. (N, C) → (N, C)."""
    result = values.copy()
    position = {name: index for index, name in enumerate(columns)}
    for name, index in position.items():
        stem, statistic = name.rsplit("_", 1)
        bad = np.array([not usable(statistic, float(v)) for v in values[:, index]], dtype=bool)
        result[bad, index] = np.nan
        if statistic == "var" and f"{stem}_mean" in position:
            failed = np.isfinite(values[:, index]) & bad
            result[failed, position[f"{stem}_mean"]] = np.nan
    return result
