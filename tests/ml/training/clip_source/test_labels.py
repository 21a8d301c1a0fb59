"""Clips that nobody programmed take their intensity from their blendshapes, if there is a model."""

from pathlib import Path

import numpy as np
import pytest

from ml.cohort.manifest import LabelledClip
from ml.errors import ConfigError
from ml.files import sha256_of
from ml.measuring import blendshapes
from ml.training.clip_source.labels import programmed, taught
from ml.training.cohort_to_bundle import source_for
from ml.training.config import config_from
from tests.landmarker import MODEL, needs_model

TIMES = np.linspace(0.1, 1.3, 7)


def labelled(path: Path, expression: str) -> LabelledClip:
    return LabelledClip(
        "s1", path, expression, None, None, "home", "train", sha256_of(path), None, 2
    )


@needs_model
def test_a_clinics_clip_is_taught_by_its_blendshapes(
    portrait_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(blendshapes.SETTING, str(MODEL))
    smile = labelled(portrait_clip, "smile")
    assert np.isnan(programmed(smile, TIMES)).all()
    truth = taught([smile], tmp_path)(smile, TIMES)
    assert truth.shape == TIMES.shape
    assert np.isfinite(truth).all()
    rest = labelled(portrait_clip, "rest")
    beside = taught([smile, rest], tmp_path)
    assert (beside(rest, TIMES) == 0).all()
    assert beside(smile, TIMES).max() < 0.1, "the same face as at rest"


def test_without_a_model_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(blendshapes.SETTING, "")
    with pytest.raises(ConfigError, match="need the face landmarker"):
        taught([], tmp_path)
    given = {"name": "own", "version": "1", "cohort": "c", "out": "o", "expressions": ["smile"]}
    config = config_from({**given, "intensity_source": "blendshapes"}, tmp_path)
    with pytest.raises(ConfigError, match="need the face landmarker"):
        source_for(config)
