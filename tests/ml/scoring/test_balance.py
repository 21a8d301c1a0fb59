"""Each balancing term does what its formula says, and can be switched off."""

import pytest
import torch

from ml.scoring.balance import (
    PRESETS,
    Balance,
    Distribution,
    balanced_loss,
    class_counts,
    class_difficulty_weights,
    distribution_weights,
    logit_offsets,
    recall_of,
)

COUNTS = torch.tensor([[900.0, 100.0]])


def test_rare_classes_weigh_more_and_weights_have_mean_one() -> None:
    for kind in (Distribution.INVERSE, Distribution.EFFECTIVE):
        weights = distribution_weights(Balance(kind), COUNTS)
        assert weights[0, 1] > weights[0, 0]
        assert weights.mean().item() == pytest.approx(1.0)


def test_effective_number_is_the_formula() -> None:
    balance = Balance(Distribution.EFFECTIVE, beta=0.99)
    raw = (1 - 0.99) / (1 - 0.99**COUNTS)
    assert torch.allclose(distribution_weights(balance, COUNTS), raw / raw.mean())


def test_class_difficulty_follows_recall_with_a_floor() -> None:
    balance = Balance(class_difficulty=1.0)
    weights = class_difficulty_weights(balance, torch.tensor([[1.0, 0.5]]))
    assert (weights[0, 1] / weights[0, 0]).item() == pytest.approx(0.5 / 0.05)


def test_terms_switched_off_leave_cross_entropy() -> None:
    loss, labels = torch.tensor([[0.3, 2.0]]), torch.tensor([[0, 1]])
    plain = PRESETS["plain CE"]
    omega = distribution_weights(plain, COUNTS)
    delta = class_difficulty_weights(plain, torch.tensor([[0.9, 0.1]]))
    assert torch.allclose(balanced_loss(plain, loss, labels, omega, delta), loss)


def test_sample_difficulty_damps_what_is_well_classified() -> None:
    ones = torch.ones(1, 2)
    loss, labels = torch.tensor([[0.05, 2.0]]), torch.tensor([[0, 1]])
    damped = balanced_loss(Balance(sample_difficulty=2.0), loss, labels, ones, ones) / loss
    assert damped[0, 0] < 0.01
    assert damped[0, 1] > 0.7


def test_logit_adjustment_adds_the_log_prior() -> None:
    offsets = logit_offsets(PRESETS["logit adjustment"], COUNTS)
    assert torch.allclose(offsets, torch.log(torch.tensor([[0.9, 0.1]])))
    assert not logit_offsets(PRESETS["adaptive"], COUNTS).any()


def test_counts_and_recall() -> None:
    labels = torch.tensor([0, 0, 1])
    counts = class_counts(labels, torch.tensor([[1.0, 0.0, 2.0]]), 2)
    assert counts.tolist() == [[1.0, 2.0]]
    recall = recall_of(labels[None], torch.tensor([[0, 1, 1]]), 2)
    assert recall.tolist() == [[0.5, 1.0]]


def test_each_adaptive_term_can_be_switched_off() -> None:
    adaptive = PRESETS["adaptive"]
    assert PRESETS["adaptive without distribution"].distribution is Distribution.NONE
    assert PRESETS["adaptive without class difficulty"].class_difficulty == 0
    assert PRESETS["adaptive without sample difficulty"].sample_difficulty == 0
    assert adaptive.distribution is Distribution.EFFECTIVE
    assert adaptive.class_difficulty > 0
    assert adaptive.sample_difficulty > 0
