"""A further intensity source is one module and one line: nothing else asks for a source by name."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, ModuleType

import pytest
import torch

from ml.errors import BundleError, ConfigError, SourceError, WeightsError
from ml.intensity import geometric, sources
from ml.intensity.source import IntensitySource, SourceIdentity
from ml.part import PartFiles
from ml.scoring.assessment import assess
from ml.scoring.bundle import default_bundle_path, load, save
from ml.scoring.served_source import encoder_of, folder_of, source_of
from ml.training.card import card
from ml.training.config import config_from
from tests.clip_bundle import write_source

IDENTITY = SourceIdentity("optical-flow", "1", "f" * 64)


@pytest.fixture
def optical_flow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """One more source with weights: its module, its line, and the folder of its weights."""
    module = ModuleType("optical_flow")
    files = PartFiles("source", "an optical-flow source")

    def opened(folder: Path | None, device: str) -> IntensitySource:
        assert folder is not None
        files.read(folder)
        return replace(geometric.GeometricSource(), identity=IDENTITY, saved_for="1")

    vars(module).update(MADE="of how the picture flows", load=opened)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    kind = sources.SourceKind(module.__name__, has_weights=True)
    everything = MappingProxyType({**sources.SOURCES, "optical-flow": kind})
    monkeypatch.setattr(sources, "SOURCES", everything)
    files.write(tmp_path / "flow", {"name": "optical-flow"}, {"a": torch.ones(1)})
    return tmp_path / "flow"


def test_every_source_holds_what_the_registry_asks_of_it(tmp_path: Path) -> None:
    assert sources.DEFAULT in sources.SOURCES
    for name, kind in sources.SOURCES.items():
        folder = write_source(tmp_path / name) if kind.has_weights else None
        source = kind.code.load(folder, "cpu")
        assert isinstance(source, IntensitySource)
        assert source.identity.name == name
        assert source.saved_for == source.identity.version
        assert kind.code.MADE


def test_a_further_source_is_trained_on_stored_and_served(
    optical_flow: Path, tmp_path: Path
) -> None:
    setting = {"name": "own", "version": "1", "cohort": "c", "out": "o", "expressions": ["smile"]}
    given = {**setting, "intensity_source": f"local-dir:{optical_flow.name}"}
    config = config_from(given, optical_flow.parent)
    assert config.source_folder == optical_flow
    assert sources.name_of(config.intensity_source) == "optical-flow"
    shipped = load(default_bundle_path())
    named = {"intensity_source": "optical-flow", "intensity_source_digest": IDENTITY.digest}
    save(
        tmp_path / "bundle", name="own", version="1", metadata={**shipped.metadata, **named},
        scorer=shipped.scorer, norms=shipped.norms, card="", intensity=config.source_folder,
    )  # fmt: skip
    bundle = load(tmp_path / "bundle")
    assert source_of(bundle).identity == IDENTITY
    assert encoder_of(bundle) is None
    assert folder_of(bundle) == tmp_path / "bundle" / "intensity"
    assert assess({}, bundle=bundle).to_json()["intensity_source"] == IDENTITY.to_json()
    lstm = {"network": {"units": 4}, "auroc_out_of_fold": 0.7}
    made = card("own", "1", {**bundle.metadata, "diagnosis": lstm})
    assert "curves of how the picture flows" in " ".join(made.split())
    (bundle.folder / "intensity" / "source.safetensors").unlink()
    with pytest.raises(BundleError, match=r"intensity/source\.safetensors is missing"):
        load(bundle.folder)


def test_a_folder_of_no_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"source\.json: the file is missing"):
        sources.in_folder(tmp_path)
    (tmp_path / "source.json").write_text("[]")
    with pytest.raises(WeightsError, match=r"source\.json: not the settings of"):
        sources.in_folder(tmp_path)
    (tmp_path / "source.json").write_text(json.dumps({"name": "sonar"}))
    with pytest.raises(SourceError, match="'sonar' is unknown; this version knows geometric and"):
        sources.in_folder(tmp_path)


@pytest.mark.parametrize("setting", ["clip", "sonar", ""])
def test_a_setting_names_a_source_without_weights_or_a_folder(setting: str) -> None:
    with pytest.raises(ConfigError, match="intensity_source: geometric, blendshapes, or"):
        sources.source_of_setting(setting)
