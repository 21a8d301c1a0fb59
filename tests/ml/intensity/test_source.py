"""The served CLIP source: saved, loaded, checked, and never mixed with another source."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.errors import SourceError, WeightsError
from ml.intensity import clip_source
from ml.intensity.clip_source import ClipSource, SourceParts
from ml.intensity.geometric import GeometricSource
from ml.intensity.network import IntensityNetwork
from ml.intensity.source import (
    ClipMaterial,
    IntensityCurve,
    IntensitySource,
    RestReference,
    SourceIdentity,
    one_source,
)
from ml.intensity.together import above_rest
from ml.intensity.weights import Preprocess, load, read_config
from ml.measuring.measurement import CropEncoder
from ml.measuring.smoothing import local_line
from ml.scoring.assessment import assess
from ml.scoring.bundle import default_bundle_path
from ml.scoring.bundle import load as load_bundle
from ml.scoring.served_source import source_of
from tests.ml.tiny_clip import NETWORK
from vocabulary.expressions import EXPRESSIONS


@pytest.fixture
def folder(tiny_weights: Path, tmp_path: Path) -> Path:
    weights = load(f"local-dir:{tiny_weights}")
    visual = weights.model.visual
    assert isinstance(visual, torch.nn.Module)
    torch.manual_seed(0)
    network = IntensityNetwork(NETWORK)
    torch.nn.init.normal_(network.temporal.leave.weight, std=0.05)
    parts = SourceParts(
        visual=visual,
        model_cfg=read_config(tiny_weights)["model_cfg"],
        preprocess=weights.preprocess,
        network=network,
        text=torch.randn(3, 32),
        precision="fp32",
        rate=10.0,
        card={"phantom_trained": True},
    )
    clip_source.save(tmp_path / "source", parts)
    return tmp_path / "source"


def material(source: ClipSource, expression: str, seed: int, frames: int = 30) -> ClipMaterial:
    crops = np.random.default_rng(seed).integers(0, 256, (frames, 40, 40, 3), dtype=np.uint8)
    times = np.arange(frames) / 10
    return ClipMaterial(
        expression=expression,
        timestamps=times,
        embedding_timestamps=times,
        embeddings=source.encoder.encode(crops),
        embeddings_by=source.encoder.digest,
    )


def test_both_sources_meet_the_interface(folder: Path) -> None:
    source = clip_source.load(folder)
    assert isinstance(source, IntensitySource)
    assert isinstance(GeometricSource(), IntensitySource)
    assert isinstance(source.encoder, CropEncoder)
    assert source.identity.name == "clip"
    assert GeometricSource().identity.name == "geometric"


def test_rest_is_zero_and_every_value_is_an_intensity(folder: Path) -> None:
    source = clip_source.load(folder)
    rest, smile = material(source, "rest", 1), material(source, "smile", 2)
    curve = source.curve(smile, rest)
    assert curve.source == source.identity
    assert curve.reference is RestReference.REST_CLIP
    assert curve.intensity.shape == curve.t.shape == (30,)
    assert curve.intensity.min() >= 0
    assert curve.intensity.max() <= 1
    # The rest clip read as if it were a smile: most of it is about its own median.
    same = source.curve(replace(rest, expression="smile"), rest)
    assert (same.intensity == 0).mean() >= 0.4


def test_without_a_rest_clip_the_calm_part_stands_in_and_the_curve_says_so(folder: Path) -> None:
    source = clip_source.load(folder)
    curve = source.curve(material(source, "smile", 2), None)
    assert curve.reference is RestReference.SAME_CLIP
    assert 0.05 < (curve.intensity == 0).mean() < 1.0


def test_curves_follow_the_formula(folder: Path) -> None:
    source = clip_source.load(folder)
    rest, clip = material(source, "rest", 1), material(source, "surprise", 3)
    found = source.curve(clip, rest).intensity

    def delta(one: ClipMaterial) -> np.ndarray:
        tensor = torch.tensor(np.asarray(one.embeddings)).unsqueeze(0)
        times = torch.tensor(np.asarray(one.embedding_timestamps), dtype=torch.float32)
        mask = torch.ones(1, 30, dtype=torch.bool)
        tokens, _ = source.network.temporal(
            torch.nn.functional.normalize(tensor, dim=-1), times.unsqueeze(0), mask
        )
        h, words = tokens[0].detach().numpy(), source.text.numpy()
        cosine = (h @ words.T) / np.outer(np.linalg.norm(h, axis=1), np.linalg.norm(words, axis=1))
        return np.asarray(cosine[:, 2] - cosine[:, 0])

    zero = np.sort(delta(rest))[14]

    def course(one: ClipMaterial) -> np.ndarray:
        signed = 2 / (1 + np.exp(-(delta(one) - zero) / NETWORK.initial_tau)) - 1
        times = np.asarray(one.embedding_timestamps, np.float64)
        return local_line(times, signed[:, None], clip_source.SMOOTH_S)[:, 0]

    expected = above_rest(course(clip), course(rest), clip_source.LIMITS)
    assert expected.any()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_embeddings_of_another_tower_are_refused(folder: Path) -> None:
    source = clip_source.load(folder)
    clip = material(source, "smile", 1)
    with pytest.raises(SourceError, match="another image tower"):
        source.curve(replace(clip, embeddings_by="x"), None)
    with pytest.raises(SourceError, match="measured without them"):
        source.curve(replace(clip, embeddings=None), None)
    with pytest.raises(SourceError, match="not trained for 'fear'"):
        source.curve(replace(clip, expression="fear"), None)


def test_sources_are_never_mixed() -> None:
    def curve(digest: str) -> IntensityCurve:
        identity = SourceIdentity("clip", "1", digest)
        return IntensityCurve("smile", np.zeros(1), np.zeros(1), identity, RestReference.SAME_CLIP)

    assert one_source([]) is None
    assert one_source([curve("a"), curve("a")]) == SourceIdentity("clip", "1", "a")
    with pytest.raises(SourceError, match="cannot be mixed"):
        one_source([curve("a"), curve("b")])


def test_a_changed_source_file_is_named(folder: Path) -> None:
    path = folder / clip_source.FILES.tensors
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="changed") as caught:
        clip_source.load(folder)
    assert caught.value.file == str(path)


def test_settings_that_do_not_fit_the_tensors_are_named(folder: Path) -> None:
    path = folder / clip_source.FILES.settings
    settings = json.loads(path.read_text())
    settings["network"]["temporal_width"] = 64
    path.write_text(json.dumps(settings))
    with pytest.raises(WeightsError, match=r"does not match source\.json"):
        clip_source.load(folder)
    path.write_text("[]")
    with pytest.raises(WeightsError, match="not the settings"):
        clip_source.load(folder)
    path.unlink()
    with pytest.raises(WeightsError, match="missing"):
        clip_source.load(folder)


def test_the_identity_changes_with_any_setting(folder: Path, tmp_path: Path) -> None:
    before = clip_source.load(folder).identity.digest
    path = folder / clip_source.FILES.settings
    settings = json.loads(path.read_text())
    settings["preprocess"]["mean"][0] = 0.4
    path.write_text(json.dumps(settings))
    assert clip_source.load(folder).identity.digest != before


def test_a_bf16_source_is_half_the_size_and_says_the_same(
    tiny_weights: Path, folder: Path, tmp_path: Path
) -> None:
    exact = clip_source.load(folder)
    cfg = read_config(tiny_weights)["model_cfg"]
    parts = SourceParts(
        visual=exact.encoder.visual,
        model_cfg=cfg,
        preprocess=Preprocess(32, (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)),
        network=exact.network,
        text=exact.text,
        precision="bf16",
        rate=10.0,
        card={},
    )
    clip_source.save(tmp_path / "half", parts)
    half = clip_source.load(tmp_path / "half")
    sizes = [(f / clip_source.FILES.tensors).stat().st_size for f in (tmp_path / "half", folder)]
    assert sizes[0] < 0.75 * sizes[1]
    one = exact.curve(material(exact, "smile", 2), material(exact, "rest", 1)).intensity
    two = half.curve(material(half, "smile", 2), material(half, "rest", 1)).intensity
    np.testing.assert_allclose(one, two, atol=0.03)


def test_a_bundle_that_names_it_is_served_on_it(folder: Path) -> None:
    """Its directory lies in the bundle, and its digest is the one the bundle names."""
    shipped = load_bundle(default_bundle_path())
    home = folder.parent / "bundle"
    home.mkdir()
    folder.rename(home / "intensity")
    named = {"intensity_source": "clip", "intensity_source_digest": "another"}
    bundle = replace(shipped, folder=home, metadata={**shipped.metadata, **named})
    with pytest.raises(SourceError, match="is not the clip source"):
        source_of(bundle)
    digest = clip_source.load(home / "intensity").identity.digest
    named["intensity_source_digest"] = digest
    bundle = replace(bundle, metadata={**shipped.metadata, **named})
    assert source_of(bundle).identity.digest == digest
    assert assess({}, bundle=bundle).to_json()["intensity_source"]["name"] == "clip"


def test_a_model_needs_only_the_curves_of_its_own_expressions_to_stay() -> None:
    now = GeometricSource().identity
    assert set(now.parts) == set(EXPRESSIONS)
    assert len(set(now.parts.values())) == len(EXPRESSIONS)
    parts = dict(now.parts)
    fewer = replace(now, parts={e: parts[e] for e in ("smile", "disgust")})
    assert now.still_makes(fewer, ("smile", "disgust"))
    assert not fewer.still_makes(now, ("smile", "fear"))
    other = replace(now, digest="0" * 64, parts={**parts, "fear": "0" * 64})
    assert now.still_makes(other, ("smile", "disgust"))
    assert not now.still_makes(other, ("smile", "fear"))
    assert not now.still_makes(replace(other, version="1"), ("smile",))
    assert not now.still_makes(replace(other, name="clip"), ("smile",))


def test_what_was_trained_before_there_were_digests_per_expression_is_served() -> None:
    """Stored then: the digest of all seven. Three of them are read otherwise since."""
    before = "9808568617c965bc607903edc83c6486bc3399495d98d4bd988a0bf31c0cf603"
    trained = SourceIdentity("geometric", "2", before)
    assert GeometricSource().identity.still_makes(trained, ("smile", "disgust", "surprise"))
    assert not GeometricSource().identity.still_makes(trained, ("smile", "sadness"))
    another = replace(trained, digest="0" * 64)
    assert not GeometricSource().identity.still_makes(another, ("smile",))
