"""The hypomimia index of free speech where no bundle was trained for it: untrained, on the table's
own people.

Minus the mean normal score of the log-variances of all signals, the brows' too, as a percentile
among the people without PD of the same table. No PD label enters but to say who they are; where too
few are labelled, all people of the table stand in, and it says so: then 50 is the middle of whoever
was recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.features import columns_of
from ml.scoring.index import HypomimiaIndex
from ml.scoring.norms import MIN_PEOPLE, Norms, drop_failed
from vocabulary.expressions import Expression

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FREE = str(Expression.FREE)
#: People without PD below whom nothing is a norm, however wide.
LEAST_OWN = 10


@dataclass(frozen=True, eq=False)
class ZeroShot:
    """``index`` (N,) 0 to 100, NaN where nothing usable was measured; ``reference``: among whom."""

    index: Floats
    reference: str


def free_index(values: Floats, pd: Integers, people: Sequence[str]) -> ZeroShot | None:
    """``values`` (N, 14) the columns of free speech, NaN missing; ``pd`` (N,) 1, 0, or -1 unknown;
    ``people`` (N,) codes. None where fewer than ten people have anything usable."""
    columns = columns_of(FREE)
    raw = drop_failed(np.asarray(values, np.float64), columns)
    there = np.isfinite(raw[:, len(columns) // 2 :]).any(axis=1)
    names = np.asarray(people)
    controls = there & (pd == 0)
    count, everybody = len(set(names[controls])), len(set(names[there]))
    if everybody < LEAST_OWN:
        return None
    enough = count >= LEAST_OWN
    chosen = controls if enough else there
    if enough:
        reference = f"{count} people without PD of this table"
    else:
        reference = (
            f"all {everybody} people of this table, since {count} are labelled as without PD and"
            f" {LEAST_OWN} are needed"
        )
    least = min(MIN_PEOPLE, max(int(chosen.sum()) // 2, 2))
    norms = Norms.fit(columns, raw[chosen], reference=reference, at_least=least)
    z = norms.z_tokens((FREE,), raw[:, None, :])
    index = HypomimiaIndex.fit((FREE,), z[chosen], reference=reference)
    return ZeroShot(index.score(z), reference)
