"""Fusion: masking, attention, heads and the stacking of members."""

import pytest
import torch

from ml.scoring.ensemble import initial, run
from ml.scoring.fusion import Fusion, FusionConfig, FusionModel, Head, parameter_count
from ml.scoring.heads import log_probabilities

NAMES = ("smile", "disgust", "surprise")


@pytest.mark.parametrize("kind", list(Fusion))
def test_a_masked_expression_changes_nothing(kind: Fusion) -> None:
    model = FusionModel(FusionConfig(NAMES, fusion=kind)).eval()
    tokens = torch.randn(5, 3, 14)
    present = torch.tensor([[True, True, False]]).expand(5, 3)
    other = tokens.clone()
    other[:, 2] = 99.0
    assert torch.allclose(model(tokens, present).logits, model(other, present).logits)


@pytest.mark.parametrize("kind", list(Fusion))
def test_attention_sums_to_one_over_what_is_present(kind: Fusion) -> None:
    model = FusionModel(FusionConfig(NAMES, fusion=kind)).eval()
    present = torch.tensor([[True, False, True], [False, True, False]])
    attention = model(torch.randn(2, 3, 14), present).attention
    assert torch.allclose(attention.sum(-1), torch.ones(2))
    assert attention[0, 1] == 0
    assert attention[1, 1] == 1


@pytest.mark.parametrize("kind", list(Fusion))
def test_nothing_present_gives_finite_numbers(kind: Fusion) -> None:
    model = FusionModel(FusionConfig(NAMES, fusion=kind)).eval()
    output = model(torch.randn(1, 3, 14), torch.zeros(1, 3, dtype=torch.bool))
    assert torch.isfinite(output.logits).all()


@pytest.mark.parametrize(("head", "outputs"), [(Head.SOFTMAX, 5), (Head.CORN, 4)])
def test_heads_give_a_distribution(head: Head, outputs: int) -> None:
    log_p = log_probabilities(head, torch.randn(7, outputs, dtype=torch.float64))
    assert log_p.shape == (7, 5)
    assert torch.allclose(log_p.exp().sum(-1), torch.ones(7, dtype=torch.float64))


def test_corn_follows_its_conditionals() -> None:
    # P(y>0) = 0.8, P(y>1 | y>0) = 0.5: P = 0.2, 0.4, 0.4
    logits = torch.logit(torch.tensor([[0.8, 0.5]]))
    p = log_probabilities(Head.CORN, logits).exp()
    assert torch.allclose(p, torch.tensor([[0.2, 0.4, 0.4]]), atol=1e-6)


@pytest.mark.parametrize("kind", list(Fusion))
def test_stacked_members_equal_single_ones(kind: Fusion) -> None:
    """As they are trained and served: what looks at the values of its tokens cannot be stacked."""
    config = FusionConfig(NAMES, fusion=kind)
    parameters = initial(config, 3, seed=1)
    tokens, present = torch.randn(6, 3, 14), torch.rand(6, 3) > 0.3
    stacked, _ = run(config, parameters, tokens, present)
    single = FusionModel(config).eval()
    for m in range(3):
        single.load_state_dict({name: value[m] for name, value in parameters.items()})
        logits = single(tokens, present).logits
        assert torch.allclose(stacked[m], log_probabilities(Head.SOFTMAX, logits), atol=1e-5)


def test_heads_stay_small() -> None:
    for kind in Fusion:
        assert parameter_count(FusionConfig(NAMES, fusion=kind)) < 50_000
