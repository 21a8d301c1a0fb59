"""The intensity source that a bundle names: a model is trained and served on one source."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ml.errors import SourceError
from ml.intensity import geometric
from ml.intensity.source import IntensitySource

if TYPE_CHECKING:
    from ml.bundle import Bundle

CLIP = "clip"
FOLDER = "intensity"
DIGEST = "intensity_source_digest"


def source_of(bundle: "Bundle") -> IntensitySource:
    """The source named by ``bundle.intensity_source``; the CLIP one lies in the bundle's folder
    ``intensity``. Raises :class:`SourceError` for a name nobody knows or a CLIP source that is not
    the one the bundle was trained on, ``WeightsError`` where its files are missing or changed."""
    name = bundle.intensity_source
    if name == geometric.NAME:
        return geometric.GeometricSource()
    if name != CLIP:
        raise SourceError(
            f"{bundle.name} {bundle.version} names the intensity source {name!r}; this version"
            f" knows {geometric.NAME} and {CLIP}"
        )
    source = _clip(bundle.folder / FOLDER, bundle.digest)
    if source.identity.digest != bundle.metadata.get(DIGEST):
        raise SourceError(
            f"{bundle.folder / FOLDER} is not the CLIP source that {bundle.name} {bundle.version}"
            f" names in {DIGEST}"
        )
    return source


@cache
def _clip(folder: Path, bundle_digest: str) -> IntensitySource:
    """Loaded once per bundle: a tower takes seconds. ``bundle_digest`` keeps two bundles that were
    put in the same place one after the other apart."""
    from ml.intensity.clip_source import load

    return load(folder)


def check_source(bundle: "Bundle", source: IntensitySource) -> IntensitySource:
    """``source``, where it is the one the bundle names; raises :class:`SourceError` otherwise."""
    if source.identity.name != bundle.intensity_source:
        raise SourceError(
            f"{bundle.name} {bundle.version} is served on the {bundle.intensity_source} intensity"
            f" source, not on {source.identity.name}"
        )
    return source
