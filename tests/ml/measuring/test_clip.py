"""One clip becomes a measurement; whatever a file holds, the answer is a result, never an error."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ml.errors import WrongUse
from ml.intensity.geometric import GeometricSource, healthy_displacement
from ml.measuring import quality
from ml.measuring.clip import measure_clip, measurer_digest
from ml.measuring.geometry import SIGNALS
from ml.measuring.measurement import Measurement
from ml.measuring.video import Announced, Limits
from ml.scoring import assessment
from ml.scoring import bundle as bundles
from ml.scoring.assessment import material
from tests.ml.conftest import Draw, Picture, even_times, write_video
from vocabulary import assessment as shape
from vocabulary.reasons import UnusableReason


@pytest.fixture(scope="module")
def still(portrait_clip: Path) -> Measurement:
    return measure_clip(portrait_clip, expression="smile", cues=[0.5])


def test_a_real_face_that_keeps_still_shows_no_movement(still: Measurement) -> None:
    assert still.state == "measured"
    healthy = healthy_displacement("smile") / 2
    for name, usual in zip(SIGNALS, healthy, strict=True):
        assert still.stats[f"{name}_var"] < (0.35 * usual) ** 2, name
    curve = GeometricSource().curve(material(still), None)
    assert np.nanmax(curve.intensity) < 0.05


def test_two_encodings_of_one_clip_measure_alike(
    still: Measurement, portrait_film: list[Picture], tmp_path: Path
) -> None:
    webm = write_video(
        tmp_path / "a.webm", portrait_film, even_times(1.5), "libvpx", {"b": "2500k"}
    )
    other = measure_clip(webm, expression="smile")
    for name in SIGNALS:
        assert other.stats[f"{name}_mean"] == pytest.approx(still.stats[f"{name}_mean"], rel=0.02)


def test_a_measurement_survives_json_without_loss(still: Measurement) -> None:
    text = json.dumps(still.to_json(), allow_nan=False)
    assert Measurement.from_json(json.loads(text)) == still


def test_another_schema_is_refused(still: Measurement) -> None:
    with pytest.raises(ValueError, match="schema"):
        Measurement.from_json(still.to_json() | {"schema": 99})


def test_frames_keep_the_cameras_times(portrait: Picture, tmp_path: Path) -> None:
    uneven = [0.0, 0.04, 0.1, 0.13, 0.2, *(0.2 + 0.04 * i for i in range(1, 25)), 1.31, 1.4]
    clip = write_video(tmp_path / "uneven.mp4", [portrait] * len(uneven), uneven)
    measured = measure_clip(clip, expression="rest")
    assert measured.timestamps == pytest.approx(uneven, abs=0.0006)
    assert measured.quality.frame_rate == pytest.approx(25, abs=0.5)
    assert len(measured.signals["mouth-width"]) == len(uneven)


def test_stage_times_add_up_to_the_whole(still: Measurement) -> None:
    timing = still.timing
    stages = timing["decode_s"] + timing["mesh_s"] + timing["geometry_s"]
    assert 0 < stages <= timing["total_s"]


def test_wrong_use_is_told_apart_from_a_bad_clip(portrait_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="one of: rest, smile"):
        measure_clip(portrait_clip, expression="grin")
    with pytest.raises(WrongUse, match="no such file"):
        measure_clip(tmp_path / "none.mp4", expression="smile")


@pytest.mark.parametrize(
    "announced",
    [Announced(bytes=10_000_000), Announced(seconds=9.0), Announced(frames=200)],
    ids=["bytes", "seconds", "frames"],
)
def test_less_than_the_browser_recorded_is_truncated(
    portrait_clip: Path, announced: Announced
) -> None:
    measured = measure_clip(portrait_clip, expression="smile", announced=announced)
    assert measured.reason is UnusableReason.TRUNCATED
    assert measured.detail


def test_a_file_that_breaks_off_in_the_middle_is_truncated(
    portrait_clip: Path, tmp_path: Path
) -> None:
    whole = measure_clip(portrait_clip, expression="smile")
    times = even_times(4.5)
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in times]
    clip = write_video(tmp_path / "a.webm", noise, times, "libvpx")
    cut = tmp_path / "cut.webm"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 3])
    announced = Announced(seconds=4.5)
    broken = measure_clip(cut, expression="smile", announced=announced)
    assert broken.reason is UnusableReason.TRUNCATED
    assert whole.reason is None


def test_cues_that_are_no_times_are_left_out(portrait_clip: Path) -> None:
    measured = measure_clip(
        portrait_clip, expression="smile", cues=[0.5, float("nan"), float("inf")]
    )
    assert measured.cues == (0.5,)


@given(
    kind=st.sampled_from(["flip", "cut", "zero", "turn"]),
    where=st.floats(0, 0.999),
    length=st.integers(1, 3000),
    bit=st.integers(0, 7),
)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@pytest.mark.parametrize("codec", ["libx264", "libvpx"])
def test_no_damage_to_a_file_raises(
    tmp_path_factory: pytest.TempPathFactory,
    codec: str,
    kind: str,
    where: float,
    length: int,
    bit: int,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    sound = folder / f"sound-{codec}.mkv"
    if not sound.exists():
        rng = np.random.default_rng(2)
        pictures = [rng.integers(0, 255, (96, 128, 3), np.uint8) for _ in range(32)]
        write_video(sound, pictures, even_times(32 / 30), codec)
    data = bytearray(sound.read_bytes())
    at = int(where * len(data))
    if kind == "flip":
        for step in range(0, length, 97):
            data[(at + step) % len(data)] ^= 1 << bit
    elif kind == "cut":
        data = data[: at + 1]
    elif kind == "zero":
        data[at : at + length] = bytes(len(data[at : at + length]))
    else:
        data = data[at:] + data[:at]
    damaged = folder / f"damaged-{codec}.mkv"
    damaged.write_bytes(bytes(data))
    measured = measure_clip(damaged, expression="smile")
    assert measured.state == "unusable"
    assert isinstance(measured.reason, UnusableReason)
    json.dumps(measured.to_json(), allow_nan=False)


def test_the_measurers_digest_follows_what_decides_a_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = measurer_digest()
    assert before == measurer_digest()
    assert len(before) == 64
    assert measurer_digest("an-encoder") != before
    measurer_digest.cache_clear()
    monkeypatch.setattr(quality, "MIN_FRAME_RATE", 9.0)
    changed = measurer_digest()
    measurer_digest.cache_clear()
    assert changed != before


class EveryTenth:
    """An encoder that is small but real: the mean colour of each crop."""

    digest = "colour"
    rate = 3.0

    def encode(self, crops: np.ndarray) -> np.ndarray:
        assert crops.shape[1:] == (224, 224, 3)
        return crops.mean((1, 2), dtype=np.float32)


def test_crops_for_an_encoder_are_taken_in_the_same_pass(portrait_clip: Path) -> None:
    measured = measure_clip(portrait_clip, expression="smile", encoder=EveryTenth())
    kept = measured.embeddings
    assert kept is not None
    assert kept.digest == "colour"
    assert np.diff(kept.timestamps) == pytest.approx(np.full(4, 1 / 3), abs=0.04)
    assert np.array(kept.vectors).shape == (5, 3)
    assert measured.measurer["digest"] == measurer_digest("colour")
    assert Measurement.from_json(measured.to_json()) == measured


# --- a whole session ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle() -> bundles.Bundle:
    return bundles.load(bundles.default_bundle_path())


@pytest.fixture(scope="module")
def session(drawn: Draw) -> dict[str, Measurement]:
    names = ("rest", "smile", "disgust", "surprise")
    return {name: drawn(name)[0] for name in names}


def test_a_session_is_assessed_with_all_that_a_page_shows(
    bundle: bundles.Bundle, session: dict[str, Measurement]
) -> None:
    result = assessment.assess(session, bundle=bundle).to_json()
    kept = json.loads(json.dumps(result, allow_nan=False))
    # Every part is in the shape that the web checks and publishes, and nothing besides.
    whole = TypeAdapter(shape.Assessment).validate_json(json.dumps(kept), strict=True)
    assert json.loads(json.dumps(whole)) == kept
    assert 0 <= result["hypomimia_index"] <= 100
    low, high = result["p_pd_interval"]
    assert 0 <= low <= result["p_pd"] <= high <= 1
    assert sum(result["attention"].values()) == pytest.approx(1, abs=0.001)
    assert result["missing"] == []
    assert result["bundle"]["digest"] == bundle.digest
    assert result["intensity_source"]["name"] == "geometric"
    assert [clip["expression"] for clip in result["clips"]] == list(session)
    smile = result["clips"][1]
    named = {sign["name"]: sign for sign in smile["signs"]}
    assert named["mouth-width_var"]["percentile"] is not None
    assert named["mouth-width_var"]["norm"]
    for name in ("peak", "onset-latency", "rise-rate", "asymmetry"):
        assert named[name]["percentile"] is None, "nobody measured a norm for this"
    assert len(smile["curve"]["t"]) == len(smile["curve"]["intensity"])
    assert smile["curve"]["reference"] == "rest-clip"
    assert len(smile["curve"]["peaks"]) == 2


def test_without_a_rest_clip_the_curve_says_what_it_is_relative_to(
    bundle: bundles.Bundle, session: dict[str, Measurement]
) -> None:
    result = assessment.assess({"smile": session["smile"]}, bundle=bundle).to_json()
    assert result["clips"][0]["curve"]["reference"] == "same-clip"
    assert result["missing"] == ["disgust", "surprise"]


def test_an_unusable_clip_is_reported_and_not_scored(
    bundle: bundles.Bundle, session: dict[str, Measurement]
) -> None:
    bad = replace(session["smile"], state="unusable", reason=UnusableReason.TOO_DARK, detail="dark")
    with_bad = assessment.assess({**session, "smile": bad}, bundle=bundle).to_json()
    without = {name: m for name, m in session.items() if name != "smile"}
    assert with_bad["p_pd"] == assessment.assess(without, bundle=bundle).to_json()["p_pd"]
    clip = with_bad["clips"][1]
    assert (clip["state"], clip["reason"]) == ("unusable", "too_dark")
    assert (clip["signs"], clip["curve"]) == ([], None)
    assert with_bad["missing"] == ["smile"]


def test_nothing_usable_abstains_with_words_and_without_numbers(bundle: bundles.Bundle) -> None:
    bad = Measurement("smile", "unusable", UnusableReason.NO_FACE, "no face")
    result = assessment.assess({"smile": bad}, bundle=bundle).to_json()
    assert result["abstained"]
    assert result["abstained_words"]
    assert (result["p_pd"], result["hypomimia_index"]) == (None, None)
    empty = assessment.assess({}, bundle=bundle).to_json()
    assert empty["abstained"]


def test_the_sites_prevalence_moves_the_probability(
    bundle: bundles.Bundle, session: dict[str, Measurement]
) -> None:
    rare = assessment.assess(session, bundle=bundle, prevalence=0.01).to_json()
    usual = assessment.assess(session, bundle=bundle, prevalence=0.5).to_json()
    assert rare["p_pd"] < usual["p_pd"]
    assert rare["prevalence"] == 0.01


def test_pictures_that_were_mostly_lost_abstain(
    bundle: bundles.Bundle, session: dict[str, Measurement]
) -> None:
    holed = {
        name: replace(m, quality=replace(m.quality, dropped_share=0.5))
        for name, m in session.items()
    }
    result = assessment.assess(holed, bundle=bundle).to_json()
    assert result["abstained"] == "poor_capture"
    assert result["p_pd"] is not None


def test_limits_come_from_the_caller(portrait_clip: Path) -> None:
    limits = Limits(max_seconds=0.5)
    measured = measure_clip(portrait_clip, expression="smile", limits=limits)
    assert measured.reason is UnusableReason.TOO_LONG
