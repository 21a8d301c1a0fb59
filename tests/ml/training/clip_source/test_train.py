"""Training learns, resumes where it was cut off, and is the same on two processes as on one."""

import csv
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr

from ml import phantom
from ml.distributed import Processes
from ml.errors import CohortError, ConfigError
from ml.intensity import clip_source
from ml.intensity.network import masked_median
from ml.intensity.weights import load
from ml.training.clip_source.examples import Example, Pair, pair_with_rest
from ml.training.clip_source.learner import Learner, pad
from ml.training.clip_source.losses import LossWeights
from ml.training.clip_source.run_folder import CONFIG_FILE, LOG_FILE, STATE_FILE
from ml.training.clip_source.run_settings import Rates, TrainConfig
from ml.training.clip_source.train import _epoch, _optimiser, batches, train
from tests.ml.tiny_clip import NETWORK, picture_pairs
from tests.ml.torchrun import torchrun


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn people, three short clips each, in the format of a clinic's export."""
    folder = tmp_path_factory.mktemp("cohort")
    (folder / "truth").mkdir()
    film = phantom.Capture(width=320, height=240, fps=10)
    rows = []
    for person in range(2):
        for expression in ("rest", *NETWORK.expressions):
            name = f"p{person}-{expression}"
            program = phantom.Program(repetitions=1)
            shown = phantom.perform(
                expression, seed=person, seconds=2.0, program=program, capture=film
            )
            phantom.write_clip(folder / f"{name}.mp4", shown)
            (folder / "truth" / f"{name}.json").write_text(json.dumps(shown.truth()))
            digest = hashlib.sha256((folder / f"{name}.mp4").read_bytes()).hexdigest()
            rows.append([f"p{person}", f"{name}.mp4", expression, 0, 0, "phantom", "train", digest])
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["subject", "clip", "expression", "grade", "pd", "protocol", "split", "sha256"]
        )
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def config(cohort: Path, weights: Path, **changes: object) -> TrainConfig:
    start = TrainConfig(
        cohort=str(cohort),
        weights=f"local-dir:{weights}",
        network=NETWORK,
        rates=Rates(image=1e-3, temporal=1e-2, prompt=1e-2),
        optimiser="adamw",
        image_blocks=1,
        epochs=3,
        batch=4,
        frames=12,
        rest_frames=8,
        precision="fp32",
    )
    return replace(start, **changes)  # type: ignore[arg-type]


def tensors(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "source" / clip_source.FILES.tensors)


def assert_close(one: Path, two: Path, tolerance: float) -> None:
    first, second = tensors(one), tensors(two)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], atol=tolerance, rtol=tolerance)


def test_a_run_that_is_cut_off_and_resumed_ends_the_same(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(cohort, saved_tiny)
    train(settings, tmp_path / "whole", cache)

    class Cut(Exception):
        pass

    def cut(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as patched:
        # The power goes after the first epoch's state is on disk.
        patched.setattr("ml.training.clip_source.train._Clock.tell", cut)
        with pytest.raises(Cut):
            train(settings, tmp_path / "cut", cache)
    assert (tmp_path / "cut" / STATE_FILE).is_file()
    assert not (tmp_path / "cut" / "source").exists()
    train(settings, tmp_path / "cut", cache)
    assert_close(tmp_path / "whole", tmp_path / "cut", 0)
    lines = (tmp_path / "cut" / LOG_FILE).read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1, 2]
    card = clip_source.load(tmp_path / "cut" / "source").card
    assert card["phantom_trained"] is True
    assert str(cohort) not in json.dumps(dict(card))


@pytest.mark.nightly
def test_two_processes_learn_what_one_learns(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path
) -> None:
    settings = config(cohort, saved_tiny, epochs=2)
    train(settings, tmp_path / "one", cache)
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({**settings.to_json(), "out": "two"}))
    with torchrun("-m", "ml", "train", str(path), "--cache", str(cache), mark=path) as launcher:
        _, told = launcher.communicate(timeout=480)
    assert launcher.returncode == 0, told
    assert told.count("epoch 2/2") == 1  # only the first process speaks
    # AdamW divides by tiny gradients' roots in the first steps, so rounding shows a little.
    assert_close(tmp_path / "one", tmp_path / "two", 2e-3)


def test_a_second_run_measures_nothing_again(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path
) -> None:
    settings = config(cohort, saved_tiny, epochs=1)
    train(settings, tmp_path / "first", cache)
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    train(settings, tmp_path / "second", cache)
    assert before == {path: path.stat().st_mtime_ns for path in cache.iterdir()}


def test_frozen_towers_stay_as_they_were(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path
) -> None:
    train(config(cohort, saved_tiny, image_blocks=0), tmp_path / "out", cache)
    before, after = load_file(saved_tiny / "open_clip_model.safetensors"), tensors(tmp_path / "out")
    towers = [name for name in after if name.startswith("visual.")]
    assert towers
    assert all(torch.equal(before[name], after[name]) for name in towers)
    assert tensors(tmp_path / "out")["network.temporal.leave.weight"].abs().max() > 0


def test_unlocked_blocks_learn_and_the_others_do_not(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path
) -> None:
    train(config(cohort, saved_tiny, image_blocks=1), tmp_path / "out", cache)
    before, after = load_file(saved_tiny / "open_clip_model.safetensors"), tensors(tmp_path / "out")
    block = "visual.transformer.resblocks.{}.mlp.c_fc.weight"
    assert torch.equal(before[block.format(0)], after[block.format(0)])
    assert not torch.equal(before[block.format(1)], after[block.format(1)])


def test_watched_people_are_reported_and_change_nothing(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path
) -> None:
    other = tmp_path / "cohort"
    shutil.copytree(cohort, other)
    text = (other / "manifest.csv").read_text()
    lines = [
        one.replace(",train,", ",val,") if one[:2] == "p1" else one for one in text.split("\n")
    ]
    (other / "manifest.csv").write_text("\n".join(lines))
    train(config(other, saved_tiny, epochs=2), tmp_path / "watched", cache)
    train(config(other, saved_tiny, epochs=2, watch=()), tmp_path / "alone", cache)
    assert_close(tmp_path / "watched", tmp_path / "alone", 0)
    log = [json.loads(one) for one in (tmp_path / "watched" / LOG_FILE).read_text().splitlines()]
    assert [entry["watched_loss"] > 0 for entry in log] == [True, True]
    assert "watched_loss" not in (tmp_path / "alone" / LOG_FILE).read_text()


def test_other_settings_do_not_mix_into_a_run(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path
) -> None:
    train(config(cohort, saved_tiny, epochs=1), tmp_path / "out", cache)
    with pytest.raises(ConfigError, match="other settings"):
        train(config(cohort, saved_tiny, epochs=2), tmp_path / "out", cache)


def test_a_run_goes_on_where_its_folders_have_moved(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path
) -> None:
    first = train(config(cohort, saved_tiny, epochs=1), tmp_path / "out", cache)
    before = {file.name: file.read_bytes() for file in first.iterdir()}
    shutil.copytree(cohort, tmp_path / "moved" / cohort.name)
    shutil.copytree(saved_tiny, tmp_path / "moved" / saved_tiny.name)
    moved = tmp_path / "moved"
    again = config(moved / cohort.name, moved / saved_tiny.name, epochs=1)
    second = train(again, tmp_path / "out", cache)
    assert {file.name: file.read_bytes() for file in second.iterdir()} == before
    assert str(tmp_path) not in (tmp_path / "out" / CONFIG_FILE).read_text()


def test_an_empty_class_stops_before_training(
    cohort: Path, cache: Path, saved_tiny: Path, tmp_path: Path
) -> None:
    more = replace(NETWORK, expressions=(*NETWORK.expressions, "fear"))
    with pytest.raises(CohortError, match="no clip of fear"):
        train(config(cohort, saved_tiny, network=more), tmp_path / "out", cache)
    wide = replace(NETWORK, embed_dim=64)
    with pytest.raises(ConfigError, match="embed_dim"):
        train(config(cohort, saved_tiny, network=wide), tmp_path / "out", cache)


@pytest.mark.parametrize(
    "wrong",
    [{"optimiser": "lion"}, {"batch": 0}, {"watch": ["train"]}, {"loss": {"speed": 1}}, {"a": 1}],
)
def test_impossible_training_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        TrainConfig.from_json({"cohort": "x", "weights": "y", **wrong})


def test_training_settings_survive_json(cohort: Path, saved_tiny: Path) -> None:
    settings = config(cohort, saved_tiny)
    assert TrainConfig.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    with pytest.raises(ConfigError, match="cohort"):
        TrainConfig.from_json({"weights": "y"})


def test_a_clip_is_paired_with_the_rest_of_its_own_visit() -> None:
    def example(expression: str, session: str) -> Example:
        times = np.zeros(2, np.float32)
        return Example("p", expression, times, np.zeros((2, 3), np.float32), times, session)

    examples = [example(e, s) for s in ("spring", "autumn") for e in ("rest", "smile")]
    pairs = pair_with_rest([*examples, example("smile", "a visit without rest")])
    assert [(p.clip.session, p.clip.expression) for p in pairs] == [
        (e.session, e.expression) for e in examples
    ]
    assert all(p.rest.session == p.clip.session for p in pairs)


def test_processes_share_a_batch_without_changing_it() -> None:
    pairs = picture_pairs(3, seed=0)
    settings = TrainConfig("x", "y", network=NETWORK, batch=4, frames=10, rest_frames=6)
    whole = list(batches(pairs, settings, 1, Processes()))
    shares = [list(batches(pairs, settings, 1, Processes(rank, 2))) for rank in (0, 1)]
    assert len(whole) == 3  # nine clips in steps of four, the last filled from the start
    for step, batch in enumerate(whole):
        frames = torch.cat([share[step].clip.frames for share in shares])
        assert torch.equal(batch.clip.frames, frames)
    with pytest.raises(ConfigError, match="cannot be shared"):
        next(batches(pairs, settings, 0, Processes(0, 3)))


def intensity_of(learner: Learner, pair: Pair) -> np.ndarray:
    with torch.no_grad():
        clip, rest = pad([pair.clip]), pad([pair.rest])
        text = learner.text()
        calm = learner.network(learner.embed(rest), rest.times, rest.mask, text).delta
        delta = learner.network(learner.embed(clip), clip.times, clip.mask, text).delta
        signed = learner.network.signed_intensity(delta, masked_median(calm, rest.mask))
    own = learner.config.expressions.index(pair.clip.expression)
    return np.asarray(signed[0, :, own].clamp_min(0))


@pytest.mark.nightly
def test_the_network_learns_intensity_of_people_it_has_not_seen(saved_tiny: Path) -> None:
    torch.manual_seed(0)
    settings = TrainConfig(
        "x", "y", network=NETWORK, loss=LossWeights(expression=0.2), optimiser="adamw",
        rates=Rates(2e-3, 2e-3, 2e-3), image_blocks=-1, epochs=12, batch=8, frames=24,
        rest_frames=12,
    )  # fmt: skip
    learner = Learner(
        load(f"local-dir:{saved_tiny}"), NETWORK, settings.loss, image_blocks=settings.image_blocks
    )
    optimiser = _optimiser(learner, settings)
    pairs = picture_pairs(16, seed=1)
    for epoch in range(settings.epochs):
        _epoch(learner, optimiser, pairs, settings, epoch, Processes())
    learner.eval()
    held_out = [p for p in picture_pairs(6, seed=2) if p.clip.expression != "rest"]
    found = np.concatenate([intensity_of(learner, pair) for pair in held_out])
    truth = np.concatenate([pair.clip.truth for pair in held_out])
    assert spearmanr(found, truth).statistic > 0.9
