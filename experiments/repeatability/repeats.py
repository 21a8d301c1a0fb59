"""The people with repeats, each score of their sessions, and its variance components."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from experiments.public.tables import PublicData
from ml.cohort.table import Cohort
from ml.features import TOKEN_PARTS, column
from ml.metrics import Interval
from ml.scoring.bundle import Bundle
from ml.scoring.person import GRADE, INDEX, SIGNAL, Components, variance_components

Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.str_]

EXPRESSION = "smile"


@dataclass(frozen=True, eq=False)
class Repeats:
    """Sessions of people with two or more usable ones. N rows: ``index`` on its normal scores,
    ``grade``, ``p_pd``, ``signals`` (N, 14) normal scores in the order of a token."""

    subject: Strings
    protocol: Strings
    pd: npt.NDArray[np.int64]
    index: Floats
    grade: Floats
    p_pd: Floats
    signals: Floats

    def scores(self) -> dict[str, Floats]:
        """By the name that the page gives it."""
        return {
            "hypomimia index, normal scores": self.index,
            "hypomimia index, points of 100": INDEX.back(self.index),
            "expected grade": self.grade,
            "p_pd": self.p_pd,
        }

    def columns(self) -> dict[str, Floats]:
        """The normal scores of each signal, by the column of a table."""
        names = [column(EXPRESSION, *part) for part in TOKEN_PARTS]
        return dict(zip(names, self.signals.T, strict=True))

    def take(self, rows: npt.NDArray[np.bool_]) -> "Repeats":
        """Only these rows."""
        return Repeats(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def people(self) -> list[npt.NDArray[np.int64]]:
        """The rows of each person, in the order of the table."""
        return [np.flatnonzero(self.subject == name) for name in np.unique(self.subject)]


def repeats(data: PublicData, bundle: Bundle) -> Repeats:
    """The smile table as the bundle scores it; sessions without an index are left out."""
    cohort = data.smile
    records = cohort.records()
    scores = bundle.score(records)
    index = _numbers([score.hypomimia_index for score in scores])
    z = bundle.scorer.tokens(records)[:, bundle.expressions.index(EXPRESSION)]
    rows = _repeated(cohort, np.isfinite(index))
    return Repeats(
        subject=cohort.subject[rows],
        protocol=cohort.protocol[rows],
        pd=cohort.pd[rows],
        index=INDEX.into(index[rows]),
        grade=GRADE.into(_numbers([score.severity_expected for score in scores])[rows]),
        p_pd=_numbers([score.p_pd for score in scores])[rows],
        signals=SIGNAL.into(z[rows]),
    )


def index_of(data: PublicData, bundle: Bundle) -> Floats:
    """The index of every smile session in points, NaN where there is none. (N,)"""
    return _numbers([score.hypomimia_index for score in bundle.score(data.smile.records())])


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _repeated(cohort: Cohort, there: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    names, counts = np.unique(cohort.subject[there], return_counts=True)
    return np.flatnonzero(there & np.isin(cohort.subject, names[counts > 1]))


def with_intervals(
    values: Floats, found: Repeats, *, count: int = 1000, seed: int = 0
) -> tuple[Components, Interval, Interval]:
    """Components of one score, and ICC(1) and standard error of measurement with 95 % bootstrap
    intervals over people."""
    everybody = variance_components(values, found.subject)
    rows = found.people()
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(count):
        chosen = generator.integers(len(rows), size=len(rows))
        # A person drawn twice is two people.
        persons = np.repeat(np.arange(len(chosen)), [len(rows[i]) for i in chosen]).astype(np.str_)
        drawn.append(
            variance_components(values[np.concatenate([rows[i] for i in chosen])], persons)
        )

    def interval(figure: Callable[[Components], float]) -> Interval:
        low, high = np.quantile([figure(one) for one in drawn], [0.025, 0.975])
        return Interval(figure(everybody), float(low), float(high))

    return everybody, interval(lambda one: one.icc), interval(lambda one: one.sem)
