"""The bundle that ships: the recipe, on the public tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.public.tables import PUBLIC_EXPRESSIONS, PublicData
from ml.cohort.head_count import head_count
from ml.cohort.table import Cohort, split_hash, without_subjects
from ml.errors import WrongUse
from ml.scoring.drawn_grades import DrawnSpec
from ml.training.fusion import candidates
from ml.training.recipe import Recipe
from vocabulary.travel import Travel

REFERENCE = "people without PD in the public three-expression table (tmadnan/PD-Screening-SMILE)"
SHIPPED = Recipe(candidates(PUBLIC_EXPRESSIONS), grades=DrawnSpec(), reference=REFERENCE)

LIMITS = (
    "Trained on two recruitment streams whose protocol alone separates PD from not (AUROC 0.80)."
    " Trained in one stream it does not carry over to the other: read the probability beside the"
    " within-home figure, never the pooled one alone.",
    "Volunteers with a webcam; age differs between the classes (age alone separates them about as"
    " well). Skin tone, glasses, beards, palsy, stroke, botulinum and depression are not recorded"
    " in the data, so their effect is unknown.",
    "Smile, disgust and surprise only. Other expressions do not enter; fewer than two of the three"
    " make it abstain.",
    "Grades come from drawn faces only. No clinician's grade has been seen. They are experimental,"
    " for clinicians, and hidden from patients. They read the lack of movement as the hypomimia"
    " index does; for one expression alone they rank people exactly as it does.",
    "Norms hold for clips of about 10 s, three repetitions alternating with neutral, 640 × 480,"
    " measured with FaceMesh in static mode.",
)


def shipped_cohort(data: PublicData) -> Cohort:
    """Who trains the shipped bundle: everybody outside the smile table's official test split, so
    that anyone can score that split with it."""
    return without_subjects(data.three, set(data.official_test))


def shipped_metadata(
    data: PublicData,
    model: Mapping[str, Any],
    figures: Mapping[str, object],
    failures: Sequence[str] = (),
    travel: Travel | None = None,
) -> dict[str, Any]:
    """What the shipped bundle says of itself; ``model`` as :func:`ml.training.description`'s
    ``model_metadata`` has it, ``failures`` are those that the figures show; ``travel`` what its
    probability of PD is worth outside its data."""
    cohort = shipped_cohort(data)
    return {
        **model,
        "sources": [
            {
                "name": "tmadnan/PD-Screening-SMILE",
                "licence": "MIT",
                "used_for": "training, norms, calibration",
                "sha256": data.three.sha256,
            }
        ],
        "training": {
            **head_count(cohort),
            "split_hash": split_hash([str(s) for s in cohort.subject]),
            "excluded": "The subjects of the official test split of ROC-HCI/UFNet are in no"
            " training, norm or calibration step, so that split can be scored with this bundle.",
        },
        "limits": [*LIMITS, *failures],
        "figures": dict(figures),
        "travel": travel,
        "details": "`docs/results.md`",
        "evaluated": "nested, by subject, with 95 % intervals; the recipe, not these very weights,"
        " is what cross-validation evaluates",
        "command": "MIMIA_DATA=<the public tables> python -m experiments results --ship",
    }


def data_root(environment: str | None) -> Path:
    """Where ``MIMIA_DATA`` points; raises :class:`ml.errors.WrongUse` when it is not set."""
    if not environment:
        raise WrongUse("set MIMIA_DATA to the folder that holds the public tables")
    return Path(environment)
