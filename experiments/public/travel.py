"""The probability of PD outside its own data, beside the index: what ``ml/scoring/travel.py``
decides by whether anybody is shown it.

Within recruitment protocols on smiles, since protocol alone predicts PD: sessions of people whom
the bundle has not seen, and each protocol by a model that was trained on the others.
"""

import numpy as np
import numpy.typing as npt

from experiments.public.comparisons import mean_difference, smile_sessions
from experiments.public.methods import FusionMethod
from experiments.public.protocol import Material
from experiments.public.shipped import shipped_cohort
from experiments.public.tables import PublicData
from ml.cohort.table import Cohort
from ml.metrics import random_effects, subject_resamples, within_groups
from ml.scoring.fusion import Fusion
from ml.scoring.index import HypomimiaIndex
from ml.scoring.scorer import Scorer
from ml.scoring.travel import ranking, travel
from ml.training.fusion import fusion_spec
from vocabulary.travel import Ranking, Travel

Floats = npt.NDArray[np.float64]

#: A protocol counts with so many of each class.
LEAST = 20
RESAMPLES = 500
SMILE = ("smile",)


def travelled(data: PublicData, scorer: Scorer) -> Travel:
    """Both comparisons, and whether the probability of PD holds; minutes on two cores."""
    return travel(off_table=off_table(data, scorer), protocols=left_out(smile_sessions(data)))


def off_table(data: PublicData, scorer: Scorer) -> Ranking:
    """Smile sessions of people who are in no training, norm or calibration step of the bundle."""
    sessions, seen = smile_sessions(data), set(shipped_cohort(data).subject)
    unseen = sessions.take(np.array([subject not in seen for subject in sessions.subject]))
    scores = scorer.score(unseen.records())
    p_pd = np.array([score.p_pd for score in scores], dtype=np.float64)
    index = np.array([score.hypomimia_index for score in scores], dtype=np.float64)
    return compared(unseen, p_pd, index)


def left_out(sessions: Cohort) -> Ranking:
    """Each protocol by norms, index and fusion of the people of all others."""
    m = Material(sessions.tokens(SMILE), sessions.pd, sessions.subject, SMILE)
    method = FusionMethod((fusion_spec(SMILE, Fusion.MULTIHEAD),))
    p_pd, index = np.full(len(sessions), np.nan), np.full(len(sessions), np.nan)
    for protocol in large_protocols(sessions):
        inside = sessions.protocol == protocol
        elsewhere = ~np.isin(sessions.subject, sessions.subject[inside])
        test, train = np.flatnonzero(inside), np.flatnonzero(elsewhere)
        z = m.normal_scores(train)
        p_pd[test] = method(m, z, train, test).log_odds
        healthy = HypomimiaIndex.fit(SMILE, z[train][m.labels[train] == 0], reference="others")
        index[test] = healthy.score(z[test])
    counted = np.isfinite(p_pd)
    return compared(sessions.take(counted), p_pd[counted], index[counted])


def large_protocols(sessions: Cohort) -> list[str]:
    """The protocols with :data:`LEAST` of each class."""
    everybody = np.zeros(len(sessions))
    groups = within_groups(sessions.pd, everybody, sessions.protocol, at_least=LEAST)
    return [group.name for group in groups]


def compared(sessions: Cohort, p_pd: Floats, index: Floats) -> Ranking:
    """AUROC within protocols of both, and the paired difference over resampled people."""

    def mean(scores: Floats) -> float:
        groups = within_groups(sessions.pd, scores, sessions.protocol, at_least=LEAST)
        return random_effects(groups).value

    resamples = subject_resamples(sessions.subject, count=RESAMPLES)
    difference = mean_difference(sessions, p_pd, index, resamples, at_least=LEAST)
    people = len(np.unique(sessions.subject))
    return ranking(people, mean(p_pd), mean(index), difference)
