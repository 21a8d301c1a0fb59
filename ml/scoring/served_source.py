"""The intensity source that a bundle names: a model is trained and served on one source."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ml.errors import ConfigError, SourceError
from ml.intensity import geometric
from ml.intensity.source import IntensitySource, SourceIdentity
from ml.measuring.measurement import CropEncoder

if TYPE_CHECKING:
    from ml.intensity.clip_source import ClipSource
    from ml.scoring.bundle import Bundle

CLIP = "clip"
FOLDER = "intensity"
DIGEST = "intensity_source_digest"
AUTO = "auto"
# The active bundle's and a shadow's: a tower is some hundred megabytes.
_KEPT = 2


def source_of(bundle: "Bundle", device: str = "cpu") -> IntensitySource:
    """The source named by ``bundle.intensity_source``; the CLIP one lies in the bundle's folder
    ``intensity``, and its image encoder runs on ``device``, a setting as for :func:`device_of`.

    Raises :class:`SourceError` for a name nobody knows or a CLIP source that is not the one the
    bundle was trained on, or where the bundle's LSTM was trained on another source;
    ``WeightsError`` where files are missing or changed.
    """
    is_geometric = bundle.intensity_source == geometric.NAME
    source = geometric.GeometricSource() if is_geometric else _clip_of(bundle, device)
    lstm = bundle.diagnosis
    if lstm is not None and not source.identity.still_makes(lstm.source, lstm.expressions):
        raise SourceError(
            f"the LSTM of {bundle.name} {bundle.version} was trained on curves by"
            f" {_named(lstm.source)}, but this version of the code makes them by"
            f" {_named(source.identity)}: train the bundle anew"
        )
    return source


def encoder_of(bundle: "Bundle", device: str = "cpu") -> CropEncoder | None:
    """What measuring a clip for this bundle needs beside the face mesh: the image encoder of its
    CLIP source, None for a source that reads landmarks. Raises as :func:`source_of`."""
    if bundle.intensity_source == geometric.NAME:
        return None
    return _clip_of(bundle, device).encoder


def folder_of(bundle: "Bundle") -> Path | None:
    """The directory of the bundle's CLIP source, None where it is served on another one."""
    return bundle.folder / FOLDER if bundle.intensity_source == CLIP else None


def device_of(setting: str) -> str:
    """``auto``: a GPU where torch finds one, else the CPU. Any other name of a torch device stays
    as it is; raises :class:`ConfigError` for a CUDA device where there is none."""
    import torch

    if setting == AUTO:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if setting.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"the image encoder's device is {setting}, but torch finds no CUDA here")
    return setting


def check_source(bundle: "Bundle", source: IntensitySource) -> IntensitySource:
    """``source``, where it is the one the bundle names; raises :class:`SourceError` otherwise."""
    if source.identity.name != bundle.intensity_source:
        raise SourceError(
            f"{bundle.name} {bundle.version} is served on the {bundle.intensity_source} intensity"
            f" source, not on {source.identity.name}"
        )
    return source


def _clip_of(bundle: "Bundle", device: str) -> "ClipSource":
    if bundle.intensity_source != CLIP:
        raise SourceError(
            f"{bundle.name} {bundle.version} names the intensity source"
            f" {bundle.intensity_source!r}; this version knows {geometric.NAME} and {CLIP}"
        )
    source = _loaded(bundle.folder / FOLDER, bundle.digest, device_of(device))
    same = source.identity.digest == bundle.metadata.get(DIGEST)
    # The files are as they were saved: the bundle's own digest covers them.
    if not same and source.saved_for != source.identity.version:
        raise SourceError(
            f"{bundle.name} {bundle.version} was made for curve rule {source.saved_for} of the CLIP"
            f" source, this version of the code has rule {source.identity.version}: train the"
            " bundle anew"
        )
    if not same:
        raise SourceError(
            f"{bundle.folder / FOLDER} is not the CLIP source that {bundle.name} {bundle.version}"
            f" names in {DIGEST}"
        )
    return source


def _named(identity: SourceIdentity) -> str:
    return f"{identity.name} {identity.version} ({identity.digest[:8]})"


@lru_cache(_KEPT)
def _loaded(folder: Path, bundle_digest: str, device: str) -> "ClipSource":
    """Loaded once per bundle: a tower takes seconds. ``bundle_digest`` keeps two bundles that were
    put in the same place one after the other apart."""
    from ml.intensity.clip_source import load

    return load(folder, device)
