"""The methods that results compare: the fusion in its kinds, its ablations and the baselines."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from experiments.public.protocol import Material, Method, Predicted
from ml.metrics import macro_f1
from ml.scoring.balance import PRESETS
from ml.scoring.classifier import Classifier, ClassifierSpec
from ml.scoring.fusion import Fusion, Head
from ml.scoring.index import signal_weights, weighted_lack
from ml.scoring.prediction import predict
from ml.scoring.whitening import Whitening
from ml.training.fusion import candidates as recipe_candidates
from ml.training.fusion import fusion_spec, train_fusion

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


# METHOD's index: minus the mean z of the log-variance of eye-open and mouth signals in smile.
PLAIN_SIGNALS = ("eye-open-right", "eye-open-left", "mouth-open", "mouth-width")
PLAIN_WEIGHTS = signal_weights({(signal, "var"): -1.0 for signal in PLAIN_SIGNALS})


def plain_norm_index(z_smile: Floats) -> Floats:
    """METHOD's norm index on smile tokens of normal scores, for comparison. (N, 14) → (N,)."""
    return weighted_lack(z_smile, PLAIN_WEIGHTS)


def best_threshold(labels: Integers, scores: Floats) -> float:
    """The threshold with the highest macro-F1. Choose it on other people than it is used on."""
    candidates = np.unique(np.quantile(scores, np.linspace(0.02, 0.98, 97)))
    figures = [macro_f1(labels, (scores >= t).astype(np.int64)) for t in candidates]
    return float(candidates[int(np.argmax(figures))])


@dataclass(frozen=True)
class FusionMethod:
    """Trains the first ``spec`` that does best on held-out training people (one spec: no choice).

    ``expressions`` (positions) and ``parts`` (positions in a token) restrict what it sees.
    """

    specs: tuple[ClassifierSpec, ...]
    expressions: tuple[int, ...] | None = None
    parts: tuple[int, ...] | None = None

    def __call__(self, m: Material, z: Floats, train: Integers, test: Integers) -> Predicted:
        view = z if self.expressions is None else z[:, list(self.expressions)]
        view = view if self.parts is None else view[..., list(self.parts)]
        usable = train[np.isfinite(view[train]).any(axis=(1, 2))]
        classifier, odds = train_fusion(
            self.specs, view[usable], m.labels[usable], list(m.subjects[usable])
        )
        threshold = best_threshold(m.labels[usable], odds)
        return replace(
            predicted(classifier, view[test]),
            threshold=threshold,
            chosen=str(classifier.spec.fusion.fusion),
        )


def predicted(classifier: Classifier, z: Floats) -> Predicted:
    """What the scorer says of people, as every method says it. (n, K, F) NaN missing; who has
    nothing gets even odds."""
    said = predict(classifier, z)
    log_odds, spread = np.nan_to_num(said.log_odds), np.nan_to_num(said.spread)
    return Predicted(log_odds, None, True, said.p_values, spread, said.attention)


@dataclass(frozen=True)
class Baseline:
    """A scikit-learn model on flat features: ``kind`` svm or logistic; ``features`` z (normal
    scores), whitened (the tokens that the fusion reads) or plain (means and log-variances,
    standardised); ``expressions`` and ``parts`` as in :class:`FusionMethod`. Missing features take
    the training median."""

    kind: str
    features: str = "plain"
    expressions: tuple[int, ...] | None = None
    parts: tuple[int, ...] | None = None

    def __call__(self, m: Material, z: Floats, train: Integers, test: Integers) -> Predicted:
        half = m.raw.shape[-1] // 2
        values = z
        if self.features == "plain":
            values = np.concatenate([m.raw[..., :half], np.log(m.raw[..., half:])], axis=-1)
        elif self.features == "whitened":
            values = Whitening.fit(z[train][m.labels[train] == 0]).tokens(z).numpy()
        values = values if self.expressions is None else values[:, list(self.expressions)]
        values = values if self.parts is None else values[..., list(self.parts)]
        flat = values.reshape(len(values), -1)
        flat = np.where(np.isfinite(flat), flat, np.nanmedian(flat[train], axis=0))
        model = (
            SVC(C=1.0, class_weight="balanced")
            if self.kind == "svm"
            else LogisticRegression(C=1.0, class_weight="balanced", max_iter=5000)
        )
        fitted = make_pipeline(StandardScaler(), model).fit(flat[train], m.labels[train])
        return Predicted(np.asarray(fitted.decision_function(flat[test])))


@dataclass(frozen=True)
class Averaged:
    """The mean of several methods' scores, each in units of its spread over the people it was
    trained on: those scored say nothing of one another."""

    methods: tuple[Method, ...]
    scale: str = "training people"

    def __call__(self, m: Material, z: Floats, train: Integers, test: Integers) -> Predicted:
        everybody = np.concatenate([train, test])
        scores = [method(m, z, train, everybody).log_odds for method in self.methods]
        own = len(train)
        return Predicted(np.mean([score[own:] / score[:own].std() for score in scores], axis=0))


@dataclass(frozen=True)
class Constant:
    """Everybody gets the training prevalence."""

    def __call__(self, m: Material, z: Floats, train: Integers, test: Integers) -> Predicted:
        share = m.labels[train].mean()
        odds = np.full(len(test), np.log(share / (1 - share)))
        return Predicted(odds, calibrated=True)


MEANS, VARIANCES = tuple(range(7)), tuple(range(7, 14))


def main_methods(expressions: tuple[str, ...]) -> dict[str, Method]:
    """Full-size ensembles and the baselines: all repeats."""
    candidates = recipe_candidates(expressions)
    whitened = Baseline("svm", "whitened")
    plain = tuple(replace(spec, balance=PRESETS["plain CE"]) for spec in candidates)
    methods: dict[str, Method] = {
        "fusion, kind chosen inside": FusionMethod(candidates),
        "fusion, plain CE": FusionMethod(plain),
        "RBF SVM": Baseline("svm"),
        "RBF SVM on normal scores": Baseline("svm", "z"),
        "RBF SVM on whitened normal scores": whitened,
        "attempt: multi-head fusion averaged with that SVM": Averaged(
            (FusionMethod((fusion_spec(expressions, Fusion.MULTIHEAD),)), whitened)
        ),
        "logistic regression": Baseline("logistic"),
        "constant": Constant(),
    }
    for k, expression in enumerate(expressions):
        methods[f"fusion, {expression} only"] = FusionMethod(
            (fusion_spec((expression,), Fusion.MULTIHEAD),), expressions=(k,)
        )
        methods[f"RBF SVM, {expression} only"] = Baseline("svm", expressions=(k,))
    methods["RBF SVM, means only"] = Baseline("svm", parts=MEANS)
    methods["RBF SVM, variances only"] = Baseline("svm", parts=VARIANCES)
    return methods


def ablation_methods(expressions: tuple[str, ...]) -> dict[str, Method]:
    """One member per inner fold, so that many variants fit in one run; compared with each other."""
    base = fusion_spec(expressions, members=1)

    def fused(**changes: object) -> FusionMethod:
        return FusionMethod((replace(base, fusion=replace(base.fusion, **changes)),))  # type: ignore[arg-type]

    methods: dict[str, Method] = {
        f"balance: {name}": FusionMethod((replace(base, balance=balance),))
        for name, balance in PRESETS.items()
    }
    methods |= {f"fusion: {kind.value}": fused(fusion=kind) for kind in Fusion}
    methods["head: corn"] = fused(head=Head.CORN)
    methods["tokens: not whitened"] = FusionMethod((replace(base, whiten=False),))
    seven = replace(base, fusion=replace(base.fusion, token_width=7))
    methods["tokens: means only"] = FusionMethod((seven,), parts=MEANS)
    methods["tokens: variances only"] = FusionMethod((seven,), parts=VARIANCES)
    return methods
