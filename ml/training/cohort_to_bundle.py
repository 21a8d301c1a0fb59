"""A checked cohort → a trained bundle, seeded."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.cohort.clip_features import cohort_of_clips, curves_of_clips
from ml.cohort.head_count import columns_left, entered_twice, head_count, lacks
from ml.cohort.manifest import read_columns
from ml.cohort.table import Cohort, person_digest, read_table, split_hash
from ml.distributed import Processes, processes
from ml.errors import CohortError, ConfigError
from ml.features import columns_of
from ml.files import canonical, require_no_model, sha256
from ml.intensity.source import IntensityCurve, IntensitySource, SourceIdentity
from ml.intensity.sources import REAL_FACES, source_of_setting
from ml.measuring import blendshapes
from ml.scoring.bundle import save
from ml.scoring.curve_token import CurveSettings
from ml.scoring.norms import MIN_PEOPLE, Norms
from ml.scoring.scorer import Scorer
from ml.settings import make_folder
from ml.training.card import OWN_LIMITS, card
from ml.training.checks import check_enough, checked
from ml.training.config import TrainingConfig
from ml.training.description import check_card, model_metadata
from ml.training.recipe import Material, borrowed_norms, material_of, train_scorer
from vocabulary.expressions import Expression

logger = logging.getLogger(__name__)


def read_cohort(
    config: TrainingConfig,
    cache: Path,
    group: Processes | None = None,
    check: Callable[[Cohort], object] = lambda _: None,
) -> Cohort:
    """The labelled rows to train on, checked, with ``check`` too, before anything is measured.
    Raises :class:`CohortError`."""
    source = Path(config.cohort)
    if source.is_dir():
        if config.subject_column:
            raise ConfigError("subject_column: only for a feature table; a manifest has subject")
        # Measuring takes long: what the manifest alone can show is checked before.
        whole = cohort_of_clips(
            source,
            cache,
            source=config.source_folder,
            shapes=config.intensity_source == REAL_FACES,
            check=lambda promised: _ready(config, promised, check),
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
        _ready(config, whole, check)
    return checked(config, whole)


def _ready(config: TrainingConfig, whole: Cohort, check: Callable[[Cohort], object]) -> None:
    """All that can be known before the work: rows, norms, and a place for the bundle. Says who is
    trained on, which columns are read, and what lacks."""
    cohort = checked(config, whole)
    norms = borrowed_norms(cohort, config.expressions)
    for expression in config.expressions:
        if norms is not None and not any(c in norms.tables for c in columns_of(expression)):
            raise _no_norms(expression, norms, cohort)
    check(cohort)
    make_folder(Path(config.out))
    if cohort.read is not None:
        logger.info("%s", cohort.read.said())
    elif (columns := read_columns(Path(config.cohort))) is not None:
        logger.info("%s", columns.said())
    counts = head_count(cohort)
    visits = f" in {counts['rows']} rows" if "rows" in counts else ""
    logger.info("%d people%s, %d with PD", counts["subjects"], visits, counts["pd"])
    for line in entered_twice(cohort):
        logger.info("%s", line)
    for line in lacks(cohort, config.expressions):
        logger.info("lacks %s", line)


def train(config: TrainingConfig, cache: Path) -> str | None:
    """Train and save the bundle; its digest, None in all but the first process of torchrun.

    Several processes measure the clips together; training takes the first one minutes."""
    with processes() as group:
        # Loaded first: what is wrong with it shows before anything is measured.
        source = source_for(config)
        require_no_model(Path(config.out))
        cohort = read_cohort(config, cache, group)
        digest = train_on(config, cohort, source, cache) if group.first else None
        if digest is not None:
            logger.info("wrote %s (%s)", config.out, digest[:12])
        group.wait()
        return digest


def source_for(config: TrainingConfig) -> IntensitySource:
    """The source of intensity curves that the settings name. Raises :class:`ConfigError` where its
    clips could not be measured."""
    if config.intensity_source == REAL_FACES:
        blendshapes.required()
    return source_of_setting(config.intensity_source)


def train_on(config: TrainingConfig, cohort: Cohort, source: IntensitySource, cache: Path) -> str:
    """Train on all rows of a checked cohort and save the bundle, as :func:`train`."""
    recipe, material = config.recipe(), usable_of(config, cohort)
    check_card(
        config.name, config.version, recipe, material.kept,
        lambda model: metadata_of(config, model, material, source.identity),
    )  # fmt: skip
    people = None
    if recipe.curves is not None:
        people = curves_of(config, material, recipe.curves, source, cache)
    scorer = train_scorer(material, recipe, people)
    return save_trained(config, scorer, material, source.identity)


def curves_of(
    config: TrainingConfig,
    material: Material,
    settings: CurveSettings,
    source: IntensitySource,
    cache: Path,
) -> list[Mapping[str, IntensityCurve]]:
    """Each row's curves. Raises :class:`CohortError` where too few have some."""
    kept = material.kept
    recorded = curves_of_clips(Path(config.cohort), kept, cache, source, config.source_folder)
    people: list[Mapping[str, IntensityCurve]] = [recorded[int(line)] for line in kept.line]
    seen = np.array([any(e in p for e in settings.network.expressions) for p in people])
    present = np.isfinite(material.z).any(axis=-1) & seen[:, None]
    check_enough(config, kept, present, " and curves")
    return people


def usable_of(config: TrainingConfig, cohort: Cohort) -> Material:
    """The rows that have something to learn from. Raises :class:`CohortError` when too few do."""
    material = material_of(cohort, config.recipe())
    present = np.isfinite(material.z).any(axis=-1)
    for expression, there in zip(config.expressions, present.any(axis=0), strict=True):
        if not there:
            raise _no_norms(expression, material.norms, cohort)
    check_enough(config, material.kept, present)
    return material


def _no_norms(expression: str, norms: Norms, cohort: Cohort) -> CohortError:
    return CohortError(
        f"{expression} has no norms: {norms.reference} (a cohort with"
        f" {2 * MIN_PEOPLE} people without PD brings its own)",
        file=cohort.name,
    )


def metadata_of(
    config: TrainingConfig, model: Mapping[str, Any], material: Material, source: SourceIdentity
) -> dict[str, Any]:
    """What the bundle says of itself; ``model``: what it says of its model."""
    cohort = material.kept
    return {
        **model,
        "intensity_source": source.name,
        "intensity_source_digest": source.digest,
        "sources": [
            {"name": Path(config.cohort).name, "licence": config.licence,
             "used_for": "training, calibration", "sha256": cohort.sha256}
        ],
        "training": {
            **head_count(cohort),
            "split_hash": split_hash([str(s) for s in cohort.subject]),
            "people": sorted({person_digest(str(s)) for s in cohort.subject}),
            "excluded": "Rows whose split is test were left out.",
            "lacks": [*entered_twice(cohort), *lacks(cohort, config.expressions)],
            "columns": columns_left(cohort),
        },
        "norms": material.norms.reference,
        "layout": cohort.layout,
        "limits": [*OWN_LIMITS, *_norms_of(config, material)],
        "figures": {},
        "travel": None,
        "details": "`report.md` of `python -m ml evaluate`",
        "evaluated": "not yet: python -m ml evaluate",
        "config_sha256": sha256(canonical(config.placeless(source.name))),
        "command": "python -m ml train CONFIG.json",
    }  # fmt: skip


def _norms_of(config: TrainingConfig, material: Material) -> list[str]:
    """What the card says of norms that are no shipped ones, and of points in place of films."""
    said = []
    if material.kept.layout:
        said.append(
            f"Measured from points of the layout {material.kept.layout}, not from films: it reads"
            " no other, and norms of one do not hold for the other."
        )
    if Expression.FREE in config.expressions:
        said.append(
            "Free speech, without cues: norms and index are of the cohort's own"
            f" {material.norms.people} recordings of people without PD"
            f" ({material.norms.reference}); what was spoken of, and how long, moves them."
        )
    elif material.own and material.few:
        said.append(f"Norms of {material.norms.people} recordings of people without PD: few.")
    return said


def save_trained(
    config: TrainingConfig, scorer: Scorer, material: Material, source: SourceIdentity
) -> str:
    metadata = metadata_of(config, model_metadata(scorer), material, source)
    return save(
        Path(config.out), name=config.name, version=config.version, metadata=metadata,
        scorer=scorer, norms=material.norms, card=card(config.name, config.version, metadata),
        intensity=config.source_folder,
    )  # fmt: skip
