"""What is kept of the public repeats: the components that a person's result is made with."""

from experiments.public.tables import PublicData
from experiments.repeatability.repeats import EXPRESSION, Repeats, repeats
from ml.files import write_json
from ml.scoring.bundle import Bundle
from ml.scoring.person import variance_components
from ml.scoring.repeatability import (
    FILE,
    LearntFrom,
    Repeatability,
    Source,
    grades_digest,
    index_digest,
)


def learn(data: PublicData, bundle: Bundle, found: Repeats | None = None) -> None:
    """Writes ``ml/scoring/repeatability.json`` for the scores of this bundle."""
    known = learnt(data, bundle, found or repeats(data, bundle))
    write_json(FILE, known.to_json(), indent=1)


def learnt(data: PublicData, bundle: Bundle, found: Repeats) -> Repeatability:
    """What is kept of the public repeats."""
    return Repeatability(
        index=variance_components(found.index, found.subject),
        grade=variance_components(found.grade, found.subject),
        signals={
            name: variance_components(values, found.subject)
            for name, values in found.columns().items()
        },
        source=Source("ROC-HCI/UFNet, facial expression smile", "MIT", data.smile.sha256),
        learnt_from=LearntFrom(
            f"{bundle.name}-{bundle.version}",
            index_digest(bundle.scorer.index),
            grades_digest(bundle.scorer),
            (EXPRESSION,),
        ),
    )
