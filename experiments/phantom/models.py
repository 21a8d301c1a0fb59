"""PD and grades of simulated people: each model's figures beside the oracle's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments.phantom.people import People
from ml.metrics import Interval, auroc, quadratic_kappa, subject_resamples
from ml.phantom.graded_people import GRADES
from ml.scoring.lstm import DiagnosisModel

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ORACLE = "oracle"
MOVEMENT_ORACLE = "oracle that sees posed movement only"
STATISTICS = "logistic regression on curve statistics"
STATISTICS_SIGNS = "logistic regression on curve statistics and signs"
LSTM_CURVES = "LSTM on curves alone"
LSTM = "LSTM"


@dataclass(frozen=True)
class ModelFigures:
    """PD: accuracy, AUROC and accuracy as a share of the oracle's. Grades, where the model tells
    them: quadratic kappa and accuracy, and both as shares of the oracle's."""

    accuracy: Interval
    auroc: Interval
    share: Interval
    kappa: Interval | None
    grade_accuracy: Interval | None
    kappa_share: Interval | None
    grade_share: Interval | None
    people: int


@dataclass(frozen=True, eq=False)
class Opinion:
    """What a model says of N people: probability of PD (N,), and of each grade (N, 5) or None."""

    pd: Floats
    grades: Floats | None = None


def model_figures(people: People, said: Opinion, oracle: Opinion) -> ModelFigures:
    """PD above one half, the likeliest grade. All models and the oracle share the resamples."""
    rows = subject_resamples(np.arange(len(people)).astype(np.str_))
    pd, grade = people.pd, people.grade
    everybody = np.arange(len(people))

    def interval(figure: Callable[[Integers], float]) -> Interval:
        low, high = np.nanquantile([figure(sample) for sample in rows], [0.025, 0.975])
        return Interval(figure(everybody), float(low), float(high))

    def accuracy(sample: Integers, of: Floats) -> float:
        return float(((of[sample] > 0.5) == pd[sample]).mean())

    graded: dict[str, Interval | None] = dict.fromkeys(
        ("kappa", "grade_accuracy", "kappa_share", "grade_share")
    )
    if said.grades is not None and oracle.grades is not None:
        own, best = said.grades.argmax(1), oracle.grades.argmax(1)

        def kappa(sample: Integers, of: Integers) -> float:
            return quadratic_kappa(grade[sample], of[sample], len(GRADES))

        def part(of: float, whole: float) -> float:
            return of / whole if whole else float("nan")

        def right(sample: Integers, of: Integers) -> float:
            return float((grade[sample] == of[sample]).mean())

        graded = {
            "kappa": interval(lambda s: kappa(s, own)),
            "grade_accuracy": interval(lambda s: right(s, own)),
            "kappa_share": interval(lambda s: part(kappa(s, own), kappa(s, best))),
            "grade_share": interval(lambda s: part(right(s, own), right(s, best))),
        }
    return ModelFigures(
        accuracy=interval(lambda s: accuracy(s, said.pd)),
        auroc=interval(lambda s: auroc(pd[s], said.pd[s])),
        share=interval(lambda s: accuracy(s, said.pd) / accuracy(s, oracle.pd)),
        people=len(people),
        **graded,
    )


def without_signs(people: People) -> People:
    """The same people, no signs known."""
    none = np.zeros(0, np.float32)
    return replace(people, curves=tuple(replace(c, signs=none) for c in people.curves))


def opinions(
    train: People,
    test: People,
    lstm: DiagnosisModel,
    lstm_curves: DiagnosisModel,
    pd_given_grade: Floats,
    movement: Floats,
) -> Mapping[str, Opinion]:
    """What each model of the table says of the test people. ``movement`` (N, 5) is the oracle's
    view of posed movement alone."""
    bare = without_signs(test)
    return {
        "constant": Opinion(np.full(len(test), float(train.pd.mean()))),
        STATISTICS: _statistics(train, test, train.features, test.features),
        STATISTICS_SIGNS: _statistics(train, test, _with_signs(train), _with_signs(test)),
        LSTM_CURVES: Opinion(
            lstm_curves.ask_all(bare.curves)[0], lstm_curves.grades_all(bare.curves)
        ),
        LSTM: Opinion(lstm.ask_all(test.curves)[0], lstm.grades_all(test.curves)),
        MOVEMENT_ORACLE: Opinion(movement @ pd_given_grade, movement),
        ORACLE: Opinion(test.posterior @ pd_given_grade, test.posterior),
    }


def _with_signs(people: People) -> Floats:
    return np.hstack([people.features, np.log1p([curve.signs for curve in people.curves])])


def _statistics(train: People, test: People, known: Floats, asked: Floats) -> Opinion:
    def fitted(labels: Integers) -> Pipeline:
        model = make_pipeline(
            SimpleImputer(keep_empty_features=True),
            StandardScaler(),
            LogisticRegression(C=0.1, max_iter=2000),
        )
        return model.fit(known, labels)

    of_pd, of_grade = fitted(train.pd), fitted(train.grade)
    grades = np.zeros((len(test), len(GRADES)))
    grades[:, of_grade.classes_] = of_grade.predict_proba(asked)
    return Opinion(of_pd.predict_proba(asked)[:, 1], grades)
