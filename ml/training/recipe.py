"""A checked cohort → a trained bundle: seeded, resumable fold by fold."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.cohort.clip_features import cohort_of_clips, curves_of_clips
from ml.cohort.head_count import columns_left, head_count, lacks
from ml.cohort.manifest import read_columns
from ml.cohort.table import UNKNOWN, Cohort, person_digest, read_table, split_hash
from ml.distributed import Processes, processes
from ml.errors import CohortError, ConfigError
from ml.features import columns_of
from ml.files import canonical, require_no_model
from ml.intensity.source import IntensitySource, SourceIdentity
from ml.intensity.sources import source_of_setting
from ml.scoring.bundle import default_bundle_path, load, save
from ml.scoring.classifier import crossfit_plan
from ml.scoring.curve_token import crossfit_states, forget, fusion_with, join
from ml.scoring.grades import CLASSES, GradeModel, GradeSpec, grade_fusion, train_grades
from ml.scoring.norms import MIN_PEOPLE, Norms
from ml.scoring.scorer import Scorer
from ml.settings import make_folder
from ml.training.card import OWN_LIMITS, card
from ml.training.checks import check_enough, checked
from ml.training.config import TrainingConfig
from ml.training.crossfit import Say, Timer, crossfit, parts_of
from ml.training.shipped import fit_index, healthy_norms, model_metadata

Floats = npt.NDArray[np.float64]


def read_cohort(
    config: TrainingConfig,
    cache: Path,
    say: Say,
    group: Processes | None = None,
    check: Callable[[Cohort], object] = lambda _: None,
) -> Cohort:
    """The labelled rows to train on, checked, with ``check`` too, before anything is measured.
    Raises :class:`CohortError`."""
    source = Path(config.cohort)
    if source.is_dir():
        if config.subject_column:
            raise ConfigError("subject_column: only for a feature table; a manifest has subject")
        timer = Timer(say, "measuring clips")
        # Measuring takes long: what the manifest alone can show is checked before.
        whole = cohort_of_clips(
            source,
            cache,
            source=config.source_folder,
            progress=timer,
            check=lambda promised: _ready(config, promised, say, check),
            group=group,
        )
    else:
        if config.diagnosis:
            raise ConfigError("diagnosis: needs a cohort of clips, a feature table has no curves")
        whole = read_table(
            source,
            name=str(source),
            subject_column=config.subject_column,
            ignore_near=config.ignore_nearly_matching,
        )
        _ready(config, whole, say, check)
    return checked(config, whole)


def _ready(
    config: TrainingConfig, whole: Cohort, say: Say, check: Callable[[Cohort], object]
) -> None:
    """All that can be known before the work: rows, norms, and a place for the bundle. Says who is
    trained on, which columns are read, and what lacks."""
    cohort = checked(config, whole)
    norms = norms_of(cohort)
    for expression in config.expressions:
        if norms is not None and not any(c in norms.tables for c in columns_of(expression)):
            raise _no_norms(expression, norms, cohort)
    check(cohort)
    make_folder(Path(config.out))
    if cohort.read is not None:
        say(cohort.read.said())
    elif (columns := read_columns(Path(config.cohort))) is not None:
        say(columns.said())
    counts = head_count(cohort)
    visits = f" in {counts['rows']} rows" if "rows" in counts else ""
    say(f"{counts['subjects']} people{visits}, {counts['pd']} with PD")
    for line in lacks(cohort, config.expressions):
        say(f"lacks {line}")


def train(config: TrainingConfig, cache: Path, say: Say) -> str | None:
    """Train and save the bundle; its digest, None in all but the first process of torchrun."""
    with processes() as group:
        # Loaded first: what is wrong with it shows before anything is measured.
        source = source_for(config)
        require_no_model(Path(config.out))
        cohort = read_cohort(config, cache, say if group.first else _silent, group)
        return train_on(config, cohort, source, cache, group, say)


def source_for(config: TrainingConfig) -> IntensitySource:
    """The source of intensity curves that the settings name."""
    return source_of_setting(config.intensity_source)


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
    usable = usable_of(config, cohort)
    norms, own, kept, z = usable.norms, usable.own, usable.kept, usable.z
    spec = config.spec() if own else replace(config.spec(), whiten=False)
    parts = parts_of(Path(config.out))
    tokens, states, curves, lstms = z, None, None, list[Path]()
    if (settings := config.curves()) is not None:
        recorded = curves_of_clips(Path(config.cohort), kept, cache, source, folder)
        people = [recorded[int(line)] for line in kept.line]
        seen = np.array([any(e in p for e in settings.network.expressions) for p in people])
        present = np.isfinite(z).any(axis=-1) & seen[:, None]
        check_enough(config, kept, present, " and curves")
        fold = crossfit_plan(kept.pd, [str(s) for s in kept.subject], spec)[0]
        progress = Timer(say, "training the LSTM") if group.first else None
        states, curves, lstms = crossfit_states(
            people, kept.pd, fold, settings, parts, group, progress
        )
        tokens = join(tokens, states)
        spec = replace(spec, fusion=fusion_with(spec.fusion, tokens))
    classifier = crossfit(spec, tokens, kept, parts, group, say)
    if classifier is None:
        return None
    index = fit_index(norms, kept, config.expressions, norms.reference) if own else None
    if index is None:
        index = load(default_bundle_path()).scorer.index
    grades = grades_of(config, z, kept) if config.grades else None
    # A model of one expression would else abstain from everybody.
    enough = min(2, len(config.expressions))
    scorer = Scorer(
        norms, index, classifier, float("inf"), enough=enough, grades=grades, curves=curves
    )
    present = np.isfinite(z).any(axis=-1)
    spread = scorer.estimate(z, present, None, states).spread
    scorer = replace(scorer, spread_limit=float(np.nanquantile(spread, 0.95)))
    digest = save_trained(config, scorer, norms, kept, source.identity)
    forget(lstms, parts)
    say(f"wrote {config.out} ({digest[:12]})")
    return digest


@dataclass(frozen=True, eq=False)
class Usable:
    """``norms`` (``own``: the cohort's), the rows ``kept`` with a normal score, ``z`` (N, K, F)."""

    norms: Norms
    own: bool
    kept: Cohort
    z: Floats


def usable_of(config: TrainingConfig, cohort: Cohort) -> Usable:
    """The rows that have something to learn from. Raises :class:`CohortError` when too few do."""
    norms, own = norms_for(cohort)
    z = norms.z_tokens(config.expressions, cohort.tokens(config.expressions))
    present = np.isfinite(z).any(axis=-1)
    for expression, there in zip(config.expressions, present.any(axis=0), strict=True):
        if not there:
            raise _no_norms(expression, norms, cohort)
    check_enough(config, cohort, present)
    rows = present.any(axis=1)
    return Usable(norms, own, cohort.take(rows), z[rows])


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
        "people_per_grade": [len(set(cohort.subject[cohort.grade == g])) for g in range(CLASSES)],
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
            **head_count(cohort),
            "split_hash": split_hash([str(s) for s in cohort.subject]),
            "people": sorted({person_digest(str(s)) for s in cohort.subject}),
            "excluded": "Rows whose split is test were left out.",
            "lacks": lacks(cohort, config.expressions),
            "columns": columns_left(cohort),
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
