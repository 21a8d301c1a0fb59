"""What a training batch varies: light, camera and side, seeded by the pair alone."""

import numpy as np

from ml.training.clip_source.examples import Example, Pair
from ml.training.clip_source.learner import Batch, Cut, make_batch

CLASSES = ("rest", "smile")


def pair(frames: np.ndarray) -> Pair:
    count = len(frames)
    times = (np.arange(count) / 10).astype(np.float32)
    truth = np.zeros(count, np.float32)
    return Pair(*(Example("p", e, times, frames, truth) for e in ("smile", "rest")))


def batch(frames: np.ndarray, cut: Cut, seed: int = 3) -> Batch:
    return make_batch([pair(frames)], CLASSES, cut, [(1, 2, seed)])


def test_pictures_vary_in_light_noise_and_side_and_the_same_seed_gives_the_same() -> None:
    grey = np.full((8, 4, 6, 3), 100, np.uint8)
    grey[:, :, 3:] = 140
    lit = batch(grey, Cut(8, 8, 0.0, light=0.5)).clip.frames.numpy()
    assert abs(int(lit[0, 0, 0, 0, 0]) - 100) > 5
    assert len(np.unique(lit[0, :, :, :3])) == 1, "one light for the whole clip"
    noisy = batch(grey, Cut(8, 8, 0.0, noise=20.0)).clip.frames.numpy()
    assert noisy[0, :, :, :3].std() > 1
    np.testing.assert_array_equal(noisy, batch(grey, Cut(8, 8, 0.0, noise=20.0)).clip.frames)
    sides = set()
    for seed in range(12):
        found = batch(grey, Cut(8, 8, 0.0, flip=True), seed)
        clip, rest = (part.frames.numpy()[0, 0, 0, 0, 0] for part in (found.clip, found.rest))
        assert clip == rest, "a person is mirrored as a whole"
        sides.add(int(clip))
    assert sides == {100, 140}


def test_ready_made_embeddings_and_plain_cuts_are_left_alone() -> None:
    rows = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    varied = batch(rows, Cut(8, 8, 0.0, light=0.5, noise=20.0, flip=True))
    np.testing.assert_array_equal(varied.clip.frames[0], rows)
    grey = np.full((8, 4, 6, 3), 100, np.uint8)
    np.testing.assert_array_equal(batch(grey, Cut(8, 8, 0.0)).clip.frames[0], grey)
