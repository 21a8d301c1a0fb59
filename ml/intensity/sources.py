"""Every intensity source by its name. A further one is a module of this folder and a line here.

The module is named and imported when it is asked for, so that a machine whose models read
landmarks never loads torch to measure a clip. It holds

``load(folder, device)``  the :class:`~ml.intensity.source.IntensitySource`; ``folder`` is None for
                          one without weights, ``device`` a setting: ``auto`` or a torch device
``MADE``                  what its curves are made of, in the words of a model card

A source with weights lies in a folder of two files (:mod:`ml.part`, named by :data:`FILES`); the
``name`` in its settings is its name here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from ml.errors import ConfigError, SourceError, WeightsError
from ml.intensity.source import IntensitySource

LOCAL_PREFIX = "local-dir:"
FILES = ("source.json", "source.safetensors")
AUTO = "auto"


@dataclass(frozen=True)
class SourceKind:
    """Where the code of a source is, and whether it has weights."""

    module: str
    has_weights: bool = False

    @property
    def code(self) -> "SourceModule":
        return cast(SourceModule, import_module(self.module))


class SourceModule(Protocol):
    """What the module of a source holds."""

    MADE: str

    def load(self, folder: Path | None, device: str) -> IntensitySource: ...


SOURCES: Mapping[str, SourceKind] = MappingProxyType(
    {
        "geometric": SourceKind("ml.intensity.geometric"),
        "blendshapes": SourceKind("ml.intensity.blendshapes"),
        "clip": SourceKind("ml.intensity.clip_source", has_weights=True),
    }
)
#: Of a bundle that names none, of a training that does not choose, and of a single clip.
DEFAULT = "geometric"
#: Of the curves and signs that are shown, where the clips were measured for it.
REAL_FACES = "blendshapes"


def kind_of(name: str) -> SourceKind:
    """Raises :class:`SourceError` for a name that this version does not know."""
    if name not in SOURCES:
        raise SourceError(
            f"the intensity source {name!r} is unknown; this version knows {' and '.join(SOURCES)}"
        )
    return SOURCES[name]


def has_weights(name: str) -> bool:
    """Whether a bundle that names this source carries its files; no for an unknown name."""
    return name in SOURCES and SOURCES[name].has_weights


def default_source() -> IntensitySource:
    """The source that needs nothing but what every clip is measured for."""
    return kind_of(DEFAULT).code.load(None, AUTO)


def in_folder(folder: Path, device: str = "cpu") -> IntensitySource:
    """A source with weights. Raises :class:`WeightsError` naming the file at fault, and
    :class:`SourceError` for the folder of a source that this version does not know."""
    return kind_of(name_in(folder)).code.load(folder, device)


def name_in(folder: Path) -> str:
    """The name of the source that lies in a folder. Raises as :func:`in_folder`."""
    file = folder / FILES[0]
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["name"])
    except FileNotFoundError:
        raise WeightsError("the file is missing", file=file) from None
    except (OSError, LookupError, TypeError, ValueError) as fault:
        raise WeightsError(
            f"not the settings of an intensity source: {fault}", file=file
        ) from fault


def folder_in(setting: str) -> Path | None:
    """The folder of ``local-dir:DIR``; None for the name of a source without weights. Raises
    :class:`ConfigError` for any other setting."""
    if setting.startswith(LOCAL_PREFIX):
        return Path(setting.removeprefix(LOCAL_PREFIX))
    without = [name for name, kind in SOURCES.items() if not kind.has_weights]
    if setting not in without:
        raise ConfigError(f"intensity_source: {', '.join(without)}, or {LOCAL_PREFIX}DIR")
    return None


def name_of(setting: str) -> str:
    """The source's name, which a folder says of itself. Raises as :func:`source_of_setting`."""
    folder = folder_in(setting)
    return setting if folder is None else name_in(folder)


def source_of_setting(setting: str, device: str = "cpu") -> IntensitySource:
    """The source that a training's settings choose. Raises as :func:`folder_in` and
    :func:`in_folder`."""
    return kind_of(name_of(setting)).code.load(folder_in(setting), device)
