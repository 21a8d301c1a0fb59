"""A configuration file → a trained bundle: validated first, seeded, resumable fold by fold."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ml.bundle import canonical, default_bundle_path, load, plain, save
from ml.cohort import UNKNOWN, Cohort, check_for_training, read_table, split_hash
from ml.distributed import Processes, processes
from ml.errors import CohortError, ConfigError
from ml.expressions import EXPRESSIONS, is_expression
from ml.features import columns_of
from ml.norms import MIN_PEOPLE, Norms
from ml.settings import make_folder, read_object, settings
from ml.severity.balance import PRESETS
from ml.severity.build import fit_index, healthy_norms, model_metadata
from ml.severity.card import OWN_LIMITS, card
from ml.severity.classifier import Classifier, ClassifierSpec, calibrated, crossfit_plan
from ml.severity.ensemble import Examples, Parameters, fit
from ml.severity.grades import CLASSES, GradeModel, GradeSpec, grade_fusion, train_grades
from ml.severity.measured import cohort_of_clips
from ml.severity.scorer import Scorer
from ml.severity.whitening import Whitening

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainingConfig:
    """What ``CONFIG.json`` holds. ``cohort`` is a feature table or a folder with a manifest,
    relative to the file; rows whose split is ``test`` are left for ``evaluate``. ``model`` holds
    the fields of :class:`ml.severity.classifier.ClassifierSpec` that differ from the defaults."""

    name: str
    version: str
    cohort: str
    out: str
    expressions: tuple[str, ...]
    licence: str = "not stated"
    grades: bool = False
    seed: int = 0
    model: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        known = all(is_expression(name) for name in self.expressions)
        if not known or len(set(self.expressions)) != len(self.expressions) or not self.expressions:
            raise ConfigError(f"expressions: must be some of {', '.join(EXPRESSIONS)}, each once")
        if not (self.name and self.version and self.out):
            raise ConfigError("name, version and out must not be empty")

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
    return replace(config, cohort=str(here / config.cohort), out=str(here / config.out))


def _object(data: object, at: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{at}: must be an object, {{…}}")
    return dict(data)


def read_cohort(config: TrainingConfig, cache: Path, say: Say) -> Cohort:
    """The labelled rows to train on, checked. Raises :class:`CohortError`."""
    source = Path(config.cohort)
    if source.is_dir():
        timer = _Timer(say, "measuring clips")
        # Measuring takes long: what the manifest alone can show is checked before.
        whole = cohort_of_clips(
            source, cache, progress=timer, check=lambda promised: _ready(config, promised)
        )
    else:
        whole = read_table(source, name=str(source))
        _ready(config, whole)
    return _checked(config, whole)


def _ready(config: TrainingConfig, whole: Cohort) -> None:
    """All that can be known before the work: rows, norms, and a place for the bundle."""
    cohort = _checked(config, whole)
    norms = norms_of(cohort)
    for expression in config.expressions:
        if norms is not None and not any(c in norms.tables for c in columns_of(expression)):
            raise _no_norms(expression, norms, cohort)
    make_folder(Path(config.out))


def _checked(config: TrainingConfig, whole: Cohort) -> Cohort:
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
        cohort = read_cohort(config, cache, say if group.first else _silent)
        norms, own = norms_for(cohort)
        z = norms.z_tokens(config.expressions, cohort.tokens(config.expressions))
        for expression, there in zip(
            config.expressions, np.isfinite(z).any(axis=(0, 2)), strict=True
        ):
            if not there:
                raise _no_norms(expression, norms, cohort)
        usable = np.isfinite(z).any(axis=(1, 2))
        kept = cohort.take(usable)
        spec = config.spec() if own else replace(config.spec(), whiten=False)
        classifier = crossfit(spec, z[usable], kept, Path(config.out), group, say)
        if classifier is None:
            return None
        index = fit_index(norms, kept, config.expressions, norms.reference) if own else None
        if index is None:
            index = load(default_bundle_path()).scorer.index
        grades = grades_of(config, z[usable], kept) if config.grades else None
        scorer = Scorer(norms, index, classifier, spread_limit=float("inf"), grades=grades)
        present = np.isfinite(z[usable]).any(axis=-1)
        spread = scorer.estimate(z[usable], present, None).spread
        scorer = replace(scorer, spread_limit=float(np.nanquantile(spread, 0.95)))
        digest = save_trained(config, scorer, norms, kept)
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


def crossfit(
    spec: ClassifierSpec, z: Any, cohort: Cohort, out: Path, group: Processes, say: Say
) -> Classifier | None:
    """Train fold by fold, each kept on disk when done: a run that was cut goes on where it was.
    Several processes share the folds; the first one puts them together."""
    labels, people = cohort.pd, [str(s) for s in cohort.subject]
    fold, weights, inner, fold_of = crossfit_plan(labels, people, spec)
    if spec.balance.class_difficulty > 0 and not inner.any(axis=1).all():
        raise CohortError(
            f"{len(set(people))} subjects are too few to keep some of each fold aside for the"
            " class difficulty; set model.balance.class_difficulty to 0, or use fewer folds",
            file=cohort.name,
        )
    whitening = (
        Whitening.fit(z[labels == 0]) if spec.whiten else Whitening.none(z.shape[1], z.shape[2])
    )
    tokens = whitening.tokens(z)
    present = torch.from_numpy(np.isfinite(z).any(axis=-1))
    examples = Examples(tokens, present, torch.from_numpy(labels))
    key = run_key(spec, tokens, cohort)
    parts = out.with_name(f"{out.name}.partial")
    parts.mkdir(parents=True, exist_ok=True)
    files = [parts / f"{key}-fold-{k}.safetensors" for k in range(spec.folds)]
    timer = _Timer(say, "training folds") if group.first else None
    for k, file in enumerate(files):
        if k % group.world == group.rank and not file.is_file():
            mine = fold_of == k
            trained = fit(
                spec.fusion, spec.balance, spec.schedule, examples,
                torch.from_numpy(weights[mine]).float(), torch.from_numpy(inner[mine]).float(),
                seed=spec.seed * 1000 + k,
            )  # fmt: skip
            _keep(trained, file)
        if timer is not None:
            timer(k + 1, spec.folds)
    group.wait()
    if not group.first:
        return None
    loaded = [load_file(file) for file in files]
    if not all(torch.isfinite(value).all() for part in loaded for value in part.values()):
        for file in files:
            file.unlink()
        raise ConfigError("training diverged: lower model.schedule.learning_rate")
    parameters: Parameters = {n: torch.cat([part[n] for part in loaded]) for n in loaded[0]}
    for file in files:
        file.unlink()
    if not any(parts.iterdir()):
        parts.rmdir()
    prevalence = float((labels > 0).mean())
    classifier = Classifier(spec, parameters, whitening, fold_of, prevalence)
    return calibrated(classifier, z, labels, fold)


def run_key(spec: ClassifierSpec, tokens: torch.Tensor, cohort: Cohort) -> str:
    """Identity of a run: a fold that another configuration or cohort trained is never reused."""
    digest = hashlib.sha256(json.dumps(asdict(spec), sort_keys=True, default=str).encode())
    digest.update(tokens.numpy().tobytes() + cohort.pd.tobytes())
    digest.update("\n".join(map(str, cohort.subject)).encode())
    return digest.hexdigest()[:16]


def _keep(parameters: Parameters, file: Path) -> None:
    partial = file.with_suffix(".part")
    save_file({n: v.contiguous() for n, v in parameters.items()}, partial)
    partial.replace(file)


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
    return train_grades(
        GradeSpec(fusion, seed=config.seed), z[rows], cohort.grade[rows], trained_on
    )


def save_trained(config: TrainingConfig, scorer: Scorer, norms: Norms, cohort: Cohort) -> str:
    metadata: dict[str, Any] = {
        **model_metadata(scorer),
        "sources": [
            {"name": Path(config.cohort).name, "licence": config.licence,
             "used_for": "training, calibration", "sha256": cohort.sha256}
        ],
        "training": {
            "subjects": len(set(cohort.subject)),
            "pd": int((cohort.pd == 1).sum()),
            "split_hash": split_hash([str(s) for s in cohort.subject]),
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
        scorer=scorer, norms=norms, card=text,
    )  # fmt: skip


class _Timer:
    """Says how far a step is and how long the rest will take, at most every ten seconds."""

    def __init__(self, say: Say, name: str) -> None:
        self._say, self._name = say, name
        self._started = self._said = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if done < of and now - self._said < 10:
            return
        self._said = now
        left = (now - self._started) / done * (of - done)
        self._say(f"{self._name}: {done} of {of}, about {left:.0f} s left")


def _silent(_: str) -> None:
    return None
