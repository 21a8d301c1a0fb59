"""``python -m experiments results``: re-trains, re-evaluates, rewrites the results page.

With ``--ship`` the freshly trained bundle, its figures on the card, replaces the one that ships.
"""

import argparse
import logging
import os
import time
from pathlib import Path

from experiments.public.aims import figures_for_card
from experiments.public.findings import compute
from experiments.public.page import abstention_words, markdown
from experiments.public.shipped import SHIPPED, data_root, shipped_cohort, shipped_metadata
from experiments.public.tables import PublicData, public_data
from experiments.repeatability.learnt import learn
from ml.errors import WrongUse
from ml.scoring.bundle import default_bundle_path, load, save
from ml.scoring.scorer import Scorer
from ml.training.card import card
from ml.training.description import check_card, model_metadata
from ml.training.recipe import material_of, train_scorer
from vocabulary.travel import Travel

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--cache", type=Path, default=Path("var/results"))
    parser.add_argument("--repeats", type=int, default=3, help="repeats of the outer 5-fold split")
    parser.add_argument("--ablation-repeats", type=int, default=1)
    parser.add_argument("--ship", action="store_true", help="replace the bundle that ships")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    started = time.monotonic()
    data = public_data(data_root(os.environ.get("MIMIA_DATA")))
    material = material_of(shipped_cohort(data), SHIPPED)
    name, version = default_bundle_path().name.rsplit("-", 1)
    check_card(name, version, SHIPPED, material.kept, lambda m: shipped_metadata(data, m, {}))
    logger.info("training the bundle")
    scorer = train_scorer(material, SHIPPED)
    found = compute(
        data,
        scorer,
        options.cache,
        repeats=options.repeats,
        ablation_repeats=options.ablation_repeats,
    )
    command = "python -m experiments results"
    page = markdown(found, data, command=command, seconds=time.monotonic() - started)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page, encoding="utf-8")
    logger.info("wrote %s", options.out)
    if options.ship and not found.balancing.ships:
        raise WrongUse(
            f"{found.balancing.winner} wins and is not what ships: give the candidates in"
            " ml/training/fusion.py its balance first"
        )
    if options.ship:
        failures = [abstention_words(found)]
        digest = ship(data, scorer, figures_for_card(found), failures, found.travel)
        logger.info("shipped bundle %s", digest[:12])
    return 0


def ship(
    data: PublicData,
    scorer: Scorer,
    figures: dict[str, object],
    failures: list[str],
    travel: Travel,
) -> str:
    """Write the bundle that ships, how its scores repeat, and its card under docs/model-cards."""
    path = default_bundle_path()
    name, version = path.name.rsplit("-", 1)
    metadata = shipped_metadata(data, model_metadata(scorer), figures, failures, travel)
    text = card(name, version, metadata)
    digest = save(
        path,
        name=name,
        version=version,
        metadata=metadata,
        scorer=scorer,
        norms=scorer.norms,
        card=text,
    )
    learn(data, load(path))
    copy = Path("docs/model-cards") / f"{path.name}.md"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text, encoding="utf-8")
    return digest
