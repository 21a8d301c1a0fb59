"""Agreement between clinicians and a model: known values, ties, silence where little is known."""

import pytest

from screening.pages.agreement import Pair, agreement, spearman

GRADES = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def pair(grade: int, index: float | None, abstained: bool = False) -> Pair:
    return Pair(grade=grade, index=index, expected=float(grade) + 0.5, abstained=abstained)


def test_perfect_order_is_one_and_the_reverse_minus_one() -> None:
    same = [float(grade) for grade in GRADES]
    assert spearman(same, [10 * g for g in same]) == pytest.approx(1)
    assert spearman(same, [-g for g in same]) == pytest.approx(-1)


def test_ties_share_their_mean_rank() -> None:
    first = [1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    second = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
    # 82 / sqrt(82 × 82.5): Pearson's correlation of the mean ranks.
    assert spearman(first, second) == pytest.approx((82 / 82.5) ** 0.5)


def test_too_few_or_constant_values_have_no_correlation() -> None:
    assert spearman([1.0] * 10, [float(n) for n in range(10)]) is None
    assert spearman([1.0, 2.0], [1.0, 2.0]) is None


def test_abstentions_are_counted_and_left_out() -> None:
    pairs = [pair(grade, 10.0 * grade) for grade in GRADES] + [pair(4, 0.0, abstained=True)]
    found = agreement(pairs)
    assert (found.screenings, found.abstained) == (11, 1)
    assert found.rank == pytest.approx(1)
    assert found.distance == pytest.approx(0.5)
