"""Whether a bundle's probability of PD may be shown: what it is worth outside its own data.

A probability that was trained on PD labels is worth showing only where it ranks people whom it has
not seen better than the hypomimia index, which is not fitted to them. A bundle carries the figures
(``metadata["travel"]``) and so decides by itself; one without them is taken as not shown to hold
(docs/decisions/one-voice.md).
"""

from ml.metrics import Interval
from vocabulary.travel import Ranking, Travel


def ranking(people: int, p_pd: float, index: float, difference: Interval) -> Ranking:
    """Of one comparison: AUROC of both on the same people, and probability minus index."""
    return {
        "people": people,
        "p_pd": round(p_pd, 4),
        "index": round(index, 4),
        "difference": (
            round(difference.value, 4),
            round(difference.low, 4),
            round(difference.high, 4),
        ),
    }


def travel(*, off_table: Ranking | None = None, protocols: Ranking | None = None) -> Travel:
    """It holds where the probability is better beyond chance in every comparison that was made: the
    whole interval of the difference above 0. It does not where none was made."""
    made = [one for one in (off_table, protocols) if one is not None]
    holds = bool(made) and all(one["difference"][1] > 0 for one in made)
    return {"off_table": off_table, "protocols": protocols, "holds": holds}
