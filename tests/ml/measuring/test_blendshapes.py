"""Blendshapes beside the landmarks: read of a real face in the same pass, or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest

from ml.__main__ import main
from ml.errors import ConfigError, WeightsError
from ml.measuring import blendshapes
from ml.measuring.clip import measure_clip, measurer_digest
from ml.measuring.measurement import Measurement
from ml.scoring.assessment import assess
from ml.scoring.bundle import default_bundle_path, load
from tests.landmarker import MODEL, needs_model


@pytest.fixture(scope="module")
def seen(portrait_clip: Path) -> Measurement:
    return measure_clip(portrait_clip, expression="smile", shapes=blendshapes.load(MODEL))


@needs_model
def test_a_real_smile_is_seen_eight_times_a_second(seen: Measurement) -> None:
    found = seen.blendshapes
    assert found is not None
    assert found.digest == blendshapes.SHA256
    steps = np.diff(found.timestamps)
    assert steps.mean() == pytest.approx(1 / blendshapes.RATE, rel=0.05)
    assert np.abs(steps - steps.mean()).max() < 0.04, "no more than a frame off the grid"
    assert set(found.timestamps) <= set(seen.timestamps)
    mean = dict(zip(blendshapes.NAMES, np.mean(found.vectors, axis=0), strict=True))
    assert mean["mouthSmileLeft"] > 0.4
    assert mean["mouthSmileRight"] > 0.4
    assert mean["mouthFrownLeft"] < 0.05


@needs_model
def test_landmarks_stay_what_they_are_without(seen: Measurement, portrait_clip: Path) -> None:
    plain = measure_clip(portrait_clip, expression="smile")
    assert (plain.signals, plain.stats, plain.blendshapes) == (seen.signals, seen.stats, None)
    assert plain.measurer["digest"] == measurer_digest() != seen.measurer["digest"]
    assert seen.measurer["blendshapes"] == blendshapes.SHA256


@needs_model
def test_they_survive_json_and_measurements_of_before_have_none(seen: Measurement) -> None:
    stored = json.loads(json.dumps(seen.to_json()))
    assert Measurement.from_json(stored) == seen
    del stored["blendshapes"]
    assert Measurement.from_json(stored).blendshapes is None


@needs_model
def test_curves_and_signs_come_from_them_and_the_scores_do_not(
    seen: Measurement, portrait_clip: Path
) -> None:
    bundle, plain = load(default_bundle_path()), measure_clip(portrait_clip, expression="smile")
    with_them = assess({"smile": seen}, bundle=bundle).to_json()
    without = assess({"smile": plain}, bundle=bundle).to_json()
    assert with_them["intensity_source"]["name"] == "blendshapes"
    assert with_them["clips"][0]["curve"]["source"]["name"] == "blendshapes"  # type: ignore[index]
    assert without["intensity_source"]["name"] == "geometric"
    assert with_them["hypomimia_index"] == without["hypomimia_index"]
    assert with_them["p_pd"] == without["p_pd"]
    both = assess({"smile": seen, "rest": plain}, bundle=bundle).to_json()
    assert both["intensity_source"]["name"] == "geometric", "one source for the whole session"


@needs_model
def test_the_command_uses_the_file_that_the_setting_names(
    portrait_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def source() -> str:
        assert main(["measure", str(portrait_clip), "--expression", "smile", "--json"]) == 0
        return str(json.loads(capsys.readouterr().out)["curve"]["source"]["name"])

    monkeypatch.setenv(blendshapes.SETTING, str(MODEL))
    assert source() == "blendshapes"
    monkeypatch.setenv(blendshapes.SETTING, "")
    assert source() == "geometric"


def test_another_file_or_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.task"
    other.write_bytes(b"another model")
    with pytest.raises(WeightsError, match=r"other\.task: not the face landmarker"):
        blendshapes.load(other)
    with pytest.raises(WeightsError, match=r"gone\.task: cannot be read"):
        blendshapes.load(tmp_path / "gone.task")
    monkeypatch.delenv(blendshapes.SETTING, raising=False)
    monkeypatch.setenv("MIMIA_VAR", str(tmp_path))
    assert blendshapes.reader() is None
    with pytest.raises(ConfigError, match=r"run scripts/face_landmarker\.sh"):
        blendshapes.required()
    place = tmp_path / blendshapes.PLACE
    place.parent.mkdir()
    place.write_bytes(b"")
    assert blendshapes.place() == place
