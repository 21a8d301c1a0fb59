"""Members trained side by side: as if each had been trained alone, on its own people only."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ml.errors import ConfigError
from ml.scoring.balance import (
    PRESETS,
    balanced_loss,
    class_counts,
    class_difficulty_weights,
    distribution_weights,
    logit_offsets,
    recall_of,
)
from ml.scoring.classifier import Classifier, ClassifierSpec, by_person, subsets
from ml.scoring.ensemble import (
    BLOCK,
    Examples,
    Parameters,
    Schedule,
    _drop_expressions,
    fit,
    initial,
    run,
)
from ml.scoring.fusion import FusionConfig, FusionModel
from ml.scoring.whitening import Whitening

NAMES = ("smile", "disgust")
#: Nothing is left to chance but what is drawn.
CONFIG = FusionConfig(NAMES, token_width=3, width=4, dropout=0.0, input_dropout=0.0)
SCHEDULE = Schedule(steps=10, batch=16, expression_dropout=0.0, check_every=4)
SHAPE = (48, 2, 3)


@pytest.fixture
def people() -> Examples:
    """Every third one is of class 1, and larger in all numbers."""
    labels = (torch.arange(SHAPE[0]) % 3 == 0).long()
    tokens = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    tokens += 2.0 * labels[:, None, None]
    return Examples(tokens, torch.ones(SHAPE[:2], dtype=torch.bool), labels)


@pytest.fixture
def weights() -> Tensor:
    """The first member draws from one half of the people, the second from the other."""
    first = (torch.arange(SHAPE[0]) < SHAPE[0] // 2).float()
    return torch.stack([first, 1 - first])


@pytest.mark.parametrize("preset", ["plain CE", "adaptive", "logit adjustment"])
def test_a_member_among_others_is_the_same_as_alone(
    people: Examples, weights: Tensor, preset: str
) -> None:
    """Against the plain loop that each of them stands for."""
    balance, inner, count = PRESETS[preset], weights.flip(0), len(weights)
    found = fit(CONFIG, balance, SCHEDULE, people, weights, inner, seed=5)
    counts = class_counts(people.labels, weights, 2)
    omega, offsets = distribution_weights(balance, counts), logit_offsets(balance, counts)
    for m in range(count):
        generator = torch.Generator().manual_seed(5)
        model = FusionModel(CONFIG)
        model.load_state_dict({k: v[m] for k, v in initial(CONFIG, count, 5).items()})
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=SCHEDULE.learning_rate, weight_decay=SCHEDULE.weight_decay
        )
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, SCHEDULE.learning_rate, total_steps=10
        )
        recall = torch.tensor([[0.5, 0.5]])

        def drawn(of: Tensor, generator: torch.Generator = generator) -> Tensor:
            return torch.multinomial(of, 16, True, generator=generator)

        for step in range(10):
            rows = drawn(weights)[m]
            torch.rand((count, 16, 2), generator=generator)  # which expressions are hidden: none
            labels = people.labels[rows]
            logits = model(people.tokens[rows], people.present[rows]).logits
            scores = torch.log_softmax(torch.log_softmax(logits, -1) + offsets[m], dim=-1)
            loss = -scores[torch.arange(16), labels]
            delta = class_difficulty_weights(balance, recall)
            loss = balanced_loss(balance, loss[None], labels[None], omega[m : m + 1], delta).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
            if balance.class_difficulty and step % 4 == 0:
                rows = drawn(inner)[m]
                with torch.no_grad():
                    guess = model(people.tokens[rows], people.present[rows]).logits.argmax(-1)
                fresh = recall_of(people.labels[rows][None], guess[None], 2)
                recall = 0.9 * recall + 0.1 * fresh
        for name, value in model.state_dict().items():
            torch.testing.assert_close(found[name][m], value, atol=1e-5, rtol=1e-4)
            assert not found[name].requires_grad


def test_each_member_learns_from_its_own_people_only(people: Examples, weights: Tensor) -> None:
    """The second half is labelled the other way round."""
    half = SHAPE[0] // 2
    labels = torch.cat([people.labels[:half], 1 - people.labels[half:]])
    schedule = replace(SCHEDULE, steps=120, expression_dropout=0.3)
    config = replace(CONFIG, dropout=0.1, input_dropout=0.1)
    mixed = replace(people, labels=labels)
    fitted = fit(config, PRESETS["plain CE"], schedule, mixed, weights, weights, seed=1)
    scores, attention = run(config, fitted, people.tokens, people.present)
    right = (scores.argmax(-1) == people.labels).float().mean(-1)
    assert right[0] > 0.9
    assert right[1] < 0.1
    assert attention.sum(-1) == pytest.approx(torch.ones(2, SHAPE[0]))
    again = fit(config, PRESETS["plain CE"], schedule, mixed, weights, weights, seed=1)
    assert all(torch.equal(value, again[name]) for name, value in fitted.items())


def test_groups_of_members_read_their_own_tokens(people: Examples) -> None:
    tokens = torch.stack([people.tokens, -people.tokens, 2 * people.tokens])
    grouped = replace(people, tokens=tokens, group=torch.tensor([2, 0]))
    rows = torch.tensor([[1, 2, 3], [3, 4, 5]])
    read, present, labels = grouped.batch(rows)
    assert torch.equal(read, torch.stack([2 * people.tokens[rows[0]], people.tokens[rows[1]]]))
    assert torch.equal(labels, people.labels[rows])
    assert present.shape == (2, 3, 2)
    assert torch.equal(people.batch(rows)[0], people.tokens[rows])


def test_people_are_run_in_blocks_and_nobody_changes_anybody(people: Examples) -> None:
    members = initial(CONFIG, 3, seed=2)
    for count in (1, BLOCK, BLOCK + 1, SHAPE[0]):
        scores, attention = run(CONFIG, members, people.tokens[:count], people.present[:count])
        whole, weighed = run(CONFIG, members, people.tokens, people.present)
        assert scores.shape == (3, count, 2)
        assert torch.equal(scores, whole[:, :count])
        assert torch.equal(attention, weighed[:, :count])
    nobody, none = run(CONFIG, members, people.tokens[:0], people.present[:0])
    assert (nobody.shape, none.shape) == ((3, 0, 2), (3, 0, 2))


def test_members_begin_apart_and_the_same_each_time() -> None:
    state = torch.get_rng_state()
    first, again, other = (initial(CONFIG, 2, seed) for seed in (7, 7, 8))
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in first.items():
        assert value.shape[0] == 2
        assert torch.equal(value, again[name])
    assert not torch.equal(first["project"][0], first["project"][1])
    assert not torch.equal(first["project"], other["project"])


def test_expressions_are_hidden_as_often_as_asked_and_never_all() -> None:
    present = torch.ones(4, 2000, 2, dtype=torch.bool)
    present[:, :500, 1] = False

    def kept(share: float) -> Tensor:
        generator = torch.Generator().manual_seed(3)
        return _drop_expressions(present, Schedule(expression_dropout=share), generator)

    assert torch.equal(kept(0.0), present)
    found = kept(0.2)
    assert not (found & ~present).any()
    assert torch.equal(found[:, :500], present[:, :500]), "the only one stays"
    both = found[:, 500:].float()
    assert both.any(-1).all()
    # Of two, one is hidden with 0.2; where both would be, none is.
    assert both.mean().item() == pytest.approx(0.8 + 0.04, abs=0.01)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"steps": 1}, {"steps": 0}),
        ({"batch": 1}, {"batch": 0}),
        ({"check_every": 1}, {"check_every": 0}),
        ({"learning_rate": 1e-9}, {"learning_rate": 0.0}),
        ({"weight_decay": 0.0}, {"weight_decay": -0.1}),
        ({"expression_dropout": 0.0}, {"expression_dropout": -0.1}),
        ({"expression_dropout": 0.99}, {"expression_dropout": 1.0}),
    ],
)
def test_a_schedule_that_trains_nothing_is_refused(
    good: dict[str, float], bad: dict[str, float]
) -> None:
    assert Schedule(**good)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="must be"):
        Schedule(**bad)  # type: ignore[arg-type]


def test_how_a_member_is_trained_unless_somebody_says_otherwise() -> None:
    """As docs/results.md was made: another default would train another model in silence."""
    assert Schedule() == Schedule(500, 96, 0.03, 0.1, 0.15, 8)
    spec = ClassifierSpec(CONFIG)
    assert (spec.folds, spec.members, spec.whiten, spec.seed) == (5, 3, True, 0)
    assert (spec.balance, spec.schedule) == (PRESETS["adaptive"], Schedule())


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"folds": 2}, {"folds": 1}),
        ({"folds": 100}, {"folds": 101}),
        ({"members": 1}, {"members": 0}),
        ({"members": 100}, {"members": 101}),
        ({"seed": 0}, {"seed": -1}),
    ],
)
def test_a_classifier_without_folds_or_members_is_refused(
    good: dict[str, int], bad: dict[str, int]
) -> None:
    assert ClassifierSpec(CONFIG, **good)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="folds must be 2 to 100"):
        ClassifierSpec(CONFIG, **bad)  # type: ignore[arg-type]


def test_a_classifier_tells_log_odds_by_member_and_by_fold(people: Examples) -> None:
    config = replace(CONFIG, classes=3)
    members: Parameters = initial(config, 4, seed=3)
    spec = ClassifierSpec(config, folds=2, members=2)
    white = Whitening(np.full((2, 3), 0.5), np.tile(2 * np.eye(3), (2, 1, 1)))
    model = Classifier(spec, members, white, np.array([0, 0, 1, 1]), 0.3)
    z = people.tokens.numpy().astype(np.float64)
    z[0, 1] = np.nan
    there = np.isfinite(z).any(axis=-1)
    odds, attention = model.members(z, there)
    scores, weighed = run(config, members, white.tokens(z), torch.from_numpy(there))
    p = scores.exp().numpy()
    # Of all classes but the first, against the first.
    assert odds == pytest.approx(np.log((1 - p[..., 0]) / p[..., 0]), abs=1e-4)
    assert attention == pytest.approx(weighed.numpy())
    assert (odds.dtype, attention.dtype) == (np.float64, np.float64)
    folds = model.by_fold(odds)
    assert folds == pytest.approx(np.stack([odds[:2].mean(0), odds[2:].mean(0)]))


def test_a_persons_members_lie_side_by_side() -> None:
    members = np.arange(24.0).reshape(2, 3, 4)
    turned = by_person(members)
    assert turned.shape == (3, 4, 2)
    assert turned.flags.c_contiguous
    assert turned[2, 1].tolist() == [members[0, 2, 1], members[1, 2, 1]]


def test_every_set_of_expressions_has_its_place() -> None:
    assert subsets(("a",)) == [(0,)]
    assert subsets(("a", "b", "c")) == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
