"""What is known of how well scores repeat: variance components, and for which model they hold.

``repeatability.json`` beside this file holds variance components, counts and where they come from,
never anybody's row; ``python -m experiments repeatability`` writes it. It names the weights of the
index and the grade model whose scores it was learnt from: another model's components are refused.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ml.errors import ConfigError
from ml.files import canonical, sha256
from ml.scoring.index import HypomimiaIndex
from ml.scoring.person import GRADE, INDEX, Components, own_components
from ml.scoring.scorer import Scorer
from ml.scoring.storage import config_of
from ml.settings import Settings, read_object, settings

FILE = Path(__file__).with_name("repeatability.json")
SCHEMA = 1


@dataclass(frozen=True)
class Source:
    """The table of people with repeats, and its licence; ``is_own``: those of the installation
    itself, which are in no table."""

    name: str
    licence: str
    sha256: str
    is_own: bool = False


@dataclass(frozen=True)
class LearntFrom:
    """The bundle whose scores repeated, and the expressions of the sessions it scored."""

    bundle: str
    index: str
    grades: str
    expressions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Repeatability(Settings):
    """Components of the index (on its normal scores), of the expected grade, and of the normal
    score of each signal by its column, where they were learnt. ``index`` and ``grade`` are None
    where the model is another than the one they were learnt from: see :meth:`for_model`."""

    index: Components | None
    grade: Components | None
    signals: Mapping[str, Components]
    source: Source
    learnt_from: LearntFrom

    def for_model(self, scorer: Scorer) -> "Repeatability":
        """Without what does not hold for this model's scores."""
        same_index = self.learnt_from.index == index_digest(scorer.index)
        same_grades = self.learnt_from.grades == grades_digest(scorer)
        return Repeatability(
            self.index if same_index else None,
            self.grade if same_grades else None,
            self.signals if same_index else {},
            self.source,
            self.learnt_from,
        )

    def with_own(
        self,
        index: Collection[Sequence[float]],
        grade: Collection[Sequence[float]],
        expressions: Sequence[str],
    ) -> "Repeatability":
        """With components of an installation's own people, by this very model, in place of the
        public ones, once enough of them came twice: each person's sessions (percentile points;
        grades)."""
        own_index = own_components(index, INDEX)
        if own_index is None:
            return self
        return replace(
            self,
            index=own_index,
            grade=own_components(grade, GRADE) or self.grade,
            source=Source("this clinic's own people", "", "", is_own=True),
            learnt_from=replace(self.learnt_from, expressions=tuple(expressions)),
        )

    def to_json(self) -> dict[str, Any]:
        source = asdict(self.source)
        del source["is_own"]  # a file is never of an installation's own people
        return {
            "schema": SCHEMA,
            "source": source,
            "learnt_from": {
                **asdict(self.learnt_from),
                "expressions": list(self.learnt_from.expressions),
            },
            "index": None if self.index is None else _components_json(self.index),
            "grade": None if self.grade is None else _components_json(self.grade),
            "signals": {name: _components_json(c) for name, c in self.signals.items()},
        }


def load(path: Path = FILE) -> Repeatability:
    """Raises :class:`ConfigError` naming the file where it is missing or says something else."""
    data = read_object(path)
    if data.get("schema") != SCHEMA:
        raise ConfigError(
            f"{path} has no schema {SCHEMA}: write it with this version's experiments"
        )
    try:
        return settings(Repeatability, {k: v for k, v in data.items() if k != "schema"})
    except ConfigError as fault:
        raise ConfigError(f"{path}: {fault}") from fault


def index_digest(index: HypomimiaIndex) -> str:
    """SHA-256 of all that decides how an index repeats: weights, shares, and the people whose
    quantiles are its scale. Another cohort's own people may be measured in another way."""
    return sha256(canonical(index.to_json()))


def grades_digest(scorer: Scorer) -> str:
    """SHA-256 of the grade model's configuration; that of nothing where there is none."""
    return sha256(canonical({"grades": config_of(scorer)["grades"]}))


def _components_json(one: Components) -> dict[str, float]:
    return {
        name: value if isinstance(value, int) else round(value, 6)
        for name, value in asdict(one).items()
    }
