"""A probability of PD is shown only where it was found to be worth more than the index."""

import pytest

from ml.metrics import Interval
from ml.scoring.bundle import default_bundle_path, load
from ml.scoring.travel import ranking, travel
from ml.training.card import card
from vocabulary.travel import Ranking


def difference(value: float, low: float, high: float) -> Ranking:
    return ranking(600, 0.6 + value, 0.6, Interval(value, low, high))


BETTER = difference(0.05, 0.01, 0.09)
UNDECIDED = difference(0.05, -0.01, 0.11)
WORSE = difference(-0.1, -0.15, -0.03)


@pytest.mark.parametrize(
    ("off_table", "protocols", "holds"),
    [
        (BETTER, BETTER, True),
        (BETTER, None, True),
        (None, None, False),
        (BETTER, UNDECIDED, False),
        (UNDECIDED, None, False),
        (WORSE, BETTER, False),
        (None, WORSE, False),
    ],
)
def test_it_holds_where_every_comparison_is_won_beyond_chance(
    off_table: Ranking | None, protocols: Ranking | None, holds: bool
) -> None:
    assert travel(off_table=off_table, protocols=protocols)["holds"] is holds


def test_the_card_says_what_it_is_worth() -> None:
    bundle = load(default_bundle_path())

    def said(found: object) -> str:
        told = {**bundle.metadata, "travel": found}
        return " ".join(card(bundle.name, bundle.version, told).split())

    assert "shown to nobody by default: what it is worth" in said(None)
    hidden = said(travel(off_table=WORSE))
    assert "shown to nobody by default: it does not rank better" in hidden
    assert "AUROC 0.500, index 0.600, difference -0.100 [-0.150, -0.030]" in hidden
    assert "ranks better than the bundle's own index" in said(travel(protocols=BETTER))
