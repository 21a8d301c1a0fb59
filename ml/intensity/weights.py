"""CLIP weights as a directory, checked before they are believed.

A directory holds ``open_clip_config.json`` (architecture, preprocessing, activation) and
``open_clip_model.safetensors``: open_clip's own ``local-dir:`` format. Weights pulled by
``python -m ml weights pull`` also have ``mimia_weights.json``: where they came from, the SHA-256
of the file, and what the image tower answers to one fixed drawn picture. Wrong normalisation or
the wrong activation (OpenAI's weights need QuickGELU) change that answer, and no shape would tell.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from ml.errors import WeightsError
from ml.torch_compat import prepare_torchvision

CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
ORIGIN_FILE = "mimia_weights.json"
LOCAL_PREFIX = "local-dir:"

# Two machines differ by about 1e-5 in float32; the wrong GELU by 1e-3 and more.
_GOLDEN_TOLERANCE = 2e-4
_GOLDEN_NUMBERS = 32


@dataclass(frozen=True)
class Preprocess:
    """What the image tower expects: RGB squares of ``size`` pixels, (value/255 − mean) / std."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class LoadedClip:
    """A CLIP model that passed every check. ``verified`` is True when its answer was compared."""

    model: nn.Module
    preprocess: Preprocess
    embed_dim: int
    name: str
    digest: str
    verified: bool


def load(where: str) -> LoadedClip:
    """CLIP from ``local-dir:PATH``. Raises :class:`WeightsError` naming the file at fault.

    A hub tag is refused with the command that fetches it: nothing here reaches for the network.
    """
    if not where.startswith(LOCAL_PREFIX):
        raise _bad(
            where,
            f"give a directory as {LOCAL_PREFIX}PATH; a hub tag is fetched first with:"
            f" python -m ml weights pull {where} --out DIR",
        )
    folder = Path(where.removeprefix(LOCAL_PREFIX))
    config = read_config(folder)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise _bad(weights, f"the weights are missing; {CONFIG_FILE} is there without them")
    origin = _read_origin(folder)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if origin and origin["sha256"] != digest:
        raise _bad(weights, f"the file changed since it was fetched ({ORIGIN_FILE})")
    model = build(config["model_cfg"], folder / CONFIG_FILE)
    _check_shapes(model, weights)
    tensors = load_file(weights)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise _bad(weights, f"{name} holds numbers that are not finite")
    model.load_state_dict(tensors)
    model.eval()
    preprocess = _preprocess(config, model, folder / CONFIG_FILE)
    if origin:
        _check_answer(model, preprocess, origin, folder)
    identity = hashlib.sha256(json.dumps(config, sort_keys=True).encode() + digest.encode())
    return LoadedClip(
        model,
        preprocess,
        int(config["model_cfg"]["embed_dim"]),
        str(origin["tag"]) if origin else folder.name,
        identity.hexdigest(),
        bool(origin),
    )


def random_clip(name: str, seed: int = 0) -> LoadedClip:
    """A built-in architecture with random weights, for benchmarks; never for a person's result."""
    prepare_torchvision()
    import open_clip

    config = open_clip.get_model_config(name)
    if config is None:
        raise _bad(name, "open_clip knows no architecture of that name")
    torch.manual_seed(seed)
    model = build(config, Path(name)).eval()
    mean, std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    preprocess = Preprocess(_image_size(model), mean, std)
    digest = hashlib.sha256(f"random:{name}:{seed}".encode()).hexdigest()
    return LoadedClip(model, preprocess, config["embed_dim"], f"random:{name}", digest, False)


def read_config(folder: Path) -> dict[str, Any]:
    """The directory's configuration, complete: architecture, activation and normalisation."""
    path = folder / CONFIG_FILE
    if not folder.is_dir():
        raise _bad(folder, "no such directory")
    if not path.is_file():
        raise _bad(
            path, "the file is missing; without it neither architecture nor preprocessing are known"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise _bad(path, f"not JSON: {fault}") from fault
    if not isinstance(config, dict):
        raise _bad(path, "must hold one JSON object with model_cfg and preprocess_cfg")
    model, seen = config.get("model_cfg"), config.get("preprocess_cfg")
    if not isinstance(model, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(model):
        raise _bad(path, "model_cfg must have embed_dim, vision_cfg and text_cfg")
    if not isinstance(seen, dict) or not {"mean", "std"} <= set(seen):
        raise _bad(
            path,
            "preprocess_cfg must have mean and std: without the normalisation that the weights"
            " were trained with their answers are wrong",
        )
    if not isinstance(model.get("quick_gelu"), bool):
        raise _bad(
            path,
            'model_cfg must say "quick_gelu": true (OpenAI\'s weights) or false (most'
            " others): weights run with the wrong activation answer wrongly without any error",
        )
    return cast(dict[str, Any], config)


def build(model_cfg: Mapping[str, Any], path: Path) -> nn.Module:
    """The open_clip model of an architecture, random weights."""
    prepare_torchvision()
    from open_clip.model import CLIP, CustomTextCLIP

    settings = dict(model_cfg)
    kind = CustomTextCLIP if settings.pop("custom_text", False) else CLIP
    if "hf_model_name" in settings["text_cfg"] or "timm_model_name" in settings["vision_cfg"]:
        raise _bad(path, "only CLIP's own towers are supported, no timm or hub towers")
    try:
        return kind(**settings)
    except (TypeError, ValueError, AssertionError) as fault:
        raise _bad(path, f"model_cfg does not describe a CLIP model: {fault}") from fault


def save(folder: Path, model: nn.Module, config: Mapping[str, Any], tag: str) -> None:
    """Writes a weights directory with its origin record; ``config`` as `read_config` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    weights = folder / WEIGHTS_FILE
    save_file({k: v.contiguous().clone() for k, v in model.state_dict().items()}, weights)
    preprocess = _preprocess(read_config(folder), model, folder / CONFIG_FILE)
    origin = {
        "tag": tag,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "answer": [round(float(v), 6) for v in answer(model.eval(), preprocess)],
    }
    (folder / ORIGIN_FILE).write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")


def normalise(images: Tensor, preprocess: Preprocess) -> Tensor:
    """(N, 3, H, W) float in 0..255 → (N, 3, size, size), resized and normalised for the tower."""
    size = (preprocess.size, preprocess.size)
    if images.shape[-2:] != size:
        images = functional.interpolate(
            images, size, mode="bicubic", align_corners=False, antialias=True
        ).clamp_(0, 255)
    mean = images.new_tensor(preprocess.mean).mul_(255).view(1, 3, 1, 1)
    std = images.new_tensor(preprocess.std).mul_(255).view(1, 3, 1, 1)
    return (images - mean) / std


def test_picture() -> npt.NDArray[np.uint8]:
    """A fixed drawn picture (224, 224, 3) uint8: gradients, discs and stripes."""
    y, x = np.mgrid[0:224, 0:224].astype(np.float64)
    red = 255 * x / 223
    green = 255 * (np.hypot(x - 80, y - 100) < 50)
    blue = 127.5 * (1 + np.sin(y / 6.0))
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


def answer(model: nn.Module, preprocess: Preprocess) -> npt.NDArray[np.float32]:
    """The first numbers of the unit image embedding of :func:`test_picture`, float32."""
    picture = torch.from_numpy(test_picture()).permute(2, 0, 1).unsqueeze(0).float()
    with torch.inference_mode():
        embedding = cast(Any, model).encode_image(normalise(picture, preprocess), normalize=True)
    return cast(npt.NDArray[np.float32], embedding[0, :_GOLDEN_NUMBERS].float().numpy())


def _bad(file: Path | str, message: str) -> WeightsError:
    return WeightsError(message, file=file)


def _check_answer(
    model: nn.Module, preprocess: Preprocess, origin: Mapping[str, Any], folder: Path
) -> None:
    try:
        expected = np.asarray(origin["answer"], dtype=np.float32)
    except (TypeError, ValueError) as fault:
        raise _bad(folder / ORIGIN_FILE, "answer must be a list of numbers") from fault
    found = answer(model, preprocess)
    if expected.shape != found.shape or np.abs(expected - found).max() > _GOLDEN_TOLERANCE:
        raise _bad(
            folder / CONFIG_FILE,
            f"the image tower does not answer as {origin['tag']} did when it was fetched: its"
            " activation (quick_gelu) or preprocessing (mean, std, image_size) was changed",
        )


def _check_shapes(model: nn.Module, weights: Path) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    try:
        with safe_open(str(weights), framework="pt") as stored:
            found = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
    except SafetensorError as fault:
        raise _bad(weights, f"not a readable safetensors file: {fault}") from fault
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            wanted, got = (side.get(name, "absent") for side in (expected, found))
            raise _bad(weights, f"does not match {CONFIG_FILE}: {name} is {got}, expected {wanted}")


def _preprocess(config: Mapping[str, Any], model: nn.Module, path: Path) -> Preprocess:
    seen = config["preprocess_cfg"]
    try:
        mean, std = (tuple(float(v) for v in seen[key]) for key in ("mean", "std"))
    except (TypeError, ValueError) as fault:
        raise _bad(path, "preprocess_cfg: mean and std must be three numbers each") from fault
    size = _image_size(model)
    stated = seen.get("size", size)
    stated = stated[0] if isinstance(stated, list) else stated
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0 or stated != size:
        raise _bad(
            path,
            f"preprocess_cfg does not fit the tower of {size} pixels: three means, three positive"
            " stds and that size are needed",
        )
    return Preprocess(size, mean, std)


def _image_size(model: nn.Module) -> int:
    size = cast(Any, model).visual.image_size
    return int(size[0] if isinstance(size, tuple | list) else size)


def _read_origin(folder: Path) -> dict[str, Any] | None:
    path = folder / ORIGIN_FILE
    if not path.is_file():
        return None
    try:
        origin = json.loads(path.read_text(encoding="utf-8"))
        complete = {"tag", "sha256", "answer"} <= set(origin)
    except (ValueError, TypeError) as fault:
        raise _bad(path, f"not a record of where weights came from: {fault}") from fault
    if not complete:
        raise _bad(path, "must have tag, sha256 and answer")
    return cast(dict[str, Any], origin)
