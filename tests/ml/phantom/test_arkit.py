"""Curves from recordings, on a small recording written here in the recordings' own format."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from ml.phantom import Program, arkit, perform
from vocabulary.expressions import POSED


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """20 s at 60 Hz: every blendshape rises fast and falls slowly three times, then is cut off."""
    folder = tmp_path / arkit.FOLDER
    folder.mkdir()
    names = sorted({name for e in POSED for name in e.entry.blendshapes})
    t = np.arange(0, 20, 1 / 60) % 6.0
    level = 0.05 + 0.8 * np.clip(np.minimum((t - 1.0) / 0.2, (4.0 - t) / 2.0), 0.0, 1.0)
    with gzip.open(folder / "take.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Timecode", *names])
        for k, value in enumerate(level):
            writer.writerow([f"00:00:{k / 60:06.3f}", *[f"{value:.6f}"] * len(names)])
    monkeypatch.setenv("MIMIA_DATA", str(tmp_path))
    return folder


def test_each_expression_has_episodes_from_zero_to_one(recordings: Path) -> None:
    for expression in POSED:
        shapes = arkit.episodes(expression)
        assert len(shapes) == 3
        assert shapes.max(1) == pytest.approx(1.0)
        assert shapes[:, [0, -1]] == pytest.approx(0.0, abs=0.06)


def test_a_performance_keeps_the_recordings_unevenness(recordings: Path) -> None:
    plan = Program(amplitude=0.8, jitter=0.0)
    clip = perform("smile", program=plan, curves_from="recordings")
    assert clip.truth()["curves_from"] == "recordings"
    assert clip.intensity.max() == pytest.approx(0.8, rel=0.02)
    rates = np.gradient(clip.intensity, clip.times)
    assert rates.max() > 2 * -rates.min()
