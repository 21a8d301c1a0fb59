"""A model as a directory, read and written here alone: every file verified by its SHA-256.

bundle.json           name, version, metadata, configuration, hashes of the other files
weights.safetensors   members of the ensemble and their conformal scores
norms.json            quantile tables of people without PD
card.md               what it is for, what it was trained on, how well it does, where it fails
intensity/            only where bundle.json names an intensity source with weights: that source
diagnosis/            only where the fusion reads an LSTM's last state: that LSTM

What the parts mean they say themselves (``docs/decisions/one-bundle.md``): the scorer as arrays and
configuration (``ml/scoring/storage.py``), the LSTM and the sources as folders (``ml/part.py``).
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from
from safetensors.numpy import save as bytes_of

from ml.errors import BundleError, ConfigError
from ml.files import canonical, sha256, sha256_of, write_json
from ml.intensity.source import IntensityCurve
from ml.intensity.sources import DEFAULT as DEFAULT_SOURCE
from ml.intensity.sources import FILES as SOURCE_FILES
from ml.intensity.sources import has_weights
from ml.scoring import lstm as diagnosis
from ml.scoring.lstm import DiagnosisModel
from ml.scoring.norms import Norms
from ml.scoring.scorer import Score, Scorer
from ml.scoring.storage import arrays_of, config_of, reads_curves, scorer_from
from ml.settings import one_line

SCHEMA = 1
DESCRIPTION = "bundle.json"
INTENSITY = "intensity"
WEIGHTS = "weights.safetensors"
NORMS = "norms.json"
CARD = "card.md"
HASHED = (WEIGHTS, NORMS, CARD)
INTENSITY_FILES = tuple(f"{INTENSITY}/{file}" for file in SOURCE_FILES)
DIAGNOSIS = "diagnosis"
DIAGNOSIS_FILES = tuple(f"{DIAGNOSIS}/{file}" for file in diagnosis.FILES.both)
DEFAULT = "fusion-0.3.0"
#: Experimental, learnt from drawn people: it assesses beside the active one and decides nothing.
SHADOW = "drawn-curves-0.1.0"
#: With a bundle whose format is not this version's, an earlier one's included.
WHAT_TO_DO = "use the version of Mimia that wrote it, or train the bundle anew"


def default_bundle_path() -> Path:
    """The bundle that ships with this code."""
    return _shipped(DEFAULT)


def shadow_bundle_path() -> Path:
    """The one that ships beside it, for the shadow."""
    return _shipped(SHADOW)


def _shipped(name: str) -> Path:
    return Path(__file__).parents[1] / "bundles" / name


class Metadata(BaseModel):
    """What of a bundle's metadata is computed with; the rest is for the card and who asks."""

    model_config = ConfigDict(strict=True, extra="allow")

    prevalence: Annotated[float, Field(gt=0, lt=1)]
    sources: list[dict[str, Any]]
    intensity_source: str = DEFAULT_SOURCE


class Description(BaseModel):
    """``bundle.json``. What this version does not know is let pass: it counts in the digest."""

    model_config = ConfigDict(strict=True, extra="allow")

    written_as: Annotated[Literal[1], Field(alias="schema")]
    name: str
    version: str
    metadata: Metadata
    config: dict[str, Any]
    files: dict[str, str]
    digest: str


@dataclass(frozen=True, eq=False)
class Bundle:
    """A verified bundle. ``digest`` identifies it; name and version are labels."""

    name: str
    version: str
    digest: str
    metadata: Mapping[str, Any]
    card: str
    norms: Norms
    scorer: Scorer
    folder: Path

    @property
    def sources(self) -> list[dict[str, str]]:
        """The data it was trained on: name, licence, where it comes from."""
        return [dict(source) for source in self.metadata["sources"]]

    @property
    def intensity_source(self) -> str:
        """Name of the source of the intensity curves that it is trained and served on."""
        return str(self.metadata.get("intensity_source", DEFAULT_SOURCE))

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions its weights were trained on."""
        return self.scorer.expressions

    @property
    def diagnosis(self) -> DiagnosisModel | None:
        """The LSTM on intensity curves, where it has one."""
        return None if self.scorer.curves is None else self.scorer.curves.model

    def score(
        self,
        rows: Sequence[Mapping[str, float | None]],
        prevalence: float | None = None,
        curves: Sequence[Mapping[str, IntensityCurve] | None] | None = None,
    ) -> list[Score]:
        """Score people, one mapping of feature columns to numbers each (any subset of columns).

        The single path of tables, assessments and evaluation. ``prevalence`` is the site's own;
        None keeps the training one. ``curves``: each person's, by expression, where there are any.
        """
        return self.scorer.score(rows, prevalence, curves)


def save(
    path: Path,
    *,
    name: str,
    version: str,
    metadata: Mapping[str, Any],
    scorer: Scorer,
    norms: Norms,
    card: str,
    intensity: Path | None = None,
) -> str:
    """Write a bundle and return its digest. The directory may hold an earlier one, and others'
    files: it holds the earlier bundle, none (no description), or the new one, and never a mixture.

    ``intensity``: the folder of the source with weights that ``metadata`` names, copied in.
    """
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path, prefix=".bundle-") as made:
        new = Path(made)
        (new / WEIGHTS).write_bytes(bytes_of(arrays_of(scorer)))
        write_json(new / NORMS, norms.to_json())
        (new / CARD).write_bytes(card.encode())
        files = [*HASHED, *_copied(new, intensity)]
        if scorer.curves is not None:
            scorer.curves.model.save(new / DIAGNOSIS)
            files += DIAGNOSIS_FILES
        description: dict[str, Any] = {
            "schema": SCHEMA,
            "name": name,
            "version": version,
            "metadata": dict(metadata),
            "config": config_of(scorer),
            "files": {file: sha256_of(new / file) for file in files},
        }
        digest = sha256(canonical(description))
        write_json(new / DESCRIPTION, {**description, "digest": digest}, indent=1, is_sorted=True)
        (path / DESCRIPTION).unlink(missing_ok=True)
        for file in (*files, DESCRIPTION):
            (path / file).parent.mkdir(exist_ok=True)
            (new / file).replace(path / file)
    return digest


def _copied(path: Path, intensity: Path | None) -> tuple[str, ...]:
    """The files of an intensity source, copied into the folder of a bundle."""
    if intensity is None:
        return ()
    (path / INTENSITY).mkdir()
    for file in INTENSITY_FILES:
        shutil.copyfile(intensity / Path(file).name, path / file)
    return INTENSITY_FILES


def load(path: Path) -> Bundle:
    """Read and verify a bundle.

    Raises :class:`BundleError` naming the file that is missing, changed or does not fit.
    """
    described, metadata = _described(path)
    with _naming(path / DESCRIPTION):
        has_lstm = reads_curves(described.config)
    _verify(path, described, has_lstm)
    with _naming(path / CARD):
        card = (path / CARD).read_text(encoding="utf-8")
    with _naming(path / NORMS):
        norms = Norms.from_json(json.loads((path / NORMS).read_bytes()))
    with _naming(path / WEIGHTS):
        arrays = arrays_from((path / WEIGHTS).read_bytes())
    with _naming(path / DIAGNOSIS):
        lstm = diagnosis.load(path / DIAGNOSIS) if has_lstm else None
    with _naming(path / WEIGHTS, f"does not fit the configuration in {DESCRIPTION}", WHAT_TO_DO):
        scorer = scorer_from(described.config, arrays, norms, lstm)
    return Bundle(
        name=described.name,
        version=described.version,
        digest=described.digest,
        metadata=metadata,
        card=card,
        norms=norms,
        scorer=scorer,
        folder=path,
    )


@contextmanager
def _naming(file: Path, fault: str = "cannot be read", advice: str = "") -> Iterator[None]:
    """Whatever a file's content makes go wrong becomes a :class:`BundleError` that names it: a
    digest that matches says that nothing was changed, not that somebody wrote a bundle."""
    try:
        yield
    except (
        LookupError, ValueError, TypeError, AttributeError, RuntimeError, OSError,
        ConfigError, SafetensorError,
    ) as error:  # fmt: skip
        missing = isinstance(error, KeyError)
        said = f"{file} {fault}: {'no ' if missing else ''}{error}"
        raise BundleError(f"{said} ({advice})" if advice else said) from error


def _described(path: Path) -> tuple[Description, dict[str, Any]]:
    """``bundle.json``, its digest compared and its entries checked, and its metadata as it is."""
    file = path / DESCRIPTION
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{file} is missing: {path} is no bundle") from None
    except ValueError as error:
        raise BundleError(f"{file} is no JSON: {error}") from error
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise BundleError(
            f"{file} has no schema {SCHEMA}, the only one this version reads: {WHAT_TO_DO}"
        )
    with _naming(file):
        expected = sha256(canonical({key: value for key, value in raw.items() if key != "digest"}))
    if raw.get("digest") != expected:
        raise BundleError(f"{file} was changed: its digest does not match its content")
    try:
        return Description.model_validate(raw), raw["metadata"]
    except ValidationError as fault:
        raise BundleError(f"{file}: {one_line(fault, Description)}") from fault


def _verify(path: Path, described: Description, has_lstm: bool) -> None:
    """Every file that the bundle is made of is there and unchanged."""
    has_source = has_weights(described.metadata.intensity_source)
    needed = (
        *HASHED,
        *(INTENSITY_FILES if has_source else ()),
        *(DIAGNOSIS_FILES if has_lstm else ()),
    )
    for file in dict.fromkeys((*needed, *described.files)):
        if not (path / file).is_file():
            raise BundleError(f"{path / file} is missing")
        if file not in described.files:
            raise BundleError(f"{path / file} is not among the files of {DESCRIPTION}")
        try:
            found = sha256_of(path / file)
        except OSError as error:
            raise BundleError(f"{path / file} cannot be read: {error.strerror}") from error
        if found != described.files[file]:
            raise BundleError(
                f"{path / file} was changed: its SHA-256 is not the one in {DESCRIPTION}"
            )
