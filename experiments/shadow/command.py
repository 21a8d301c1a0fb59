"""``python -m experiments shadow``: trains the bundle that ships as the shadow.

Intensity curves of every expression go through an LSTM (arXiv 2512.09276), whose last state is one
more token of the attention fusion with adaptive balancing (arXiv 2510.17373). No public videos of
graded faces are to be had, so it learns from drawn people, and says so everywhere. What it learns
are normal scores against *drawn* people without PD; what it is served are normal scores against
*real* people without PD, by the norms and the index of the bundle that is active at first. Whether
the one carries over to the other nobody knows; the card says what is known.
"""

import argparse
import csv
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.public.shipped import data_root
from experiments.public.tables import public_data
from ml.cohort.manifest import MANIFEST
from ml.cohort.table import Cohort
from ml.evaluation.judge import Judged, figures
from ml.evaluation.nested import judge_nested
from ml.metrics import Interval, auroc, bootstrap, subject_resamples
from ml.scoring.bundle import SHADOW, Bundle, default_bundle_path, load, save, shadow_bundle_path
from ml.scoring.curve_token import CurveSettings
from ml.training.card import card
from ml.training.cohort_to_bundle import (
    curves_of,
    metadata_of,
    read_cohort,
    source_for,
    usable_of,
)
from ml.training.config import TrainingConfig, config_from
from ml.training.description import model_metadata
from ml.training.recipe import train_scorer

logger = logging.getLogger(__name__)

DRAW = (
    "python -m ml phantom cohort --subjects 140 --seed 20261125 --out var/shadow/cohort"
    " --expressions rest,smile,disgust,surprise --seconds 8 --fps 25 --size 320x240"
)
#: The pages say it beside what the bundle says of somebody.
DRAWN_AUROC = "drawn people, held out: auroc"
REAL_AUROC = "real people of the public table, the norms' own among them, without curves: auroc"
DETAILS = "not judged, the figures above are all there are"
LIMITS = (
    "Experimental. It learnt from drawn people alone, whose illness is programmed: no person with"
    " Parkinson's disease taught it anything, and no figure of it is a clinical one.",
    "A second opinion for clinicians who try the method; patients never see it, and it decides"
    " nothing.",
    "It learnt normal scores against drawn people without PD and is served normal scores against"
    " real ones: that these mean the same is an assumption.",
    "Curves are geometric ones, which follow a real smile well and other expressions weakly.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cohort", type=Path, default=Path("var/shadow/cohort"))
    parser.add_argument("--cache", type=Path, default=Path("var/features"))
    parser.add_argument("--out", type=Path, default=shadow_bundle_path())
    parser.add_argument("--folds", type=int, default=5, help="outer folds of its evaluation")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    data = public_data(data_root(os.environ.get("MIMIA_DATA")))
    everybody_teaches(options.cohort)
    config = _config(options.cohort.resolve(), options.out)
    judged = judge_nested(config, options.folds, options.cache)
    bundle = train(config, options.cache, drawn_figures(judged), data.three)
    (Path("docs/model-cards") / f"{SHADOW}.md").write_text(bundle.card, encoding="utf-8")
    logger.info("wrote %s (%s)", options.out, bundle.digest[:12])
    return 0


def _config(cohort: Path, out: Path) -> TrainingConfig:
    name, version = SHADOW.rsplit("-", 1)
    settings = {
        "name": name,
        "version": version,
        "cohort": str(cohort),
        "out": str(out),
        "expressions": ["smile", "disgust", "surprise"],
        "licence": "drawn by Mimia itself",
        "diagnosis": True,
    }
    return config_from(settings, cohort.parent)


def everybody_teaches(cohort: Path) -> None:
    """Drawn people come in splits; here all of them teach, and are judged in outer folds."""
    path = cohort / MANIFEST
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [{**row, "split": ""} for row in csv.DictReader(stream)]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def train(config: TrainingConfig, cache: Path, known: Mapping[str, object], real: Cohort) -> Bundle:
    """Learnt on the drawn people's own norms, saved with those of the bundle that ships. ``real``:
    the public table, on which it is judged without curves."""
    source = source_for(config)
    cohort = read_cohort(config, cache)
    material = usable_of(config, cohort)
    recipe = config.recipe()
    people = curves_of(config, material, recipe.curves or CurveSettings(), source, cache)
    learnt = train_scorer(material, recipe, people)
    shipped = load(default_bundle_path())
    served = replace(learnt, norms=shipped.norms, index=shipped.scorer.index)

    def saved(figures: Mapping[str, object]) -> Bundle:
        described = metadata_of(config, model_metadata(served), material, source.identity)
        served_by = [{**one, "used_for": "norms, index"} for one in shipped.metadata["sources"]]
        metadata: dict[str, Any] = {
            **described,
            "norms": shipped.norms.reference,
            "sources": [*described["sources"], *served_by],
            "drawn": True,
            "limits": list(LIMITS),
            "figures": dict(figures),
            "details": DETAILS,
            "evaluated": "on drawn people by nested cross-validation, on real ones without curves",
            "command": f"{DRAW}; python -m experiments shadow",
        }
        # No probability of anybody real: what it is worth elsewhere is no question.
        del metadata["travel"]
        save(
            Path(config.out),
            name=config.name,
            version=config.version,
            metadata=metadata,
            scorer=served,
            norms=shipped.norms,
            card=card(config.name, config.version, metadata),
        )
        return load(Path(config.out))

    # Its figure on real people is that of the very bundle; the card is written again with it.
    return saved({**known, **real_figures(saved(known), real)})


def drawn_figures(judged: Judged) -> dict[str, object]:
    """On drawn people that it has not seen, with its own norms: what the method can do there."""
    found = figures(judged)["pd"]
    return {
        DRAWN_AUROC: found["auroc"],
        "drawn people, held out: auroc of logistic regression": found["auroc_simple"],
        "drawn people, held out: brier skill": found["brier_skill"],
        "drawn people, held out: ece": found["ece"],
    }


def real_figures(bundle: Bundle, real: Cohort) -> dict[str, object]:
    """On the public table of real people, which has no curves: the token of the LSTM is masked."""
    scores = bundle.score(real.records())
    p = np.array([np.nan if s.p_pd is None else s.p_pd for s in scores])
    rows = np.isfinite(p)
    found: Interval = bootstrap(
        auroc, real.pd[rows], p[rows], subject_resamples(real.subject[rows])
    )
    return {REAL_AUROC: found.to_json()}
