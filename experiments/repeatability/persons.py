"""Whether a person's result tells PD better within protocols than one of their sessions does."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.cohort.table import Cohort
from ml.metrics import Interval, random_effects, within_groups
from ml.scoring.person import INDEX, Components, Reading, person_score

Floats = npt.NDArray[np.float64]

BOOTSTRAPS = 300
DRAWS = 20
# Of each class in a protocol; a bootstrap sample may hold fewer.
AT_LEAST, AT_LEAST_DRAWN = 15, 7


@dataclass(frozen=True)
class Persons:
    """Mean AUROC for PD within ``protocols``: of ``one`` session of each person, drawn at random,
    and of the ``result`` over all; ``gain`` by a paired bootstrap over people."""

    people: int
    protocols: tuple[str, ...]
    one: float
    result: float
    gain: Interval


def persons(cohort: Cohort, index: Floats, components: Components) -> Persons:
    """People with repeats, each once, in the protocol of their first session. Whose visits bear
    different labels is left out. ``index`` (N,) points, NaN missing."""
    rows_of = []
    for name in np.unique(cohort.subject):
        rows = np.flatnonzero((cohort.subject == name) & np.isfinite(index))
        if len(rows) > 1 and len(set(cohort.pd[rows])) == 1:
            rows_of.append(rows)
    pd = np.array([cohort.pd[rows[0]] for rows in rows_of])
    protocol = np.array([cohort.protocol[rows[0]] for rows in rows_of])
    result = np.array(
        [
            person_score([Reading(float(i)) for i in index[rows]], components, INDEX, ahead=0).value
            for rows in rows_of
        ]
    )
    generator = np.random.default_rng(0)
    drawn = np.array([[index[generator.choice(r)] for r in rows_of] for _ in range(DRAWS)])
    kept = [g.name for g in within_groups(pd, result, protocol, at_least=AT_LEAST)]

    def figures(who: npt.NDArray[np.int64]) -> tuple[float, float]:
        who = who[np.isin(protocol[who], kept)]

        def mean(values: Floats) -> float:
            return random_effects(
                within_groups(pd[who], values[who], protocol[who], at_least=AT_LEAST_DRAWN)
            ).value

        return float(np.mean([mean(values) for values in drawn])), mean(result)

    one, of_all = figures(np.arange(len(pd)))
    samples = [figures(generator.integers(len(pd), size=len(pd))) for _ in range(BOOTSTRAPS)]
    low, high = np.quantile([b - a for a, b in samples], [0.025, 0.975])
    people = int(np.isin(protocol, kept).sum())
    gain = Interval(of_all - one, float(low), float(high))
    return Persons(people, tuple(kept), one, of_all, gain)
