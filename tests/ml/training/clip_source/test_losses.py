"""Each loss term measures what its name says, and can be switched off."""

import pytest
import torch

from ml.errors import ConfigError
from ml.training.clip_source.losses import (
    LossWeights,
    expression_term,
    intensity_term,
    rest_term,
    shape_term,
    smoothness_term,
)

ALL = torch.ones(1, 5, dtype=torch.bool)
TRUTH = torch.tensor([[0.0, 0.5, 1.0, 0.5, 0.0]])
TIMES = torch.arange(5).view(1, -1) / 10


def test_expression_term_is_cross_entropy_over_cosines() -> None:
    sure = expression_term(torch.tensor([[0.1, 0.9]]), torch.tensor([1]), 0.01)
    wrong = expression_term(torch.tensor([[0.9, 0.1]]), torch.tensor([1]), 0.01)
    assert sure.item() < 1e-6
    assert wrong.item() == pytest.approx(80, rel=1e-3)


def test_intensity_term_is_zero_at_the_truth_and_skips_what_is_unknown() -> None:
    assert intensity_term(TRUTH.tanh(), TRUTH, ALL).item() == pytest.approx(0, abs=1e-9)
    off = intensity_term(TRUTH.tanh() + 0.5, TRUTH, ALL)
    assert off.item() == pytest.approx(0.25)
    half = TRUTH.clone()
    half[0, 2:] = float("nan")
    assert intensity_term(half.nan_to_num(9.0), half, ALL).item() < 0.1
    nothing = torch.full_like(TRUTH, float("nan"))
    assert intensity_term(TRUTH, nothing, ALL).item() == 0


def test_shape_term_ignores_scale_and_offset() -> None:
    assert shape_term(3 * TRUTH.tanh() - 1, TRUTH, ALL).item() == pytest.approx(0, abs=1e-5)
    assert shape_term(-TRUTH.tanh(), TRUTH, ALL).item() == pytest.approx(2, abs=1e-5)
    assert shape_term(TRUTH, torch.zeros_like(TRUTH), ALL).item() == 0


def test_rest_term_counts_real_frames_only() -> None:
    signed = torch.zeros(1, 5, 2)
    signed[0, 4] = 1.0
    assert rest_term(signed, ALL).item() == pytest.approx(0.2)
    hidden = ALL.clone()
    hidden[0, 4] = False
    assert rest_term(signed, hidden).item() == 0


def test_smoothness_term_likes_lines_and_forgives_gaps() -> None:
    line = TIMES * 2
    assert smoothness_term(line, TIMES, ALL).item() == pytest.approx(0, abs=1e-9)
    jagged = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0]])
    assert smoothness_term(jagged, TIMES, ALL).item() == pytest.approx(4, rel=1e-4)
    torn = torch.tensor([[0.0, 0.1, 0.2, 2.0, 2.1]])
    step = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0]])
    assert smoothness_term(step, torn, ALL).item() == 0


def test_terms_can_be_switched_off_but_not_all() -> None:
    assert LossWeights(intensity=0).intensity == 0
    with pytest.raises(ConfigError):
        LossWeights(0, 0, 0, 0, 0)
    with pytest.raises(ConfigError):
        LossWeights(rest=-1)
