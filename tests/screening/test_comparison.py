"""How a bundle agrees with the clinicians' grades: known orders, ties, abstentions."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from screening.models import ModelBundle, Screening
from screening.services.comparison import Agreement, Answer, Line, agreement

BUNDLE = ModelBundle(name="test", version="1")
GRADES = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def line(grade: int, index: float | None, abstained: str | None = None) -> Line:
    answer = Answer(index, grade + 0.5, None, abstained)
    return Line(Screening(), grade, datetime.now(UTC), {BUNDLE.pk: answer})


def of(*lines: Line) -> Agreement:
    return agreement(BUNDLE, lines)


def test_the_clinicians_order_is_one_its_reverse_nothing_and_a_constant_half() -> None:
    assert of(*(line(grade, 10.0 * grade) for grade in GRADES)).share == 1
    assert of(*(line(grade, -10.0 * grade) for grade in GRADES)).share == 0
    constant = of(*(line(grade, 50.0) for grade in GRADES))
    # 45 pairs of ten, less the five of equal grades.
    assert (constant.pairs, constant.in_order) == (40, 20.0)


def test_one_grade_has_no_order() -> None:
    assert of(line(2, 10.0), line(2, 20.0)).share is None
    assert of() == Agreement(BUNDLE, 0, 0, 0, 0.0, None)


def test_abstentions_are_counted_and_left_out() -> None:
    found = of(*(line(grade, 10.0 * grade) for grade in GRADES), line(4, 0.0, "quality"))
    assert (found.graded, found.abstained, found.share) == (11, 1, 1.0)
    assert found.distance == pytest.approx(0.5)


def test_a_screening_that_the_bundle_has_not_seen_does_not_count() -> None:
    assert of(replace(line(1, 10.0), answers={})).graded == 0
