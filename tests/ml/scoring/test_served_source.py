"""A bundle names its intensity source, and a session is assessed on that one alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.errors import ConfigError, SourceError, WeightsError
from ml.intensity.encoder import device_of
from ml.intensity.geometric import GeometricSource
from ml.measuring.measurement import Embeddings, Measurement
from ml.scoring.assessment import assess
from ml.scoring.bundle import Bundle, default_bundle_path, load
from ml.scoring.curve_token import CurveToken
from ml.scoring.lstm import DiagnosisModel
from ml.scoring.lstm_network import DiagnosisConfig, DiagnosisNetwork
from ml.scoring.served_source import encoder_of, source_of
from tests.clip_bundle import write_clip_bundle, write_source


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(default_bundle_path())


def named(bundle: Bundle, name: str) -> Bundle:
    return replace(bundle, metadata={**bundle.metadata, "intensity_source": name})


def test_the_shipped_bundle_says_geometric_and_gets_it(bundle: Bundle) -> None:
    assert bundle.metadata["intensity_source"] == "geometric"
    assert isinstance(source_of(bundle), GeometricSource)
    assert assess({}, bundle=bundle).to_json()["intensity_source"]["name"] == "geometric"


def test_an_unknown_source_is_refused(bundle: Bundle) -> None:
    with pytest.raises(SourceError, match="'optical-flow'"):
        assess({}, bundle=named(bundle, "optical-flow"))


def test_another_source_than_the_named_one_is_refused(bundle: Bundle) -> None:
    with pytest.raises(SourceError, match="served on the clip intensity source"):
        assess({}, bundle=named(bundle, "clip"), source=GeometricSource())


def test_the_encoder_runs_where_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (device_of("auto"), device_of("cpu")) == ("cpu", "cpu")
    with pytest.raises(ConfigError, match="device is cuda:1, but torch finds no CUDA"):
        device_of("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (device_of("auto"), device_of("cuda:1")) == ("cuda", "cuda:1")


def test_a_clip_of_an_expression_the_source_does_not_know_has_no_curve(tmp_path: Path) -> None:
    """A protocol may ask for more than a CLIP source was trained for."""
    bundle = load(write_clip_bundle(tmp_path / "bundle"))
    source, encoder = source_of(bundle), encoder_of(bundle)
    assert encoder is not None
    assert (source.knows("rest"), source.knows("smile"), source.knows("fear")) == (1, 1, 0)
    vectors = np.random.default_rng(0).normal(size=(8, 16)).tolist()
    kept = Embeddings(tuple(n / 5 for n in range(8)), tuple(map(tuple, vectors)), encoder.digest)
    clips = {e: Measurement(e, "measured", embeddings=kept) for e in ("rest", "smile", "fear")}
    found = {clip["expression"]: clip for clip in assess(clips, bundle=bundle).to_json()["clips"]}
    assert found["fear"]["state"] == "measured"
    assert [found[e]["curve"] is None for e in ("rest", "smile", "fear")] == [False, False, True]


def test_a_bundle_made_for_another_curve_rule_is_told_so(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    settings = json.loads((source / "source.json").read_text())
    (source / "source.json").write_text(json.dumps({**settings, "version": "1"}))
    earlier = load(
        write_clip_bundle(tmp_path / "bundle", source=source, intensity_source_digest="")
    )
    for use in (source_of, encoder_of):
        with pytest.raises(SourceError, match=r"curve rule 1 of .* has rule 2: train the bundle"):
            use(earlier)


def test_an_lstm_on_other_curves_is_named_with_both(bundle: Bundle) -> None:
    earlier = replace(GeometricSource().identity, version="0", digest="5" * 64)
    model = DiagnosisModel(DiagnosisNetwork(DiagnosisConfig()), earlier, prevalence=0.3)
    token = CurveToken(model, np.zeros(64), np.ones(64))
    reads = replace(bundle, scorer=replace(bundle.scorer, curves=token))
    with pytest.raises(SourceError, match=r"curves by geometric 0 \(55555555\), but .* anew"):
        source_of(reads)


def test_a_clip_source_that_is_not_there_names_the_file(bundle: Bundle) -> None:
    with pytest.raises(WeightsError, match=r"intensity/source\.json: the file is missing"):
        assess({}, bundle=named(bundle, "clip"))
