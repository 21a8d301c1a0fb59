"""What is programmed is what the truth says, and the same seed says it again."""

import json

import numpy as np
import pytest

from ml.phantom import Capture, Program, frame_digest, perform
from ml.phantom.channels import INDEX
from ml.phantom.movement import blink_starts, episodes, minimum_jerk, pulse
from vocabulary.expressions import ASKED

EXACT = {"jitter": 0.0, "blinks_per_minute": 0.0, "head_motion": 0.0}


@pytest.mark.parametrize("expression", ASKED)
def test_the_truth_is_plain_json_with_a_value_for_every_frame(expression: str) -> None:
    clip = perform(expression, seed=3)
    truth = json.loads(json.dumps(clip.truth(), allow_nan=False))
    assert len(truth["t"]) == len(truth["intensity"]) == len(clip.times) == 300
    assert truth["expression"] == expression
    assert truth["phantom"] is True
    assert {"amplitude", "latency_s", "speed", "repetitions", "asymmetry", "blink_rate",
            "lips_parted", "tremor", "identity", "light", "skin", "seed"} <= set(truth)  # fmt: skip


@pytest.mark.parametrize("amplitude", [0.3, 1.0, 1.7])
def test_intensity_peaks_at_the_amplitude_three_times(amplitude: float) -> None:
    clip = perform("smile", program=Program(amplitude=amplitude, **EXACT))
    assert clip.intensity.max() == pytest.approx(amplitude, rel=1e-3)
    high = clip.intensity > 0.5 * amplitude
    assert np.count_nonzero(np.diff(high.astype(int)) == 1) == 3
    assert clip.intensity[0] == 0.0


def test_rest_has_no_intensity_and_no_cue() -> None:
    clip = perform("rest", amplitude=1.0)
    assert not clip.intensity.any()
    assert clip.cues == ()


def test_movement_begins_the_programmed_latency_after_each_cue() -> None:
    clip = perform("anger", program=Program(latency_s=0.45, **EXACT), capture=Capture(fps=100.0))
    for cue, onset in zip(clip.cues, clip.onsets, strict=True):
        assert onset - cue == pytest.approx(0.45, abs=1e-3)
        near = (clip.times > cue - 0.05) & (clip.times < cue + 1.0)
        moving = clip.times[near][clip.intensity[near] > 1e-3]
        assert onset < moving[0] < onset + 0.08


def test_speed_is_the_rate_of_the_rise() -> None:
    slow, fast = (
        perform("smile", program=Program(speed=speed, **EXACT), capture=Capture(fps=60.0))
        for speed in (0.5, 1.0)
    )
    rates = [np.gradient(clip.intensity, clip.times).max() for clip in (slow, fast)]
    assert rates[1] / rates[0] == pytest.approx(2.0, rel=0.05)


def test_blinks_happen_at_the_programmed_rate() -> None:
    counts = [len(blink_starts(np.random.default_rng(seed), 10.0, 18.0)) for seed in range(400)]
    assert np.mean(counts) == pytest.approx(3.0, abs=0.12)
    clip = perform("rest", seed=1, program=Program(blinks_per_minute=18.0))
    closed = clip.channels[:, INDEX["blink_left"]] > 0.8
    assert np.count_nonzero(np.diff(closed.astype(int)) == 1) == len(clip.blink_starts)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_lips_are_parted_for_the_programmed_share_of_the_rest(share: float) -> None:
    t = np.arange(0, 30, 1 / 30)
    parted = np.mean([episodes(t, np.random.default_rng(k), share).mean() for k in range(20)])
    assert parted == pytest.approx(share, abs=0.05)


def test_tremor_has_its_frequency() -> None:
    plan = Program(tremor=1.0, tremor_hz=5.0, **EXACT)
    jaw = perform("rest", program=plan).channels[:, INDEX["jaw"]]
    power = np.abs(np.fft.rfft(jaw - jaw.mean()))
    assert np.fft.rfftfreq(len(jaw), 1 / 30)[power.argmax()] == pytest.approx(5.0, abs=0.5)


def test_the_upper_face_can_move_less_than_the_lower() -> None:
    full, half = (perform("disgust", program=Program(upper=u, **EXACT)) for u in (1.0, 0.5))
    for name, factor in (("brow_down_left", 0.5), ("sneer_left", 1.0)):
        ratio = half.channels[:, INDEX[name]].max() / full.channels[:, INDEX[name]].max()
        assert ratio == pytest.approx(factor, rel=0.02)


def test_the_same_seed_draws_the_same_bytes() -> None:
    small = Capture(width=160, height=120, fps=10)
    digests = [
        frame_digest(perform("fear", seed=seed, seconds=1.0, capture=small)) for seed in (5, 5, 6)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_one_parameter_leaves_the_other_random_parts_alone() -> None:
    plain = perform("smile", seed=9)
    slower = perform("smile", seed=9, program=Program(speed=0.5))
    assert plain.blink_starts == slower.blink_starts
    yaw = INDEX["yaw"]
    assert np.array_equal(plain.channels[:, yaw], slower.channels[:, yaw])


def test_frame_times_tell_of_dropped_and_uneven_frames() -> None:
    film = Capture(dropped=0.3, variable_rate=0.2)
    clip = perform("smile", seed=2, capture=film)
    assert 180 < len(clip.times) < 240
    gaps = np.diff(clip.times)
    assert (gaps > 0).all()
    assert gaps.std() > 0.01
    assert np.allclose(clip.times, np.round(clip.times, 3))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amplitude": -1.0}, {"amplitude": 9.0}, {"speed": 0.0}, {"repetitions": -1},
        {"asymmetry": 2.0}, {"lips_parted": 1.5}, {"latency_s": -0.1},
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|share"):
        Program(**wrong)  # type: ignore[arg-type]


def test_minimum_jerk_is_flat_at_both_ends() -> None:
    s = np.linspace(0, 1, 1001)
    rise = minimum_jerk(s)
    assert (rise[0], rise[-1]) == (0.0, 1.0)
    assert (np.diff(rise) >= 0).all()
    assert np.gradient(rise, s)[[0, -1]] == pytest.approx([0, 0], abs=1e-3)
    assert pulse(np.array([0.0, 1.5, 9.0]), 0.5, 0.5, 3.0, 0.5) == pytest.approx([0, 1, 0])


def test_recorded_curves_need_the_data_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from ml.errors import ConfigError

    monkeypatch.delenv("MIMIA_DATA", raising=False)
    with pytest.raises(ConfigError, match="MIMIA_DATA"):
        perform("smile", curves_from="recordings")
