"""What the model for PD says, and whether anybody is shown it."""

from dataclasses import dataclass
from enum import StrEnum

from vocabulary.assessment import Assessment
from vocabulary.travel import Travel


class Lean(StrEnum):
    """Only where the prediction set holds one answer and the whole interval lies on its side of the
    prevalence: the model's own parts must not contradict each other."""

    PD = "pd"
    NO_PD = "no_pd"
    NEITHER = "neither"


@dataclass(frozen=True)
class Shown:
    """Whether the probability of PD is shown to this reader. ``travel``: what the model was found
    to be worth on people outside its data; None: nobody has looked."""

    is_shown: bool
    travel: Travel | None = None

    @property
    def holds(self) -> bool:
        return self.travel is not None and self.travel["holds"]


HIDDEN = Shown(is_shown=False)


@dataclass(frozen=True)
class Probability:
    """In whole per cent; ``low`` and ``high`` None where no interval is known."""

    value: int
    low: int | None
    high: int | None
    prevalence: int | None
    lean: Lean


def read_pd(result: Assessment) -> Probability | None:
    """None where the model says nothing."""
    if result["p_pd"] is None:
        return None
    value, prevalence = _percent(result["p_pd"]), None
    if result["prevalence"] is not None:
        prevalence = _percent(result["prevalence"])
    if result["p_pd_interval"] is None:
        return Probability(value, None, None, prevalence, Lean.NEITHER)
    low, high = (_percent(end) for end in result["p_pd_interval"])
    low, high = min(low, value), max(high, value)
    lean = Lean.NEITHER
    if prevalence is not None and low > prevalence and result["prediction_set"] == ["pd"]:
        lean = Lean.PD
    if prevalence is not None and high < prevalence and result["prediction_set"] == ["no_pd"]:
        lean = Lean.NO_PD
    return Probability(value, low, high, prevalence, lean)


def _percent(share: float) -> int:
    """Never 0 or 100: no model is that sure."""
    return min(max(round(100 * share), 1), 99)
