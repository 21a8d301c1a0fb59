"""Fetches pretrained CLIP weights when an operator asks, and leaves a checked directory behind.

Nothing else in the house reaches for the network. Where there is none, the same command is run
on a machine that has one and the directory carried over.
"""

import socket
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ml.errors import WeightsError, WrongUse
from ml.intensity import weights
from ml.torch_compat import prepare_torchvision


def pull(tag: str, out: Path) -> None:
    """Fetches ``ARCHITECTURE/TAG`` (as in ``ViT-B-32/openai``) into ``out``.

    Raises ``WrongUse`` for a name open_clip does not know or a directory that is not empty, and
    ``WeightsError`` when the weights cannot be fetched or do not fit.
    """
    prepare_torchvision()
    import open_clip

    architecture, _, name = tag.partition("/")
    model_cfg = open_clip.get_model_config(architecture) if architecture else None
    if model_cfg is None:
        raise WrongUse(
            f"open_clip knows no architecture {architecture!r}; give ARCHITECTURE/TAG, as in"
            " ViT-B-32/openai"
        )
    known = open_clip.list_pretrained_tags_by_model(architecture)
    if name not in known:
        raise WrongUse(
            f"{architecture} has no weights tagged {name!r}; its tags: {', '.join(known)}"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WrongUse(f"{out} is not an empty directory; give another one")
    fetch(tag, model_cfg, open_clip.get_pretrained_cfg(architecture, name), out)


def fetch(tag: str, model_cfg: Mapping[str, Any], origin: Mapping[str, Any], out: Path) -> None:
    """Downloads one set of weights and saves it with the preprocessing and activation it needs.

    ``origin`` as open_clip's registry gives it: where the file is, mean, std, quick_gelu.
    """
    from huggingface_hub.constants import ENDPOINT
    from open_clip.factory import load_checkpoint
    from open_clip.pretrained import download_pretrained

    host = ENDPOINT if origin.get("hf_hub") else str(origin["url"])
    place = f"{ENDPOINT}/{origin['hf_hub']}" if origin.get("hf_hub") else host
    if not _reachable(host):
        raise WeightsError(_no_network(tag, place, out), file=tag)
    settings = {**model_cfg, "quick_gelu": bool(origin.get("quick_gelu", False))}
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = download_pretrained(dict(origin), cache_dir=folder)
        # open_clip and its hub client raise their own errors, urllib's and plain OSErrors.
        except Exception as fault:
            raise WeightsError(_no_network(tag, place, out), file=tag) from fault
        model = weights.build(settings, Path(tag))
        try:
            load_checkpoint(model, file)
        except (RuntimeError, ValueError, KeyError) as fault:
            first = str(fault).splitlines()[0]
            raise WeightsError(
                f"what came from {place} does not fit the architecture: {first}", file=tag
            ) from fault
    preprocess = {"mean": list(origin["mean"]), "std": list(origin["std"])}
    extra = {name: origin[name] for name in ("interpolation", "resize_mode") if name in origin}
    weights.save(out, model, {"model_cfg": settings, "preprocess_cfg": preprocess | extra}, tag)


def _reachable(url: str) -> bool:
    """False when the host's name cannot be looked up: a minute of retries would end the same."""
    if urllib.request.getproxies():
        return True
    try:
        socket.getaddrinfo(urlsplit(url).hostname, None)
    except OSError:
        return False
    return True


def _no_network(tag: str, place: str, out: Path) -> str:
    return (
        f"the weights could not be fetched from {place}. Without network access nothing is"
        f" missing that Mimia needs to run: the geometric source needs no weights. To use CLIP,"
        f" run 'python -m ml weights pull {tag} --out {out}' on a machine with network access,"
        f" copy the directory here and name it as local-dir:{out}"
    )
