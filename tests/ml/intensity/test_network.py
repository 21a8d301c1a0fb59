"""The network's parts do what their formulas say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from ml.errors import ConfigError
from ml.intensity.encoder import frame_encoder
from ml.intensity.network import IntensityNetwork, TemporalTransformer, masked_median
from ml.intensity.network_config import NetworkConfig
from ml.intensity.weights import load, random_clip
from ml.training.clip_source.prompts import PromptLearner, tokenise
from ml.training.clip_source.towers import (
    ALL_BLOCKS,
    TextTower,
    TowerError,
    count_trainable,
    unlock_image_tower,
    unlock_text_tower,
)
from tests.ml.tiny_clip import NETWORK
from vocabulary.expressions import EXPRESSIONS, Expression


def batch(frames: int, rows: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    times = torch.arange(frames).repeat(rows, 1) / 10
    return torch.randn(rows, frames, 32), times, torch.ones(rows, frames, dtype=torch.bool)


def test_text_tower_equals_open_clip_when_the_context_is_the_words_themselves(
    tiny_weights: Path,
) -> None:
    clip = load(f"local-dir:{tiny_weights}")
    tower = TextTower(clip.model)
    learner = PromptLearner(tower, ("rest", "smile"), 8)
    with torch.no_grad():
        learner.context.copy_(tower.token_embedding(learner.tokens)[:, 1:9])
        ours = learner(tower)
        tokenizer = SimpleTokenizer(context_length=77)
        classes = (Expression.REST, Expression.SMILE)
        words = [" ".join([*["x"] * 8, e.entry.descriptor]) for e in classes]
        theirs = clip.model.encode_text(tokenizer(words))  # type: ignore[operator]
    torch.testing.assert_close(ours, theirs)


def test_each_expression_has_its_own_context(tiny_weights: Path) -> None:
    tower = TextTower(load(f"local-dir:{tiny_weights}").model)
    learner = PromptLearner(tower, ("rest", "smile"), 8)
    before = learner(tower)
    with torch.no_grad():
        learner.context[1] = torch.randn_like(learner.context[1])
    after = learner(tower)
    torch.testing.assert_close(before[0], after[0])
    assert (before[1] - after[1]).abs().max() > 1e-3


def test_a_descriptor_that_would_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="disgust"):
        tokenise(("disgust",), 8, 16)


def test_every_descriptor_fits_the_usual_context_length() -> None:
    assert tokenise(EXPRESSIONS, 16, 77).shape == (len(EXPRESSIONS), 77)


def test_padding_changes_no_score() -> None:
    torch.manual_seed(0)
    network = IntensityNetwork(NETWORK).eval()
    for parameter in network.temporal.leave.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    frames, times, mask = batch(12)
    text = torch.randn(3, 32)
    whole = network(frames, times, mask, text)
    longer = torch.cat([frames, torch.randn(2, 5, 32)], 1)
    more_times = torch.cat([times, torch.zeros(2, 5)], 1)
    more_mask = torch.cat([mask, torch.zeros(2, 5, dtype=torch.bool)], 1)
    padded = network(longer, more_times, more_mask, text)
    torch.testing.assert_close(padded.delta[:, :12], whole.delta, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(padded.class_cosines, whole.class_cosines, atol=1e-5, rtol=1e-4)


def test_untrained_temporal_transformer_keeps_what_clip_knows() -> None:
    temporal = TemporalTransformer(NETWORK)
    frames, times, mask = batch(9)
    tokens, clip = temporal(frames, times, mask)
    torch.testing.assert_close(tokens, frames)
    torch.testing.assert_close(clip, frames.mean(1))


def test_positions_follow_time_not_frame_numbers() -> None:
    temporal = TemporalTransformer(NETWORK)
    whole = temporal.position(torch.arange(20).view(1, -1) / 10)
    dropped = temporal.position(torch.tensor([[0.0, 0.3, 1.9]]))
    torch.testing.assert_close(dropped[0], whole[0, [0, 3, 19]])


def test_clips_longer_than_the_table_still_have_distinct_positions() -> None:
    temporal = TemporalTransformer(NETWORK)  # 64 positions: 6.4 s
    positions = temporal.position(torch.arange(300).view(1, -1) / 10)[0]
    assert torch.isfinite(positions).all()
    assert (positions.diff(dim=0).abs().amax(1) > 0).all()


def test_median_ignores_padding() -> None:
    values = torch.tensor([[[3.0], [1.0], [2.0], [99.0]], [[4.0], [8.0], [6.0], [5.0]]])
    mask = torch.tensor([[True, True, True, False], [True, True, True, True]])
    assert masked_median(values, mask)[:, 0, 0].tolist() == [2.0, 5.0]
    with pytest.raises(ValueError, match="median"):
        masked_median(values, torch.zeros_like(mask))


def test_rest_is_zero_and_the_scale_is_learned() -> None:
    network = IntensityNetwork(NETWORK)
    zero = torch.zeros(1, 1, 2)
    delta = torch.tensor([[[0.0, 0.0], [0.05, 0.05], [-0.05, 5.0]]])
    signed = network.signed_intensity(delta, zero)
    np.testing.assert_allclose(signed[0, 0].detach().numpy(), 0, atol=1e-6)
    expected = np.tanh(0.05 / NETWORK.initial_tau / 2)  # 2σ(x) − 1 = tanh(x / 2)
    np.testing.assert_allclose(signed[0, 1].detach().numpy(), expected, rtol=1e-5)
    assert signed[0, 2, 0] < 0 < signed[0, 2, 1] <= 1
    assert network.log_tau.requires_grad
    assert len(network.tau) == 2


@pytest.mark.parametrize("blocks", [0, 1, 2, ALL_BLOCKS])
def test_unlocking_leaves_trainable_what_it_says(tiny_weights: Path, blocks: int) -> None:
    visual = load(f"local-dir:{tiny_weights}").model.visual
    assert isinstance(visual, torch.nn.Module)
    found = unlock_image_tower(visual, blocks)
    one_block = sum(p.numel() for p in visual.transformer.resblocks[0].parameters())  # type: ignore[union-attr]
    if blocks == 0:
        assert found.trainable == 0
    elif blocks == ALL_BLOCKS:
        assert found.trainable == found.total
    else:
        # open_clip's own lock(unlocked_groups=1) would leave only the projection.
        assert blocks * one_block < found.trainable < found.total
    assert found == count_trainable(visual)


def test_impossible_unlocking_is_refused(tiny_weights: Path) -> None:
    visual = load(f"local-dir:{tiny_weights}").model.visual
    assert isinstance(visual, torch.nn.Module)
    with pytest.raises(TowerError, match="3 of 2"):
        unlock_image_tower(visual, 3)
    with pytest.raises(TowerError, match="vision transformer"):
        unlock_image_tower(torch.nn.Linear(2, 2), 1)


def test_word_embeddings_stay_as_pretrained(tiny_weights: Path) -> None:
    tower = TextTower(load(f"local-dir:{tiny_weights}").model)
    assert unlock_text_tower(tower, False).trainable == 0
    found = unlock_text_tower(tower, True)
    assert found.trainable == found.total - 49408 * 64


def test_batches_run_across_clips_and_change_nothing(tiny_weights: Path) -> None:
    encoder = frame_encoder(load(f"local-dir:{tiny_weights}"))
    rng = np.random.default_rng(0)
    clips = [rng.integers(0, 256, (n, 40, 40, 3), dtype=np.uint8) for n in (3, 0, 21, 11)]
    together = encoder.encode_clips(clips)
    assert [len(rows) for rows in together] == [3, 0, 21, 11]
    for crops, rows in zip(clips, together, strict=True):
        np.testing.assert_allclose(encoder.encode(crops), rows, atol=1e-5)


def test_bf16_weights_give_nearly_the_same_embeddings(tiny_weights: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    exact = frame_encoder(load(f"local-dir:{tiny_weights}")).encode(crops)
    fast = frame_encoder(load(f"local-dir:{tiny_weights}"), "bf16").encode(crops)
    cosine = (exact * fast).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(fast, axis=1)
    assert fast.dtype == np.float32
    assert cosine.min() > 0.999
    assert not np.array_equal(exact, fast)


@pytest.mark.parametrize(
    "wrong",
    [
        {"expressions": ("smile", "rest")},
        {"expressions": ("grin",)},
        {"temporal_width": 30},
        {"initial_tau": 0.0},
    ],
)
def test_impossible_settings_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        NetworkConfig.from_json({"temporal_heads": 8, **wrong})


def test_settings_survive_json_and_unknown_ones_are_refused() -> None:
    assert NetworkConfig.from_json(NETWORK.to_json()) == NETWORK
    with pytest.raises(ConfigError, match="widht"):
        NetworkConfig.from_json({"widht": 3})


def test_the_full_size_is_the_published_recipe() -> None:
    clip = random_clip("ViT-B-32")
    config = NetworkConfig()
    assert clip.embed_dim == config.embed_dim == 512
    assert clip.preprocess.size == 224
    assert (config.temporal_depth, config.temporal_heads, config.temporal_width) == (1, 8, 512)
    assert config.context_tokens == 8
    assert config.positions >= 100
