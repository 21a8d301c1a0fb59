"""Synthetic people with features: PD moves less, so every model has something to find."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.features import columns_of

EXPRESSIONS = ("smile", "disgust")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def write_people(
    path: Path, *, people: int = 160, seed: int = 0, strength: float = 1.5, test_share: float = 0.0
) -> Path:
    """A labelled table: every second person has PD and moves less by ``strength`` in log-variance;
    the grade follows how much less."""
    generator = np.random.default_rng(seed)
    columns = [name for e in EXPRESSIONS for name in columns_of(e)]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["subject", "protocol", "pd", "grade", "split", "note", *columns])
        for n in range(people):
            pd = n % 2
            lack = strength * pd * generator.uniform(0.5, 1.5)
            cells = []
            for name in columns:
                if name.endswith("_var"):
                    cells.append(f"{np.exp(-7 - lack + generator.normal()):.9g}")
                else:
                    cells.append(f"{0.4 + 0.05 * generator.normal():.9g}")
            split = "test" if n < people * test_share else "train"
            grade = min(int(lack * 2), 4)
            writer.writerow([f"p{n:04d}", "home", pd, grade, split, f"row “{n}”", *cells])
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_people(tmp_path / "people.csv")
