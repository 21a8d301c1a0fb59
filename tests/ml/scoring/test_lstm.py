"""Curves to a probability: sampled without stretching, masked, learned, refused when mixed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from experiments.phantom.people import FEATURES, curve_features
from ml.errors import CohortError, ConfigError, SourceError, WeightsError
from ml.intensity.source import IntensityCurve, RestReference, SourceIdentity
from ml.measuring.geometry import SIGNALS
from ml.measuring.measurement import Measurement, series
from ml.phantom.movement import blinks
from ml.scoring import lstm
from ml.scoring.curve_sampling import SessionCurves, resample, stack
from ml.scoring.lstm import DiagnosisModel, FitSettings, fit
from ml.scoring.lstm_network import DiagnosisConfig, DiagnosisNetwork, batch_of
from ml.scoring.session_signs import SIGNS, session_signs

GEOMETRIC = SourceIdentity("geometric", "1", "a" * 64)
OTHER = SourceIdentity("clip", "1", "b" * 64)
CONFIG = DiagnosisConfig(expressions=("smile", "surprise"), units=16, longest=8.0)
QUICK = FitSettings(epochs=25, rate=1e-2)


def curve(
    expression: str, amplitude: float, *, seconds: float = 6.0, rate: float = 30.0,
    source: SourceIdentity = GEOMETRIC, seed: int = 0,
) -> IntensityCurve:  # fmt: skip
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.02, len(t))
    intensity = np.abs(amplitude * np.sin(np.pi * t / 2) ** 2 + noise)
    return IntensityCurve(expression, t, intensity, source, RestReference.REST_CLIP)


def people(count: int, seed: int) -> tuple[list[SessionCurves], npt.NDArray[np.int64]]:
    """Half of them move half as much."""
    rng = np.random.default_rng(seed)
    pd = np.arange(count) % 2
    sessions = []
    for number, ill in enumerate(pd):
        size = rng.normal(0.5 if ill else 1.0, 0.12)
        curves = {e: curve(e, max(size, 0.05), seed=seed + number) for e in CONFIG.expressions}
        sessions.append(stack(curves, CONFIG.expressions, CONFIG.longest))
    return sessions, pd.astype(np.int64)


@pytest.fixture(scope="module")
def trained() -> DiagnosisModel:
    return fit(*people(48, 1), CONFIG, QUICK)


def test_the_grid_keeps_slow_movement_and_its_length() -> None:
    t = np.sort(np.random.default_rng(0).uniform(0, 5, 150))
    values, mask = resample(t, np.sin(2 * np.pi * 0.5 * t))
    assert len(values) == int(t[-1] * 10) + 1
    assert mask.mean() > 0.95
    grid = np.arange(len(values)) / 10
    inner = mask & (grid > 0.3) & (grid < t[-1] - 0.3)
    np.testing.assert_allclose(values[inner], np.sin(2 * np.pi * 0.5 * grid)[inner], atol=0.12)


def test_what_is_faster_than_the_grid_is_removed_not_folded() -> None:
    t = np.arange(600) / 60
    tremor, _ = resample(t, np.sin(2 * np.pi * 9.0 * t))  # would appear as 1 Hz if only picked
    assert np.abs(tremor[3:-3]).max() < 0.15
    picked = np.sin(2 * np.pi * 9.0 * t)[::6]
    assert np.abs(picked).max() > 0.9


def test_gaps_are_masked_and_lengths_never_stretched() -> None:
    t = np.arange(300) / 30
    values = np.ones(300)
    values[(t > 4) & (t < 6)] = np.nan
    found, mask = resample(t, values)
    assert len(found) == 100
    assert not mask[43:58].any()
    assert mask[:40].all()
    assert (found[~mask] == 0).all()
    assert len(resample(np.zeros(0), np.zeros(0))[0]) == 0


def test_a_session_stacks_expressions_with_their_masks() -> None:
    both = stack({"smile": curve("smile", 1, seconds=4)}, CONFIG.expressions, 8.0)
    assert both.values.shape == (40, 2)
    assert both.mask[:, 0].all()
    assert not both.mask[:, 1].any()
    assert both.source == GEOMETRIC
    long = stack({"smile": curve("smile", 1, seconds=20)}, CONFIG.expressions, 8.0)
    assert len(long.values) == 81
    with pytest.raises(SourceError, match="mixed"):
        stack(
            {"smile": curve("smile", 1), "surprise": curve("surprise", 1, source=OTHER)},
            CONFIG.expressions,
            8.0,
        )


def test_padding_and_hidden_values_change_nothing() -> None:
    torch.manual_seed(0)
    network = DiagnosisNetwork(CONFIG).eval()
    short = stack({"smile": curve("smile", 1, seconds=3)}, CONFIG.expressions, 8.0)
    long = stack({"smile": curve("smile", 0.4, seconds=7)}, CONFIG.expressions, 8.0)
    alone = network(batch_of([short])).logits
    together = network(batch_of([short, long])).logits
    torch.testing.assert_close(alone[0], together[0])
    dirty = short.values.copy()
    dirty[:, 1] = 99.0  # where the mask is False
    seen = network(batch_of([SessionCurves(dirty, short.mask, short.source)])).logits
    torch.testing.assert_close(seen, alone)


def test_the_default_network_has_the_papers_size() -> None:
    network = DiagnosisNetwork(DiagnosisConfig())
    assert network.lstm.num_layers == 1
    assert network.lstm.hidden_size == 64
    assert 15_000 < sum(p.numel() for p in network.parameters()) < 25_000


def test_it_learns_people_it_has_not_seen(trained: DiagnosisModel) -> None:
    sessions, pd = people(60, 500)
    p_pd, states = trained.ask_all(sessions)
    assert ((p_pd > 0.5) == pd).mean() > 0.9
    assert states.shape == (60, 16)
    assert trained.prevalence == 0.5


def test_training_is_seeded(trained: DiagnosisModel) -> None:
    again = fit(*people(48, 1), CONFIG, QUICK)
    for name, tensor in trained.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name


def ask(trained: DiagnosisModel, curves: Mapping[str, IntensityCurve]) -> float | None:
    return trained.ask(curves).p_pd


def test_missing_expressions_are_masked_not_read_as_still(trained: DiagnosisModel) -> None:
    whole = {e: curve(e, 1.0) for e in CONFIG.expressions}
    still = {**whole, "surprise": curve("surprise", 0.0)}
    missing = {"smile": whole["smile"]}
    found = [ask(trained, c) for c in (whole, still, missing)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[2] is not None
    assert abs(found[2] - found[0]) < abs(found[1] - found[0])
    assert trained.ask(missing).used == ("smile",)
    nothing = trained.ask({})
    assert nothing.p_pd is None
    assert nothing.state is None


def blinker(expression: str, per_minute: float) -> Measurement:
    """Twenty seconds of a face that does nothing but blink."""
    t = np.arange(600) / 30
    signals = np.full((600, 7), 0.3)
    starts = np.arange(0.5, 19.5, 60 / per_minute)
    signals[:, [0, 1]] *= 1 - 0.8 * blinks(t, starts.tolist())[:, None]
    named = {name: series(signals[:, i], 5) for i, name in enumerate(SIGNALS)}
    return Measurement(expression, "measured", timestamps=tuple(t.tolist()), signals=named)


def test_signs_are_of_the_session_and_missing_ones_are_unknown() -> None:
    session = {"rest": blinker("rest", 6), "smile": blinker("smile", 18)}
    rate, lips = session_signs(session, ("blink-rate", "lips-parted"))
    assert rate == pytest.approx(12, abs=1)
    assert lips == 1.0  # this mouth stands open
    assert np.isnan(session_signs({}, SIGNS)).all()
    without_rest = session_signs({"smile": session["smile"]}, SIGNS)
    assert without_rest[0] == pytest.approx(18, abs=1)
    assert np.isnan(without_rest[1:]).all()


def test_a_model_reads_signs_and_tells_grades(tmp_path: Path) -> None:
    config = replace(CONFIG, signs=("blink-rate",), grades=3)
    rng = np.random.default_rng(3)
    grade = rng.integers(0, 3, 60)
    still = stack({"smile": curve("smile", 0.5)}, CONFIG.expressions, CONFIG.longest)
    sessions = [
        replace(still, signs=np.array([np.nan if i % 20 == 0 else 4 + 8 * g], np.float32))
        for i, g in enumerate(grade)
    ]
    trained = fit(sessions, (grade == 0).astype(np.int64), config, QUICK, grade)
    told = trained.grades_all(sessions)
    assert (told.argmax(1) == grade).mean() > 0.9
    trained.save(tmp_path)
    again = lstm.load(tmp_path)
    np.testing.assert_allclose(again.grades_all(sessions), told, atol=1e-6)
    asked = {"smile": curve("smile", 0.5)}
    rarely = again.ask(asked, {"rest": blinker("rest", 4)})
    often = again.ask(asked, {"rest": blinker("rest", 20)})
    assert rarely.grades is not None
    assert often.grades is not None
    assert rarely.grades.argmax() == 0
    assert often.grades.argmax() == 2
    with pytest.raises(CohortError, match="grade"):
        fit(sessions, (grade == 0).astype(np.int64), config, QUICK, grade + 1)
    with pytest.raises(ConfigError, match="signs"):
        DiagnosisConfig(signs=("shoe-size",))


def test_another_sources_curves_are_refused(trained: DiagnosisModel) -> None:
    with pytest.raises(SourceError, match="trained on curves of the geometric"):
        trained.ask({"smile": curve("smile", 1, source=OTHER)})


def test_a_stored_model_answers_the_same(trained: DiagnosisModel, tmp_path: Path) -> None:
    trained.save(tmp_path)
    again = lstm.load(tmp_path)
    curves = {e: curve(e, 0.7) for e in CONFIG.expressions}
    first, second = trained.ask(curves), again.ask(curves)
    assert first.p_pd == second.p_pd
    assert first.state is not None
    np.testing.assert_array_equal(first.state, second.state)
    assert again.source == GEOMETRIC


def test_a_save_that_was_killed_is_not_taken_for_whole(
    trained: DiagnosisModel, tmp_path: Path
) -> None:
    unwritable = replace(trained, card={"nobody": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        unwritable.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {lstm.FILES.tensors}
    with pytest.raises(WeightsError, match="missing"):
        lstm.load(tmp_path)
    trained.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {lstm.FILES.settings, lstm.FILES.tensors}


def test_a_damaged_model_is_named(trained: DiagnosisModel, tmp_path: Path) -> None:
    trained.save(tmp_path)
    tensors = tmp_path / lstm.FILES.tensors
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"?")
    with pytest.raises(WeightsError, match="changed"):
        lstm.load(tmp_path)
    (tmp_path / lstm.FILES.settings).write_text("{}")
    with pytest.raises(WeightsError, match=r"diagnosis\.json"):
        lstm.load(tmp_path)
    tensors.unlink()
    with pytest.raises(WeightsError, match="missing"):
        lstm.load(tmp_path)


def test_bad_labels_stop_before_training() -> None:
    sessions, pd = people(4, 0)
    with pytest.raises(CohortError, match="empty class"):
        fit(sessions, np.zeros(4, np.int64), CONFIG)
    with pytest.raises(CohortError, match="0 or 1"):
        fit(sessions, pd + 1, CONFIG)
    mixed = SessionCurves(sessions[0].values, sessions[0].mask, OTHER)
    with pytest.raises(SourceError, match="mixed"):
        fit([mixed, *sessions[1:]], pd, CONFIG)
    with pytest.raises(ConfigError):
        DiagnosisConfig(expressions=("grin",))


def test_simple_models_read_the_signs_of_each_expression() -> None:
    shown = curve("smile", 1.0)
    signals = {name: (0.3,) * len(shown.t) for name in SIGNALS}
    measured = Measurement(
        "smile",
        "measured",
        timestamps=tuple(shown.t.tolist()),
        signals=signals,
        cues=(0.0, 2.0, 4.0),
    )
    smile, surprise = np.split(
        np.array(curve_features({"smile": measured}, {"smile": shown}, ("smile", "surprise"))), 2
    )
    found = dict(zip(FEATURES, smile, strict=True))
    assert found["peak"] == pytest.approx(1.0, abs=0.06)
    assert np.isfinite(found["rise-rate"])
    assert np.isnan(surprise).all()
    assert not {"area", "repetitions"} & set(FEATURES), "they grow with a clip's length"
