"""The LSTM's last state as one more token of the fusion, beside the expressions' own.

The fusion must learn from states of people whom the LSTM has not seen, or it would trust it too
much: so one LSTM is trained for each of the fusion's own folds, and a person's state is that of the
LSTM which left the person out. Two LSTMs put the same thing on different axes. Each fold's states
are therefore mapped onto the axes of the one that is served, which is trained on everybody; the map
is fitted on people whom both have seen, and no label enters it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ml.intensity.source import IntensityCurve
from ml.metrics import auroc
from ml.scoring.curve_sampling import SessionCurves, stack
from ml.scoring.fusion import FusionConfig
from ml.scoring.lstm import DiagnosisModel, FitSettings, fit
from ml.scoring.lstm_network import DiagnosisConfig

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Curves = Mapping[str, IntensityCurve]

#: The token's name among the fusion's expressions.
CURVES = "curves"
# Share of the states' mean variance that holds the map between two LSTMs' axes back.
RIDGE = 0.01
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class CurveSettings:
    """The LSTM of a bundle; ``network.expressions`` are the posed ones that the bundle fuses."""

    network: DiagnosisConfig = field(default_factory=DiagnosisConfig)
    fit: FitSettings = field(default_factory=FitSettings)


@dataclass(frozen=True, eq=False)
class CurveToken:
    """The served LSTM; ``centre`` and ``spread`` (U,) of the training people's states."""

    model: DiagnosisModel
    centre: Floats
    spread: Floats

    def states(self, people: Sequence[Curves | None]) -> Floats:
        """(N, U) last states in the training people's spreads; NaN for who has no curve that the
        model reads. Raises ``SourceError`` for curves of another source."""
        found = np.full((len(people), len(self.centre)), np.nan)
        for n, curves in enumerate(people):
            state = self.model.ask(curves or {}).state
            if state is not None:
                found[n] = (state - self.centre) / self.spread
        return found


def join(z: Floats, states: Floats) -> Floats:
    """(N, K, F) tokens of expressions and (N, U) states → (N, K + 1, max(F, U)), NaN beyond."""
    width = max(z.shape[-1], states.shape[-1])
    tokens = np.full((len(z), z.shape[1] + 1, width), np.nan)
    tokens[:, :-1, : z.shape[-1]] = z
    tokens[:, -1, : states.shape[-1]] = states
    return tokens


def fusion_with(config: FusionConfig, tokens: Floats) -> FusionConfig:
    """The same fusion with the token of the curves, for tokens made by :func:`join`."""
    expressions = (*config.expressions, CURVES)
    return replace(config, expressions=expressions, token_width=tokens.shape[-1])


def crossfit_states(
    people: Sequence[Curves], labels: Integers, fold: Integers, settings: CurveSettings
) -> tuple[Floats, CurveToken]:
    """Out-of-fold states (N, U) of every session, as :meth:`CurveToken.states` gives them for new
    people, and the token to serve. ``fold`` (N,) as the fusion's members leave people out.

    Raises ``CohortError`` where a fold has too few people.
    """
    network = settings.network
    sessions = [_read(curves, network) for curves in people]
    seen = np.array([bool(session.mask.any()) for session in sessions])
    wanted = [seen & (fold != k) for k in range(int(fold.max()) + 1)] + [seen]
    *by_fold, served = [
        fit([sessions[i] for i in np.flatnonzero(rows)], labels[rows], network, settings.fit)
        for rows in wanted
    ]
    states = np.full((len(sessions), network.units), np.nan)
    p_pd = np.full(len(sessions), np.nan)
    there = served.ask_all(sessions)[1].astype(np.float64)
    for k, model in enumerate(by_fold):
        said, last = model.ask_all(sessions)
        own = last.astype(np.float64)
        train, out = wanted[k], seen & (fold == k)
        states[out] = mapped(own[out], own[train], there[train])
        p_pd[out] = said[out]
    card = {
        "sessions": int(seen.sum()),
        "network": network.to_json(),
        "fit": asdict(settings.fit),
        "auroc_out_of_fold": round(auroc(labels[seen], p_pd[seen]), 4),
    }
    centre = np.nanmean(states, axis=0)
    spread = np.maximum(np.nanstd(states, axis=0), _LEAST_SPREAD)
    token = CurveToken(replace(served, card=card), centre, spread)
    return (states - centre) / spread, token


def mapped(states: Floats, known: Floats, there: Floats) -> Floats:
    """(N, U) states of one LSTM on the axes of another: the linear map, least squares with a little
    ridge, that takes ``known`` (M, U) of the one to ``there`` (M, U) of the other."""
    centre, target = known.mean(axis=0), there.mean(axis=0)
    x, y = known - centre, there - target
    gram = x.T @ x
    held = gram + RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    return (states - centre) @ np.linalg.solve(held, x.T @ y) + target


def _read(curves: Curves, network: DiagnosisConfig) -> SessionCurves:
    own = {name: curve for name, curve in curves.items() if name in network.expressions}
    return stack(own, network.expressions, network.longest)
