"""A configuration file → a trained bundle: validated first, seeded, resumable fold by fold."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.bundle import canonical, default_bundle_path, load, plain, save
from ml.cohort import UNKNOWN, Cohort, check_for_training, person_digest, read_table, split_hash
from ml.distributed import Processes, processes
from ml.errors import CohortError, ConfigError
from ml.expressions import EXPRESSIONS, POSED, is_expression
from ml.features import columns_of
from ml.intensity import clip_source
from ml.intensity.geometric import NAME as GEOMETRIC
from ml.intensity.geometric import GeometricSource
from ml.intensity.source import IntensitySource, SourceIdentity
from ml.intensity.weights import LOCAL_PREFIX
from ml.norms import MIN_PEOPLE, Norms
from ml.settings import make_folder, read_object, settings
from ml.severity.balance import PRESETS
from ml.severity.build import fit_index, healthy_norms, model_metadata
from ml.severity.card import OWN_LIMITS, card
from ml.severity.classifier import ClassifierSpec, crossfit_plan
from ml.severity.crossfit import Say, Timer, crossfit, parts_of
from ml.severity.curves import CurveSettings, crossfit_states, forget, fusion_with, join
from ml.severity.grades import CLASSES, GradeModel, GradeSpec, grade_fusion, train_grades
from ml.severity.measured import cohort_of_clips, curves_of_clips
from ml.severity.scorer import Scorer


@dataclass(frozen=True)
class TrainingConfig:
    """What ``CONFIG.json`` holds. ``cohort`` is a feature table or a folder with a manifest,
    relative to the file; rows whose split is ``test`` are left for ``evaluate``. ``model`` holds
    the fields of :class:`ml.severity.classifier.ClassifierSpec` that differ from the defaults.
    ``intensity_source``: "geometric", or "local-dir:DIR" with a trained CLIP source; ``diagnosis``:
    whether, and how, an LSTM on the clips' curves joins the fusion."""

    name: str
    version: str
    cohort: str
    out: str
    expressions: tuple[str, ...]
    licence: str = "not stated"
    grades: bool = False
    intensity_source: str = GEOMETRIC
    diagnosis: bool | CurveSettings = False
    seed: int = 0
    model: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        known = all(is_expression(name) for name in self.expressions)
        if not known or len(set(self.expressions)) != len(self.expressions) or not self.expressions:
            raise ConfigError(f"expressions: must be some of {', '.join(EXPRESSIONS)}, each once")
        if not (self.name and self.version and self.out):
            raise ConfigError("name, version and out must not be empty")
        is_folder = self.intensity_source.startswith(LOCAL_PREFIX)
        if self.intensity_source != GEOMETRIC and not is_folder:
            raise ConfigError(f"intensity_source: {GEOMETRIC}, or {LOCAL_PREFIX}DIR")
        if self.diagnosis and not set(self.expressions) & set(POSED):
            raise ConfigError("diagnosis: the LSTM reads posed expressions, and there is none")

    @property
    def source_folder(self) -> Path | None:
        """The directory of a CLIP source; None for the geometric one."""
        if self.intensity_source == GEOMETRIC:
            return None
        return Path(self.intensity_source.removeprefix(LOCAL_PREFIX))

    def curves(self) -> CurveSettings | None:
        """The LSTM's settings, if there is to be one: it reads what the bundle fuses."""
        if not self.diagnosis:
            return None
        given = CurveSettings() if self.diagnosis is True else self.diagnosis
        own = tuple(e for e in given.network.expressions if e in self.expressions)
        return replace(given, network=replace(given.network, expressions=own))

    def spec(self) -> ClassifierSpec:
        """The ensemble's specification; raises :class:`ConfigError` for a field it has not."""
        model = dict(self.model or {})
        fusion = {"expressions": self.expressions, "fusion": "attention", "head": "softmax"}
        fusion |= _object(model.pop("fusion", {}), "model.fusion")
        balance = _object(model.get("balance", {}), "model.balance")
        model["balance"] = plain(PRESETS["adaptive"]) | balance
        return settings(ClassifierSpec, {**model, "fusion": fusion, "seed": self.seed}, "model")


def read_config(path: Path) -> TrainingConfig:
    """Raises :class:`ConfigError` naming the entry that cannot work."""
    return config_from(read_object(path), path.parent)


def config_from(data: Mapping[str, Any], here: Path) -> TrainingConfig:
    """A settings file's content; paths in it are relative to ``here``. Raises ConfigError."""
    config = settings(TrainingConfig, data)
    config.spec()
    config.curves()
    if config.source_folder is not None:
        source = f"{LOCAL_PREFIX}{here / config.source_folder}"
        config = replace(config, intensity_source=source)
    return replace(config, cohort=str(here / config.cohort), out=str(here / config.out))


def _object(data: object, at: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{at}: must be an object, {{…}}")
    return dict(data)


def read_cohort(
    config: TrainingConfig, cache: Path, say: Say, group: Processes | None = None
) -> Cohort:
    """The labelled rows to train on, checked. Raises :class:`CohortError`."""
    source = Path(config.cohort)
    if source.is_dir():
        timer = Timer(say, "measuring clips")
        # Measuring takes long: what the manifest alone can show is checked before.
        whole = cohort_of_clips(
            source,
            cache,
            source=config.source_folder,
            progress=timer,
            check=lambda promised: _ready(config, promised),
            group=group,
        )
    else:
        if config.diagnosis:
            raise ConfigError("diagnosis: needs a cohort of clips, a feature table has no curves")
        whole = read_table(source, name=str(source))
        _ready(config, whole)
    return checked(config, whole)


def _ready(config: TrainingConfig, whole: Cohort) -> None:
    """All that can be known before the work: rows, norms, and a place for the bundle."""
    cohort = checked(config, whole)
    norms = norms_of(cohort)
    for expression in config.expressions:
        if norms is not None and not any(c in norms.tables for c in columns_of(expression)):
            raise _no_norms(expression, norms, cohort)
    make_folder(Path(config.out))


def checked(config: TrainingConfig, whole: Cohort) -> Cohort:
    """The rows to train on. Raises :class:`CohortError` where they cannot be trained on."""
    if not np.isfinite(whole.values).any():
        raise CohortError("no row has a usable feature", file=whole.name)
    check_splits(whole)
    rows = (whole.split != "test") & (whole.pd != UNKNOWN)
    cohort = whole.take(rows)
    check_for_training(cohort, label="pd", classes=2)
    folds = config.spec().folds
    for label in (0, 1):
        people = len(set(cohort.subject[cohort.pd == label]))
        if people < folds:
            raise CohortError(
                f"only {people} subjects have pd {label}; {folds} folds need as many of each",
                file=whole.name,
            )
    if config.grades:
        check_for_training(cohort, label="grade", classes=CLASSES)
    there = np.isfinite(cohort.tokens(config.expressions)).any(axis=(0, 2))
    for expression, found in zip(config.expressions, there, strict=True):
        if not found:
            raise CohortError(f"no row to train on has {expression}", file=whole.name)
    return cohort


def check_splits(cohort: Cohort) -> None:
    """No subject in two splits, test rows included."""
    seen: dict[str, tuple[str, int]] = {}
    for subject, split, line in zip(cohort.subject, cohort.split, cohort.line, strict=True):
        first = seen.setdefault(str(subject), (str(split), int(line)))
        if first[0] != split:
            raise CohortError(
                f"subject {subject} is in split {first[0]!r} (row {first[1]}) and in {split!r}",
                file=cohort.name,
                row=int(line),
            )


def train(config: TrainingConfig, cache: Path, say: Say) -> str | None:
    """Train and save the bundle; its digest, None in all but the first process of torchrun."""
    with processes() as group:
        # Loaded first: what is wrong with it shows before anything is measured.
        source = source_for(config)
        cohort = read_cohort(config, cache, say if group.first else _silent, group)
        return train_on(config, cohort, source, cache, group, say)


def source_for(config: TrainingConfig) -> IntensitySource:
    """The source of intensity curves that the settings name."""
    folder = config.source_folder
    return GeometricSource() if folder is None else clip_source.load(folder)


def train_on(
    config: TrainingConfig,
    cohort: Cohort,
    source: IntensitySource,
    cache: Path,
    group: Processes,
    say: Say,
) -> str | None:
    """Train on all rows of a checked cohort and save the bundle, as :func:`train`."""
    folder = config.source_folder
    norms, own = norms_for(cohort)
    z = norms.z_tokens(config.expressions, cohort.tokens(config.expressions))
    for expression, there in zip(config.expressions, np.isfinite(z).any(axis=(0, 2)), strict=True):
        if not there:
            raise _no_norms(expression, norms, cohort)
    usable = np.isfinite(z).any(axis=(1, 2))
    kept = cohort.take(usable)
    spec = config.spec() if own else replace(config.spec(), whiten=False)
    parts = parts_of(Path(config.out))
    tokens, states, curves = z[usable], None, None
    if (settings := config.curves()) is not None:
        recorded = curves_of_clips(Path(config.cohort), kept, cache, source, folder)
        fold = crossfit_plan(kept.pd, [str(s) for s in kept.subject], spec)[0]
        people = [recorded[int(line)] for line in kept.line]
        progress = Timer(say, "training the LSTM") if group.first else None
        states, curves = crossfit_states(people, kept.pd, fold, settings, parts, group, progress)
        tokens = join(tokens, states)
        spec = replace(spec, fusion=fusion_with(spec.fusion, tokens))
    classifier = crossfit(spec, tokens, kept, parts, group, say)
    if classifier is None:
        return None
    index = fit_index(norms, kept, config.expressions, norms.reference) if own else None
    if index is None:
        index = load(default_bundle_path()).scorer.index
    grades = grades_of(config, z[usable], kept) if config.grades else None
    # A model of one expression would else abstain from everybody.
    enough = min(2, len(config.expressions))
    scorer = Scorer(
        norms, index, classifier, float("inf"), enough=enough, grades=grades, curves=curves
    )
    present = np.isfinite(z[usable]).any(axis=-1)
    spread = scorer.estimate(z[usable], present, None, states).spread
    scorer = replace(scorer, spread_limit=float(np.nanquantile(spread, 0.95)))
    digest = save_trained(config, scorer, norms, kept, source.identity)
    forget(parts)
    say(f"wrote {config.out} ({digest[:12]})")
    return digest


def norms_for(cohort: Cohort) -> tuple[Norms, bool]:
    """The cohort's own norms where it has enough people without PD, else the shipped ones."""
    if shipped := norms_of(cohort):
        return shipped, False
    return healthy_norms(cohort, reference=f"people without PD in {Path(cohort.name).name}"), True


def norms_of(cohort: Cohort) -> Norms | None:
    """The shipped norms where the cohort has too few people without PD for its own, else None."""
    without = len(set(cohort.subject[cohort.pd == 0]))
    return load(default_bundle_path()).norms if without < 2 * MIN_PEOPLE else None


def _no_norms(expression: str, norms: Norms, cohort: Cohort) -> CohortError:
    return CohortError(
        f"{expression} has no norms: {norms.reference} (a cohort with"
        f" {2 * MIN_PEOPLE} people without PD brings its own)",
        file=cohort.name,
    )


def grades_of(config: TrainingConfig, z: Any, cohort: Cohort) -> GradeModel:
    """Grades from the cohort's own clinicians."""
    rows = cohort.grade != UNKNOWN
    fusion = grade_fusion(config.expressions)
    trained_on = {
        "what": "clinicians' grades of this cohort",
        "grades": "MDS-UPDRS 3.2",
        "people_per_grade": [int((cohort.grade == g).sum()) for g in range(CLASSES)],
        "experimental": False,
    }
    people = [str(s) for s in cohort.subject[rows]]
    return train_grades(
        GradeSpec(fusion, seed=config.seed), z[rows], cohort.grade[rows], people, trained_on
    )


def save_trained(
    config: TrainingConfig, scorer: Scorer, norms: Norms, cohort: Cohort, source: SourceIdentity
) -> str:
    lstm = None if scorer.curves is None else dict(scorer.curves.model.card)
    metadata: dict[str, Any] = {
        **model_metadata(scorer),
        "intensity_source": source.name,
        "intensity_source_digest": source.digest,
        "diagnosis": lstm,
        "sources": [
            {"name": Path(config.cohort).name, "licence": config.licence,
             "used_for": "training, calibration", "sha256": cohort.sha256}
        ],
        "training": {
            "subjects": len(set(cohort.subject)),
            "pd": int((cohort.pd == 1).sum()),
            "split_hash": split_hash([str(s) for s in cohort.subject]),
            "people": sorted({person_digest(str(s)) for s in cohort.subject}),
            "excluded": "Rows whose split is test were left out.",
        },
        "norms": norms.reference,
        "limits": list(OWN_LIMITS),
        "figures": {},
        "details": "`report.md` of `python -m ml evaluate`",
        "evaluated": "not yet: python -m ml evaluate",
        "config_sha256": hashlib.sha256(canonical(asdict(config))).hexdigest(),
        "command": "python -m ml train CONFIG.json",
    }  # fmt: skip
    text = card(config.name, config.version, metadata)
    return save(
        Path(config.out), name=config.name, version=config.version, metadata=metadata,
        scorer=scorer, norms=norms, card=text, intensity=config.source_folder,
    )  # fmt: skip


def _silent(_: str) -> None:
    return None
