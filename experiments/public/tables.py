"""The two public tables (ROC-HCI/UFNet smiles, tmadnan/PD-Screening-SMILE three expressions), from
our copies or the original repositories' files, and the smile table's official split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ml.cohort.table import UNKNOWN, Cohort, Strings, read_table
from ml.errors import CohortError

SMILE_TABLES = (
    "ufnet/smile.csv",
    "data/facial_expression_smile/facial_dataset.csv",
    "facial_dataset.csv",
)
THREE_TABLES = (
    "pd-screening-smile/smile-disgust-surprise.csv",
    "cross_validation/dataset-cross-validation.csv",
    "dataset-cross-validation.csv",
)
HOME_PROTOCOL = "Home-Global"
PUBLIC_EXPRESSIONS = ("smile", "disgust", "surprise")


@dataclass(frozen=True, eq=False)
class PublicData:
    """Both public tables. ``official_test`` are the subjects of the smile table's test split."""

    three: Cohort
    smile: Cohort
    official_test: frozenset[str]


def public_data(root: Path) -> PublicData:
    """Read both public tables below ``root`` (``MIMIA_DATA``), ours or the originals.

    Unlabelled rows are left out. Raises :class:`CohortError` when a table is not there.
    """
    three = _labelled(_read(_first(root, THREE_TABLES), "smile-disgust-surprise"))
    smile = _labelled(_read(_first(root, SMILE_TABLES), "smile"))
    if not any(smile.split):
        smile = replace(smile, split=_original_split(root, smile.subject))
    test = frozenset(str(s) for s in smile.subject[smile.split == "test"])
    return PublicData(three=three, smile=smile, official_test=test)


def _read(path: Path, name: str) -> Cohort:
    """The originals have many columns, known to be no features of ours."""
    return read_table(path, name=name, ignore_near=True)


def _labelled(cohort: Cohort) -> Cohort:
    return cohort.take(cohort.pd != UNKNOWN)


def _first(root: Path, names: Sequence[str]) -> Path:
    for name in names:
        if (root / name).is_file():
            return root / name
    raise CohortError(f"none of {', '.join(names)} is there; set MIMIA_DATA", file=str(root))


def _original_split(root: Path, subjects: Strings) -> Strings:
    """The original repository keeps its split as lists of participants beside the tables."""
    named: dict[str, str] = {}
    for split in ("dev", "test"):
        for folder in (root / "data", root):
            path = folder / f"{split}_set_participants.txt"
            if path.is_file():
                named.update(dict.fromkeys(path.read_text().split(), split))
    return np.array([named.get(str(s), "train") for s in subjects], dtype=np.str_)
