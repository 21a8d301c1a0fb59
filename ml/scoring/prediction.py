"""A trained ensemble's word on people: the one prediction, of what is served and what is judged."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.scoring.calibration import shift_prevalence, subset_key
from ml.scoring.classifier import Classifier, by_person
from ml.scoring.sureness import interval

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Of N people with K tokens; NaN, and p-values of 1, for whoever has no token at all.

    ``there`` (N, K) the tokens that were read; ``log_odds`` (N,) calibrated, at the prevalence
    asked for; ``low``, ``high`` (N,) how sure they are (``ml.scoring.sureness``); ``spread`` (N,)
    the members' standard deviation; ``p_values`` (N, 2) cross-conformal, of no PD and of PD;
    ``attention`` (N, K), 0 where a token is missing.
    """

    there: Booleans
    log_odds: Floats
    low: Floats
    high: Floats
    spread: Floats
    p_values: Floats
    attention: Floats


def predict(classifier: Classifier, tokens: Floats, prevalence: float | None = None) -> Prediction:
    """``tokens`` (N, K, F), NaN where missing: each set of tokens by its own calibration.
    ``prevalence``: the site's; None keeps the one trained at."""
    people = len(tokens)
    there = np.isfinite(tokens).any(axis=-1)
    log_odds, low, high, spread = (np.full(people, np.nan) for _ in range(4))
    p_values, attention = np.ones((people, 2)), np.zeros(there.shape)
    names = classifier.spec.fusion.expressions
    for pattern in np.unique(there, axis=0):
        if not pattern.any():
            continue
        rows = (there == pattern).all(axis=-1)
        key = subset_key([name for name, on in zip(names, pattern, strict=True) if on])
        members, weights = classifier.members(tokens[rows], there[rows])
        calibrated = classifier.temperatures[key].apply(by_person(members))
        odds = shift_prevalence(calibrated, trained=classifier.prevalence, site=prevalence)
        log_odds[rows], spread[rows] = odds.mean(axis=-1), odds.std(axis=-1)
        known = classifier.conformal[key]
        ends = interval(by_person(members), known.resampled, known.people)
        least, most = (
            shift_prevalence(end, trained=classifier.prevalence, site=prevalence) for end in ends
        )
        low[rows] = np.minimum(least, log_odds[rows])
        high[rows] = np.maximum(most, log_odds[rows])
        p_values[rows] = known.p_values(classifier.by_fold(members))
        attention[rows] = by_person(weights).mean(axis=-1)
    return Prediction(there, log_odds, low, high, spread, p_values, attention)
