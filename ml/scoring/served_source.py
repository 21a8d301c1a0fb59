"""The intensity source that a bundle names, and the one that is shown.

A model is trained and served on one source. Curves and signs that people look at come from the
source for real faces where the clips were measured for it, whatever landmarks the model reads.
"""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from ml.errors import SourceError
from ml.intensity.source import IntensitySource, SourceIdentity
from ml.intensity.sources import DEFAULT, REAL_FACES, has_weights, in_folder, kind_of
from ml.measuring.blendshapes import SHA256
from ml.measuring.measurement import CropEncoder, Measurement
from ml.scoring.bundle import INTENSITY, Bundle

DIGEST = "intensity_source_digest"
# The active bundle's and a shadow's: a tower is some hundred megabytes.
_KEPT = 2


def source_of(bundle: Bundle, device: str = "cpu") -> IntensitySource:
    """The source named by ``bundle.intensity_source``; one with weights lies in the bundle's folder
    ``intensity``, and its image encoder runs on ``device``, a setting as for
    ``ml.intensity.encoder.device_of``.

    Raises :class:`SourceError` for a name nobody knows or a source that is not the one the bundle
    was trained on, or where the bundle's LSTM was trained on another source; ``WeightsError`` where
    files are missing or changed.
    """
    source = _served(bundle, device)
    lstm = bundle.diagnosis
    if lstm is not None and not source.identity.still_makes(lstm.source, lstm.expressions):
        raise SourceError(
            f"the LSTM of {bundle.name} {bundle.version} was trained on curves by"
            f" {_named(lstm.source)}, but this version of the code makes them by"
            f" {_named(source.identity)}: train the bundle anew"
        )
    return source


def shown_on(source: IntensitySource, usable: Iterable[Measurement]) -> IntensitySource:
    """The source of the curves and signs of a session whose model is served on ``source``.

    The blendshapes' where every usable clip has them and the model's own source is the one that
    every clip is measured for; ``source`` otherwise. One source for the whole session.
    """
    clips = list(usable)
    by_all = bool(clips) and all(
        clip.blendshapes is not None and clip.blendshapes.digest == SHA256 for clip in clips
    )
    if source.identity.name != DEFAULT or not by_all:
        return source
    return kind_of(REAL_FACES).code.load(None, "cpu")


def encoder_of(bundle: Bundle, device: str = "cpu") -> CropEncoder | None:
    """What measuring a clip for this bundle needs beside the face mesh: the image encoder of its
    source, None for a source that reads landmarks. Raises as :func:`source_of`."""
    return _served(bundle, device).encoder


def folder_of(bundle: Bundle) -> Path | None:
    """The directory of the bundle's own source, None where that has no weights."""
    return bundle.folder / INTENSITY if has_weights(bundle.intensity_source) else None


def check_source(bundle: Bundle, source: IntensitySource) -> IntensitySource:
    """``source``, where it is the one the bundle names; raises :class:`SourceError` otherwise."""
    if source.identity.name != bundle.intensity_source:
        raise SourceError(
            f"{bundle.name} {bundle.version} is served on the {bundle.intensity_source} intensity"
            f" source, not on {source.identity.name}"
        )
    return source


def _served(bundle: Bundle, device: str) -> IntensitySource:
    try:
        kind = kind_of(bundle.intensity_source)
    except SourceError as unknown:
        raise SourceError(f"{bundle.name} {bundle.version}: {unknown}") from None
    if not kind.has_weights:
        return kind.code.load(None, device)
    source = _loaded(bundle.folder / INTENSITY, bundle.digest, device)
    made_by = source.identity
    same = made_by.digest == bundle.metadata.get(DIGEST)
    # The files are as they were saved: the bundle's own digest covers them.
    if not same and source.saved_for != made_by.version:
        raise SourceError(
            f"{bundle.name} {bundle.version} was made for curve rule {source.saved_for} of the"
            f" {made_by.name} source, this version of the code has rule {made_by.version}: train"
            " the bundle anew"
        )
    if not same:
        raise SourceError(
            f"{bundle.folder / INTENSITY} is not the {made_by.name} source that"
            f" {bundle.name} {bundle.version} names in {DIGEST}"
        )
    return check_source(bundle, source)


def _named(identity: SourceIdentity) -> str:
    return f"{identity.name} {identity.version} ({identity.digest[:8]})"


@lru_cache(_KEPT)
def _loaded(folder: Path, bundle_digest: str, device: str) -> IntensitySource:
    """Loaded once per bundle: a tower takes seconds. ``bundle_digest`` keeps two bundles that were
    put in the same place one after the other apart."""
    return in_folder(folder, device)
