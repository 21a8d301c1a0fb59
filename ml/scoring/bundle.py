"""A model as a directory: weights, configuration, norms and card, each verified by its SHA-256.

bundle.json           name, version, metadata, configuration, hashes of the other files
weights.safetensors   members of the ensemble and their conformal scores
norms.json            quantile tables of people without PD
card.md               what it is for, what it was trained on, how well it does, where it fails
intensity/            only where bundle.json names the CLIP source: that source's directory
diagnosis/            only where the fusion reads an LSTM's last state: that LSTM
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.errors import BundleError, ConfigError
from ml.scoring.norms import Norms

if TYPE_CHECKING:
    from ml.intensity.source import IntensityCurve
    from ml.scoring.lstm import DiagnosisModel
    from ml.scoring.scorer import Score, Scorer

SCHEMA = 1
DESCRIPTION = "bundle.json"
WEIGHTS = "weights.safetensors"
NORMS = "norms.json"
CARD = "card.md"
HASHED = (WEIGHTS, NORMS, CARD)
INTENSITY = "intensity"
INTENSITY_FILES = (f"{INTENSITY}/source.json", f"{INTENSITY}/source.safetensors")
DIAGNOSIS = "diagnosis"
DIAGNOSIS_FILES = (f"{DIAGNOSIS}/diagnosis.json", f"{DIAGNOSIS}/diagnosis.safetensors")
DEFAULT = "fusion-0.2.0"
# What a description must hold, and of which JSON type.
PARTS = {"name": str, "version": str, "metadata": dict, "config": dict, "files": dict}


def default_bundle_path() -> Path:
    """The bundle that ships with this code."""
    return Path(__file__).parents[1] / "bundles" / DEFAULT


def require_no_bundle(folder: Path) -> None:
    """Raises :class:`ConfigError` where something served may lie in ``folder``: replaced there, a
    model would be another one under the same path."""
    for file in (DESCRIPTION, "diagnosis.json"):
        if (folder / file).exists():
            raise ConfigError(
                f"{folder} holds a trained model ({file}); give another folder, or remove it"
            )


@dataclass(frozen=True, eq=False)
class Bundle:
    """A verified bundle. ``digest`` identifies it; name and version are labels."""

    name: str
    version: str
    digest: str
    metadata: Mapping[str, Any]
    card: str
    norms: Norms
    scorer: "Scorer"
    folder: Path

    @property
    def sources(self) -> list[dict[str, str]]:
        """The data it was trained on: name, licence, where it comes from."""
        return [dict(source) for source in self.metadata["sources"]]

    @property
    def intensity_source(self) -> str:
        """Name of the source of the intensity curves that it is trained and served on."""
        return str(self.metadata.get("intensity_source", "geometric"))

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions its weights were trained on."""
        return self.scorer.expressions

    @property
    def diagnosis(self) -> "DiagnosisModel | None":
        """The LSTM on intensity curves, where it has one."""
        return None if self.scorer.curves is None else self.scorer.curves.model

    def score(
        self,
        rows: Sequence[Mapping[str, float | None]],
        prevalence: float | None = None,
        curves: Sequence["Mapping[str, IntensityCurve] | None"] | None = None,
    ) -> list["Score"]:
        """Score people, one mapping of feature columns to numbers each (any subset of columns).

        The single path of tables, assessments and evaluation. ``prevalence`` is the site's own;
        None keeps the training one. ``curves``: each person's, by expression, where there are any.
        """
        return self.scorer.score(rows, prevalence, curves)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def canonical(data: Mapping[str, Any]) -> bytes:
    """JSON whose bytes depend on the content only."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def save(
    path: Path,
    *,
    name: str,
    version: str,
    metadata: Mapping[str, Any],
    scorer: "Scorer",
    norms: Norms,
    card: str,
    intensity: Path | None = None,
) -> str:
    """Write a bundle and return its digest. The directory may exist; its files are replaced.

    ``intensity``: the directory of the CLIP source that ``metadata`` names, copied in.
    """
    from safetensors.numpy import save as to_safetensors

    from ml.scoring.storage import arrays_of, config_of

    path.mkdir(parents=True, exist_ok=True)
    contents = {
        WEIGHTS: to_safetensors(arrays_of(scorer)),
        NORMS: (json.dumps(norms.to_json(), indent=None) + "\n").encode(),
        CARD: card.encode(),
    }
    for file, data in contents.items():
        (path / file).write_bytes(data)
    files = [*HASHED, *_copied(path, intensity)]
    if scorer.curves is not None:
        scorer.curves.model.save(path / DIAGNOSIS)
        files += DIAGNOSIS_FILES
    description: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name,
        "version": version,
        "metadata": dict(metadata),
        "config": config_of(scorer),
        "files": {file: sha256_of(path / file) for file in files},
    }
    digest = sha256(canonical(description))
    text = json.dumps({**description, "digest": digest}, indent=1, sort_keys=True, allow_nan=False)
    (path / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    return digest


def _copied(path: Path, intensity: Path | None) -> tuple[str, ...]:
    """The files of a CLIP source, copied into the bundle unless they lie there already."""
    if intensity is None:
        return ()
    (path / INTENSITY).mkdir(exist_ok=True)
    for file in INTENSITY_FILES:
        source = intensity / Path(file).name
        if source.resolve() != (path / file).resolve():
            shutil.copyfile(source, path / file)
    return INTENSITY_FILES


def load(path: Path) -> Bundle:
    """Read and verify a bundle.

    Raises :class:`BundleError` naming the file that is missing, changed or does not fit.
    """
    from safetensors.numpy import load as from_safetensors

    from ml.scoring import lstm as diagnosis
    from ml.scoring.storage import reads_curves, scorer_from

    description = _description(path)
    with _naming(path / DESCRIPTION):
        config = description["config"]
        has_lstm = reads_curves(config)
    _verify(path, description, has_lstm)
    with _naming(path / CARD):
        card = (path / CARD).read_text(encoding="utf-8")
    with _naming(path / NORMS):
        norms = Norms.from_json(json.loads((path / NORMS).read_bytes()))
    with _naming(path / WEIGHTS):
        arrays = from_safetensors((path / WEIGHTS).read_bytes())
    with _naming(path / DIAGNOSIS):
        lstm = diagnosis.load(path / DIAGNOSIS) if has_lstm else None
    with _naming(path / WEIGHTS, f"does not fit the configuration in {DESCRIPTION}"):
        scorer = scorer_from(config, arrays, norms, lstm)
    return Bundle(
        name=description["name"],
        version=description["version"],
        digest=description["digest"],
        metadata=description["metadata"],
        card=card,
        norms=norms,
        scorer=scorer,
        folder=path,
    )


@contextmanager
def _naming(file: Path, fault: str = "cannot be read") -> Iterator[None]:
    """Whatever a file's content makes go wrong becomes a :class:`BundleError` that names it: a
    digest that matches says that nothing was changed, not that somebody wrote a bundle."""
    from safetensors import SafetensorError

    try:
        yield
    except (
        LookupError, ValueError, TypeError, AttributeError, RuntimeError, OSError,
        ConfigError, SafetensorError,
    ) as error:  # fmt: skip
        missing = isinstance(error, KeyError)
        raise BundleError(f"{file} {fault}: {'no ' if missing else ''}{error}") from error


def _description(path: Path) -> dict[str, Any]:
    file = path / DESCRIPTION
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{file} is missing: {path} is no bundle") from None
    except ValueError as error:
        raise BundleError(f"{file} is no JSON: {error}") from error
    if not isinstance(described, dict) or described.get("schema") != SCHEMA:
        raise BundleError(f"{file} has no schema {SCHEMA}, the only one this version reads")
    body = {key: value for key, value in described.items() if key != "digest"}
    with _naming(file):
        expected = sha256(canonical(body))
    if described.get("digest") != expected:
        raise BundleError(f"{file} was changed: its digest does not match its content")
    for key, kind in PARTS.items():
        if not isinstance(described.get(key), kind):
            raise BundleError(f"{file} has no {key}, or none that can be used")
    metadata = described["metadata"]
    if not is_share(metadata.get("prevalence")):
        raise BundleError(f"{file}: the metadata's prevalence is not between 0 and 1")
    sources = metadata.get("sources")
    if not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        raise BundleError(f"{file}: the metadata names no sources")
    return described


def is_share(value: object) -> bool:
    """A number between 0 and 1, both left out: there log-odds are finite."""
    return isinstance(value, int | float) and 0 < value < 1


def _verify(path: Path, description: Mapping[str, Any], has_lstm: bool) -> None:
    """Every file that the bundle is made of is there and unchanged."""
    hashes: Mapping[str, str] = description["files"]
    is_clip = description["metadata"].get("intensity_source") == "clip"
    needed = [*HASHED, *(INTENSITY_FILES if is_clip else ())]
    needed += DIAGNOSIS_FILES if has_lstm else ()
    for file in dict.fromkeys((*needed, *hashes)):
        if not (path / file).is_file():
            raise BundleError(f"{path / file} is missing")
        if file not in hashes:
            raise BundleError(f"{path / file} is not among the files of {DESCRIPTION}")
        try:
            found = sha256_of(path / file)
        except OSError as error:
            raise BundleError(f"{path / file} cannot be read: {error.strerror}") from error
        if found != hashes[file]:
            raise BundleError(
                f"{path / file} was changed: its SHA-256 is not the one in {DESCRIPTION}"
            )


def plain(config: Any) -> dict[str, Any]:
    """A frozen configuration as plain JSON types."""
    return dict(json.loads(json.dumps(asdict(config))))
