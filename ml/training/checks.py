"""What a cohort must have before anybody is trained on."""

import numpy as np
import numpy.typing as npt

from ml.cohort.table import UNKNOWN, Cohort, check_for_training, check_splits
from ml.errors import CohortError
from ml.scoring.grades import CLASSES
from ml.training.config import TrainingConfig

Booleans = npt.NDArray[np.bool_]

# Of these a fifth is kept aside for the distribution, and a sixth of the rest by each member.
LEAST_GRADED = 10


def checked(config: TrainingConfig, whole: Cohort) -> Cohort:
    """The rows to train on. Raises :class:`CohortError` where they cannot be trained on."""
    if not np.isfinite(whole.values).any():
        raise CohortError("no row has a usable feature", file=whole.name)
    if whole.read is not None and whole.read.place("pd") is None:
        raise CohortError("no column is named pd (1 with PD, 0 without)", file=whole.name)
    check_splits(whole)
    cohort = whole.take((whole.split != "test") & (whole.pd != UNKNOWN))
    check_for_training(cohort, label="pd", classes=2)
    present = np.isfinite(cohort.tokens(config.expressions)).any(axis=-1)
    for expression, found in zip(config.expressions, present.any(axis=0), strict=True):
        if not found:
            raise CohortError(f"no row to train on has {expression}", file=whole.name)
    check_enough(config, cohort, present)
    return cohort


def check_enough(
    config: TrainingConfig, cohort: Cohort, present: Booleans, beside: str = ""
) -> None:
    """Enough people for the folds, counted on rows with something to learn from.

    ``present`` (N, K): which of ``config.expressions`` a row has; ``beside``: what else it asks
    for, in words. Each set of expressions is calibrated by itself, and who has all of them is in
    every such set. Raises :class:`CohortError`.
    """
    folds = config.candidates()[0].folds
    wanted = " and ".join(config.expressions)
    for label in (0, 1):
        own = cohort.pd == label
        for what, rows in (
            ("", present.any(axis=1)),
            (f" and all of {wanted}", present.all(axis=1)),
        ):
            people = len(set(cohort.subject[own & rows]))
            if people < folds:
                rarest = config.expressions[int(present[own].sum(axis=0).argmin())]
                hint = f" ({rarest} is the rarest)" if what else ""
                have = f"pd {label}{what}{beside}{hint}"
                raise CohortError(
                    f"only {people} subjects have {have}; {folds} folds need as many of each",
                    file=cohort.name,
                )
    if config.grades:
        learnt = cohort.take(present.any(axis=1))
        check_for_training(learnt, label="grade", classes=CLASSES)
        graded = len(set(learnt.subject[learnt.grade != UNKNOWN]))
        if graded < LEAST_GRADED:
            raise CohortError(
                f"only {graded} subjects have a grade; {LEAST_GRADED} are needed",
                file=cohort.name,
            )
