"""Weights that do not fit are refused with the file's name; the right ones answer as they did."""

import functools
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from open_clip.model import CLIP
from safetensors.torch import load_file, save_file

from ml.__main__ import main
from ml.errors import WeightsError, WrongUse
from ml.intensity import weights
from ml.intensity.pull import fetch, pull

Damage = Callable[[Path], None]


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / weights.CONFIG_FILE
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def forget_origin(folder: Path) -> None:
    (folder / weights.ORIGIN_FILE).unlink()


def test_checked_weights_answer_like_open_clip_itself(tiny_weights: Path) -> None:
    loaded = weights.load(f"local-dir:{tiny_weights}")
    config = json.loads((tiny_weights / weights.CONFIG_FILE).read_text())["model_cfg"]
    reference = CLIP(**config).eval()
    reference.load_state_dict(load_file(tiny_weights / weights.WEIGHTS_FILE))
    picture = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        expected = reference.encode_image(picture)
        assert torch.equal(loaded.model.encode_image(picture), expected)  # type: ignore[operator]
    assert loaded.verified
    assert loaded.preprocess.size == 32


def drop_file(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def wrong_activation(folder: Path) -> None:
    edit(folder, lambda c: c["model_cfg"].update(quick_gelu=False))


def wrong_normalisation(folder: Path) -> None:
    edit(folder, lambda c: c["preprocess_cfg"].update(mean=[0.5, 0.5, 0.5]))


def no_normalisation(folder: Path) -> None:
    edit(folder, lambda c: c["preprocess_cfg"].pop("std"))


def silent_activation(folder: Path) -> None:
    forget_origin(folder)
    edit(folder, lambda c: c["model_cfg"].pop("quick_gelu"))


def other_architecture(folder: Path) -> None:
    edit(folder, lambda c: c["model_cfg"]["vision_cfg"].update(layers=3))


def other_image_size(folder: Path) -> None:
    edit(folder, lambda c: c["preprocess_cfg"].update(size=224))


def changed_weights(folder: Path) -> None:
    path = folder / weights.WEIGHTS_FILE
    tensors = load_file(path)
    tensors["visual.proj"] = tensors["visual.proj"] + 0.5
    save_file(tensors, path)


def cut_weights(folder: Path) -> None:
    forget_origin(folder)
    path = folder / weights.WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:1000])


def no_json(folder: Path) -> None:
    (folder / weights.CONFIG_FILE).write_text("{")


DAMAGES: list[tuple[Damage, str, str]] = [
    (drop_file(weights.CONFIG_FILE), weights.CONFIG_FILE, "missing"),
    (drop_file(weights.WEIGHTS_FILE), weights.WEIGHTS_FILE, "missing"),
    (wrong_activation, weights.CONFIG_FILE, "quick_gelu"),
    (wrong_normalisation, weights.CONFIG_FILE, "preprocessing"),
    (no_normalisation, weights.CONFIG_FILE, "mean and std"),
    (silent_activation, weights.CONFIG_FILE, "quick_gelu"),
    (other_architecture, weights.WEIGHTS_FILE, "resblocks"),
    (other_image_size, weights.CONFIG_FILE, "pixels"),
    (changed_weights, weights.WEIGHTS_FILE, "changed"),
    (cut_weights, weights.WEIGHTS_FILE, "safetensors"),
    (no_json, weights.CONFIG_FILE, "JSON"),
]


@pytest.mark.parametrize(("damage", "file", "word"), DAMAGES)
def test_weights_that_do_not_fit_are_refused_by_file(
    tiny_weights: Path, damage: Damage, file: str, word: str
) -> None:
    damage(tiny_weights)
    with pytest.raises(WeightsError, match=word) as caught:
        weights.load(f"local-dir:{tiny_weights}")
    assert Path(caught.value.file).name == file


def test_a_hub_tag_is_not_fetched_in_passing() -> None:
    with pytest.raises(WeightsError, match="weights pull ViT-B-32/openai"):
        weights.load("ViT-B-32/openai")


def test_the_normalisation_is_the_weights_own() -> None:
    white = torch.full((1, 3, 8, 8), 255.0)
    seen = weights.normalise(white, weights.Preprocess(4, (0.5, 0.4, 0.3), (0.5, 0.2, 0.1)))
    np.testing.assert_allclose(seen[0, :, 0, 0].numpy(), [1.0, 3.0, 7.0], rtol=1e-5)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


def test_fetched_weights_carry_activation_and_preprocessing(
    tiny_config: dict[str, Any], server: str, tmp_path: Path
) -> None:
    settings = tiny_config["model_cfg"]
    settings.pop("quick_gelu")
    torch.manual_seed(3)
    torch.save(weights.build(settings, tmp_path).state_dict(), tmp_path / "served" / "x.pt")
    origin = {"url": f"{server}/x.pt", "quick_gelu": True, **tiny_config["preprocess_cfg"]}
    fetch("tiny/x", settings, origin, tmp_path / "out")
    loaded = weights.load(f"local-dir:{tmp_path / 'out'}")
    assert loaded.verified
    assert loaded.name == "tiny/x"
    assert loaded.preprocess.std == (0.27, 0.26, 0.28)
    assert json.loads((tmp_path / "out" / weights.CONFIG_FILE).read_text())["model_cfg"][
        "quick_gelu"
    ]


def test_without_network_pulling_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that can never be looked up stands for a machine without network.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.invalid")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    out = tmp_path / "clip"
    assert main(["weights", "pull", "ViT-B-32/openai", "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "network access" in said.err
    assert f"local-dir:{out}" in said.err
    assert not out.exists()


@pytest.mark.parametrize("tag", ["ViT-B-32/none-such", "none-such/openai", "ViT-B-32"])
def test_unknown_names_are_wrong_use(tag: str, tmp_path: Path) -> None:
    with pytest.raises(WrongUse):
        pull(tag, tmp_path / "out")


def test_check_says_what_a_directory_holds(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights", "check", str(tiny_weights), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["verified"] is True
    assert facts["weights"] == "tiny/x"
    assert facts["embed_dim"] == 32
