"""What a session's assessment says of its clips, and when it asks not to be relied on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.measuring.measurement import Measurement
from ml.measuring.quality import Quality
from ml.phantom.movement import pulse
from ml.scoring.assessment import (
    ABSTENTIONS,
    MAX_DROPPED,
    _diagnosis,
    assess,
    curve_json,
    session_curves,
)
from ml.scoring.bundle import Bundle, default_bundle_path, load
from ml.scoring.curve_token import CurveToken
from ml.scoring.grades import EXPERIMENTAL
from ml.scoring.lstm import DiagnosisModel
from ml.scoring.lstm_network import DiagnosisConfig, DiagnosisNetwork
from ml.scoring.served_source import source_of
from ml.signs import repetitions
from tests.ml.signs.test_signs import COLUMN, measurement, still
from vocabulary import assessment as shape
from vocabulary.reasons import UnusableReason

T = np.arange(0, 8, 1 / 30)
MODEL = ("smile", "disgust", "surprise")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(default_bundle_path())


def clip(expression: str, dropped: float = 0.0, seed: int = 0) -> Measurement:
    signals = still(T, seed=seed)
    if expression != "rest":
        signals[:, COLUMN["mouth-width"]] += 0.1 * pulse(T, 2.0, 0.6, 5.0, 0.6)
    stats = {}
    for name, column in COLUMN.items():
        stats |= {f"{name}_mean": float(signals[:, column].mean())}
        stats |= {f"{name}_var": float(signals[:, column].var())}
    quality = Quality(dropped_share=dropped)
    return measurement(T, signals, expression, stats=stats, cues=(1.5,), quality=quality)


def session(*expressions: str, dropped: float = 0.0) -> dict[str, Measurement]:
    return {e: clip(e, dropped, seed) for seed, e in enumerate(expressions)}


def test_a_whole_session(bundle: Bundle) -> None:
    told = assess(session("surprise", "rest", "smile", "disgust"), bundle=bundle).to_json()
    assert [one["expression"] for one in told["clips"]] == ["rest", "smile", "disgust", "surprise"]
    assert (told["missing"], told["schema"]) == ([], 1)
    assert set(told) == set(shape.Assessment.__annotations__)
    assert told["bundle"] == {
        "name": bundle.name,
        "version": bundle.version,
        "digest": bundle.digest,
        "sources": bundle.sources,
    }
    assert told["prevalence"] == round(bundle.metadata["prevalence"], 4)
    (score,) = bundle.score([_row("smile", "disgust", "surprise")])
    for name, decimals in (("hypomimia_index", 2), ("p_pd", 4), ("severity_expected", 3)):
        assert told[name] == pytest.approx(getattr(score, name), abs=0.51 * 10**-decimals)
        assert told[name] == round(told[name], decimals)
    assert told["severity"] == {g: pytest.approx(p, abs=5.1e-5) for g, p in score.severity.items()}
    assert (told["severity_reason"], told["severity_experimental"]) == (EXPERIMENTAL, True)
    assert told["hypomimia_reference"] == score.reference
    assert told["p_pd_interval"] == pytest.approx(score.p_pd_interval, abs=5.1e-5)
    assert told["prediction_set"] == list(score.prediction_set)
    assert set(told["attention"]) == set(told["leave_one_out"]) == set(MODEL)
    for one in told["leave_one_out"].values():
        assert set(one) == {"hypomimia_index", "p_pd"}
    smile = told["clips"][1]
    assert (smile["state"], smile["reason"], smile["detail"]) == ("measured", None, "")
    assert smile["quality"] == Quality().to_json()
    assert {"peak", "onset-latency", "mouth-width_var"} <= {s["name"] for s in smile["signs"]}
    assert any(sign["percentile"] is not None for sign in smile["signs"])


def _row(*expressions: str) -> dict[str, float | None]:
    row: dict[str, float | None] = {}
    for seed, expression in enumerate(("surprise", "rest", "smile", "disgust")):
        if expression in expressions:
            row |= clip(expression, seed=seed).features()
    return row


def test_a_site_may_say_how_common_it_is(bundle: Bundle) -> None:
    clips = session(*MODEL)
    usual, rare = (assess(clips, bundle=bundle, prevalence=p).to_json() for p in (None, 0.01))
    assert rare["prevalence"] == 0.01
    assert rare["p_pd"] < usual["p_pd"]


def test_what_was_not_usable_is_missing_and_is_told(bundle: Bundle) -> None:
    clips = session("smile", "disgust")
    dark = replace(clip("surprise"), state="unusable", reason=UnusableReason.TOO_DARK, detail="4 %")
    told = assess(clips | {"surprise": dark}, bundle=bundle).to_json()
    assert told["missing"] == ["surprise"]
    shown = told["clips"][2]
    assert (shown["state"], shown["reason"], shown["detail"]) == ("unusable", "too_dark", "4 %")
    assert (shown["signs"], shown["curve"]) == ([], None)


def test_why_not_to_rely_on_it_is_said_in_words(bundle: Bundle) -> None:
    for clips, code in (
        ({}, "no_usable_expression"),
        (session("smile"), "missing_expressions"),
        (session("rest"), "no_usable_expression"),
    ):
        told = assess(clips, bundle=bundle).to_json()
        assert (told["abstained"], told["abstained_words"]) == (code, ABSTENTIONS[code])
    told = assess(session(*MODEL), bundle=sure(bundle)).to_json()
    assert (told["abstained"], told["abstained_words"]) == (None, None)


def sure(bundle: Bundle) -> Bundle:
    """Whose members may disagree as they like."""
    return replace(bundle, scorer=replace(bundle.scorer, spread_limit=99.0))


@pytest.mark.parametrize(
    ("holed", "is_poor"), [((), False), (("smile",), False), (("smile", "disgust"), True)]
)
def test_most_of_what_the_model_reads_has_holes(
    bundle: Bundle, holed: tuple[str, ...], is_poor: bool
) -> None:
    """Half is not most; a clip that the model does not read is not asked."""
    clips = session(*MODEL) | {"rest": clip("rest", 0.9), "fear": clip("fear", 0.9)}
    clips |= {e: clip(e, MAX_DROPPED + 0.01) for e in holed}
    clips |= {e: clip(e, MAX_DROPPED) for e in MODEL if e not in holed}
    assert assess(clips, bundle=sure(bundle)).abstained == ("poor_capture" if is_poor else None)
    half = {e: clip(e, 0.29 + 0.02 * n) for n, e in enumerate(("smile", "disgust"))}
    assert assess(half, bundle=sure(bundle)).abstained is None


def test_the_first_reason_is_the_scores_own(bundle: Bundle) -> None:
    assert assess(session("smile", dropped=0.9), bundle=bundle).abstained == "missing_expressions"


@pytest.mark.parametrize(
    ("sure", "site", "told"),
    [(0.4, 0.3, 0.5987), (40.0, 1e-4, 0.9957), (-40.0, 1 - 1e-4, 0.0228)],
)
def test_what_the_lstm_says_by_itself_is_at_the_sites_prevalence(
    bundle: Bundle, sure: float, site: float, told: float
) -> None:
    """A network that is as sure as can be counts as one in a million sure: no number is 0 or 1."""
    network = DiagnosisNetwork(DiagnosisConfig(expressions=("smile", "surprise"))).eval()
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.fill_(sure)
    model = DiagnosisModel(network, source_of(bundle).identity, prevalence=0.3)
    token = CurveToken(model, np.zeros(64), np.ones(64))
    reads = replace(bundle, scorer=replace(bundle.scorer, curves=token))
    curves = session_curves(session("rest", "smile", "disgust"), source_of(bundle))
    assert _diagnosis(reads, curves, site) == {
        "p_pd": told,
        "source": model.source.to_json(),
        "used": ["smile"],
    }
    assert _diagnosis(reads, {}, site) == {
        "p_pd": None,
        "source": model.source.to_json(),
        "used": [],
    }
    assert _diagnosis(bundle, curves, site) is None


def test_a_curve_is_told_in_few_digits_with_its_movements(bundle: Bundle) -> None:
    clips = session("rest", "smile")
    clips["smile"] = replace(
        clips["smile"],
        signals={n: (*values[:-1], None) for n, values in clips["smile"].signals.items()},
    )
    curves = session_curves(clips, source_of(bundle))
    told = curve_json(curves["smile"], (1.5,))
    assert told["cues"] == [1.5]
    assert told["reference"] == "rest-clip"
    assert told["source"]["name"] == "geometric"
    assert told["intensity"][-1] is None
    for name, decimals in (("t", 3), ("intensity", 4)):
        known = [value for value in told[name] if value is not None]
        assert known == [round(value, decimals) for value in known]
        assert any(value != round(value, decimals - 1) for value in known)
    (peak,) = told["peaks"]
    assert peak["onset"] == pytest.approx(2.0, abs=0.1)
    assert peak["end"] == pytest.approx(5.45, abs=0.2)
    assert peak["end"] in told["t"]
    assert 2.5 < peak["t"] < 5.1
    assert peak["intensity"] == pytest.approx(max(known), abs=0.05)
    assert curve_json(curves["rest"], None)["peaks"] == []
    assert curve_json(curves["rest"], None)["cues"] is None


def test_a_movements_times_are_told_to_the_thousandth(bundle: Bundle) -> None:
    signals = still(T, seed=3)
    signals[:, COLUMN["mouth-width"]] += 0.1 * pulse(T, 2.013, 0.6, 4.977, 0.6)
    stats = {f"{name}_{kind}": 0.01 for name in COLUMN for kind in ("mean", "var")}
    smile = measurement(T, signals, "smile", stats=stats, cues=(1.5,), quality=Quality())
    curve = session_curves({"smile": smile}, source_of(bundle))["smile"]
    (found,) = repetitions.find(curve.t, curve.intensity, curve.smoothed_s)
    (told,) = curve_json(curve, None)["peaks"]
    for name, value in (("t", found.peak_at), ("onset", found.onset), ("end", found.end)):
        assert value is not None
        assert told[name] == round(value, 3)  # type: ignore[literal-required]
        assert round(value, 3) != round(value, 2)
    assert told["intensity"] == round(found.peak, 4) != round(found.peak, 3)
