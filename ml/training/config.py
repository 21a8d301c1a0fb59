"""``CONFIG.json`` of a training, validated before anything is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ml.errors import ConfigError
from ml.intensity.sources import DEFAULT, LOCAL_PREFIX, folder_in
from ml.scoring.balance import PRESETS
from ml.scoring.classifier import ClassifierSpec
from ml.scoring.curve_token import CurveSettings
from ml.scoring.fusion import Fusion
from ml.scoring.grades import GradeSpec, grade_fusion
from ml.settings import Settings, plain, read_object, settings
from ml.training.fusion import CANDIDATES, shape_of
from ml.training.recipe import Recipe
from vocabulary.expressions import EXPRESSIONS, POSED, is_expression

#: What a settings file of a bundle may say of its ``kind``.
KIND = "severity"


@dataclass(frozen=True)
class TrainingConfig(Settings):
    """What ``CONFIG.json`` holds. ``cohort`` is a feature table or a folder with a manifest,
    relative to the file; rows whose split is ``test`` are left for ``evaluate``. ``model`` holds
    the fields of :class:`ml.scoring.classifier.ClassifierSpec` that differ from the defaults; its
    ``balance`` may also be the name of one of :data:`ml.scoring.balance.PRESETS`.
    ``intensity_source``: one of :mod:`ml.intensity.sources` by its name, or "local-dir:DIR" with a
    trained one; ``diagnosis``: how an LSTM on the clips' curves joins the fusion, in the file also
    true or false. ``subject_column`` and ``ignore_nearly_matching``: of a feature table, as
    :func:`ml.cohort.table.read_table`."""

    name: str
    version: str
    cohort: str
    out: str
    expressions: tuple[str, ...]
    licence: str = "not stated"
    grades: bool = False
    intensity_source: str = DEFAULT
    diagnosis: CurveSettings | None = None
    seed: int = 0
    subject_column: str = ""
    ignore_nearly_matching: bool = False
    model: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        known = all(is_expression(name) for name in self.expressions)
        if not known or len(set(self.expressions)) != len(self.expressions) or not self.expressions:
            raise ConfigError(f"expressions: must be some of {', '.join(EXPRESSIONS)}, each once")
        if not (self.name and self.version and self.out):
            raise ConfigError("name, version and out must not be empty")
        folder_in(self.intensity_source)
        if self.diagnosis and not set(self.expressions) & set(POSED):
            raise ConfigError("diagnosis: the LSTM reads posed expressions, and there is none")

    @property
    def source_folder(self) -> Path | None:
        """The directory of a source with weights; None for one without."""
        return folder_in(self.intensity_source)

    def placeless(self, source: str) -> dict[str, Any]:
        """The settings without their paths: alike wherever they lie. ``source``: the name of the
        intensity source. What lay at a path, a bundle says by digests of their own."""
        said = asdict(self) | {"intensity_source": source}
        return {name: value for name, value in said.items() if name not in ("cohort", "out")}

    def curves(self) -> CurveSettings | None:
        """The LSTM's settings, if there is to be one: it reads what the bundle fuses."""
        given = self.diagnosis
        if given is None:
            return None
        for entry in ("signs", "grades"):
            if getattr(given.network, entry):
                raise ConfigError(f"diagnosis.network.{entry}: the LSTM of a bundle has none")
        own = tuple(e for e in given.network.expressions if e in self.expressions)
        return replace(given, network=replace(given.network, expressions=own))

    def recipe(self) -> Recipe:
        """What is trained; raises :class:`ConfigError` naming the entry that cannot work."""
        grades = GradeSpec(grade_fusion(self.expressions), seed=self.seed) if self.grades else None
        return Recipe(self.candidates(), grades, self.curves())

    def candidates(self) -> tuple[ClassifierSpec, ...]:
        """The specifications to choose from: of each kind that the recipe tries, or of the one that
        the configuration names. Raises :class:`ConfigError` for a field that none has."""
        model = dict(self.model or {})
        given = _object(model.pop("fusion", {}), "model.fusion")
        for entry in ("expressions", "token_width", "classes", "head"):
            if entry in given:
                raise ConfigError(f"model.fusion.{entry}: follows from the rest, leave it out")
        model["balance"] = _balance(model.get("balance", {}))
        model["seed"] = self.seed
        kinds = [given.pop("fusion")] if "fusion" in given else list(CANDIDATES)
        found = []
        for kind in kinds:
            shape = shape_of(Fusion(kind)) if kind in list(Fusion) else {"fusion": kind}
            fusion = {**shape, **given, "expressions": self.expressions, "head": "softmax"}
            found.append(settings(ClassifierSpec, {**model, "fusion": fusion}, "model"))
        return tuple(found)


def read_config(path: Path) -> TrainingConfig:
    """Raises :class:`ConfigError` naming the entry that cannot work."""
    return config_from(read_object(path), path.parent)


def config_from(data: Mapping[str, Any], here: Path) -> TrainingConfig:
    """A settings file's content; paths in it are relative to ``here``. Raises ConfigError."""
    kind = data.get("kind", KIND)
    if kind != KIND:
        raise ConfigError(f"kind: {kind} trains no bundle; that is {KIND}")
    data = {name: entry for name, entry in data.items() if name != "kind"}
    said = data.get("diagnosis")
    if isinstance(said, bool):
        data = {**data, "diagnosis": {} if said else None}
    config = settings(TrainingConfig, data)
    config.recipe()
    if config.source_folder is not None:
        source = f"{LOCAL_PREFIX}{here / config.source_folder}"
        config = replace(config, intensity_source=source)
    return replace(config, cohort=str(here / config.cohort), out=str(here / config.out))


def _balance(given: object) -> dict[str, Any]:
    """A preset by its name, or the adaptive one with what differs from it."""
    if isinstance(given, str):
        if given not in PRESETS:
            raise ConfigError(f"model.balance: must be one of {', '.join(PRESETS)}, or an object")
        return plain(PRESETS[given])
    return plain(PRESETS["adaptive"]) | _object(given, "model.balance")


def _object(data: object, at: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{at}: must be an object, {{…}}")
    return dict(data)
