"""The hypomimia index: how little a face moves, against people without Parkinson's disease.

The weights are fixed here, before any grade was seen, from the words of MDS-UPDRS 3.2: less
blinking and less movement of the expression's own muscles (variances), then a smile that widens
the mouth less, eyes it narrows less, and lips that stay parted without moving (means). Brow and
jaw movement in a smile is left out: it is talking and head noise. Their sizes follow what separated
PD from not *within* recruitment protocols with age and sex taken out, leaving one protocol out at
a time (docs/decisions/hypomimia-index.md); no PD label enters when the index is made or used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from ml.features import SIGNALS, TOKEN_PARTS
from ml.scoring.norms import LEVELS, normal_score, quantiles

Floats = npt.NDArray[np.float64]


def signal_weights(weights: Mapping[tuple[str, str], float]) -> Floats:
    """(14,) weights in the order of a token."""
    return np.array([weights.get(part, 0.0) for part in TOKEN_PARTS])


_OUTERMOST = float(ndtri(LEVELS[-1]))

MEAN_BOUND = 4.0

EYES = ("eye-open-right", "eye-open-left")
BROWS = ("eye-raise-right", "eye-raise-left")


def _weights(**groups: tuple[tuple[str, ...], str, float]) -> Floats:
    """Weights of groups of signals, each group's weight shared evenly among its signals."""
    return signal_weights(
        {
            (signal, statistic): weight / len(signals)
            for signals, statistic, weight in groups.values()
            for signal in signals
        }
    )


INDEX_WEIGHTS: dict[str, Floats] = {
    "smile": _weights(
        eyes=(EYES, "var", -0.25),
        mouth_open=(("mouth-open",), "var", -0.15),
        mouth_width=(("mouth-width",), "var", -0.25),
        wide_eyes=(EYES, "mean", 0.12),
        narrow_mouth=(("mouth-width",), "mean", -0.12),
        parted_lips=(("mouth-open",), "mean", 0.11),
    ),
    "disgust": _weights(
        brows=(BROWS, "var", -0.25),
        eyes=(EYES, "var", -0.25),
        mouth_width=(("mouth-width",), "var", -0.15),
        mouth_open=(("mouth-open",), "var", -0.10),
        wide_eyes=(EYES, "mean", 0.12),
        parted_lips=(("mouth-open",), "mean", 0.10),
    ),
    "surprise": _weights(
        brows=(BROWS, "var", -0.25),
        eyes=(EYES, "var", -0.25),
        mouth_open=(("mouth-open",), "var", -0.15),
        jaw=(("jaw-open",), "var", -0.10),
        wide_eyes=(EYES, "mean", 0.12),
        parted_lips=(("mouth-open",), "mean", 0.10),
    ),
    # Of speech without cues no table says what separates: each signal's movement counts alike, the
    # brows' too, and no mean does. Minus the mean normal score of the log-variances.
    "free": _weights(all_signals=(SIGNALS, "var", -1.0)),
}
# Surprise, which elderly people without PD also perform with little brow movement, counts half.
EXPRESSION_WEIGHTS = {"smile": 1.0, "disgust": 1.0, "surprise": 0.5}


def weighted_lack(z: Floats, weights: Floats) -> Floats:
    """Weighted mean of the normal scores that are there. (N, F) NaN missing, (F,) → (N,).

    Divided by the absolute weights present, so that a missing signal shortens the sum, not the
    scale. NaN where no weighted signal is there.
    """
    there = np.isfinite(z) & (weights != 0)
    scale = (there * np.abs(weights)).sum(axis=-1)
    total = np.where(there, z * weights, 0.0).sum(axis=-1)
    return np.where(scale > 0, total / np.maximum(scale, 1e-12), np.nan)


def bounded_means(z: Floats) -> Floats:
    """Means (the first half of a token) beyond ±4 grow only as the logarithm. (…, 14) → same.

    A face has no such mean: it is another unit or another way of measuring, which would drown the
    movements. Variances stay as they are, for another unit only shifts their logarithm.
    """
    half = z.shape[-1] // 2
    means = z[..., :half]
    beyond = np.maximum(np.abs(means) - MEAN_BOUND, 0.0)
    drawn_in = np.sign(means) * (np.minimum(np.abs(means), MEAN_BOUND) + np.log1p(beyond))
    return np.concatenate([drawn_in, z[..., half:]], axis=-1)


def ordered_tail(score: Floats) -> Floats:
    """Normal scores beyond the outermost quantile, drawn in so that no percentile rounds to 0 or
    100: another study's faces, measured differently, may all lie out there and must keep their
    order. Strictly increasing, bounded by ±(2.58 + 3)."""
    size = np.abs(score)
    beyond = np.maximum(size - _OUTERMOST, 0.0)
    drawn_in = np.minimum(size, _OUTERMOST) + 3.0 * beyond / (beyond + 6.0)
    return np.asarray(np.sign(score) * drawn_in)


@dataclass(frozen=True, eq=False)
class HypomimiaIndex:
    """Weights per expression and, for each set of expressions, the people without PD.

    ``spread[e]`` is the standard deviation of expression e's lack of movement among them, so that
    expressions are combined on one scale; ``shares[e]`` how much e counts; ``references[set]``
    are 100 quantiles of the combined lack in that set.
    """

    expressions: tuple[str, ...]
    weights: Mapping[str, Floats]
    shares: Mapping[str, float]
    spread: Mapping[str, float] = field(default_factory=dict)
    references: Mapping[str, Floats] = field(default_factory=dict)
    reference: str = ""

    @classmethod
    def fit(
        cls,
        expressions: Sequence[str],
        z_without_pd: Floats,
        *,
        reference: str,
        weights: Mapping[str, Floats] = INDEX_WEIGHTS,
        shares: Mapping[str, float] = EXPRESSION_WEIGHTS,
    ) -> "HypomimiaIndex":
        """Quantile tables from people without PD. ``z_without_pd`` (N, K, 14)."""
        names = tuple(e for e in expressions if e in weights)
        places = [list(expressions).index(e) for e in names]
        own = {e: weights[e] for e in names}
        kept = {e: float(shares.get(e, 1.0)) for e in names}
        raw = cls(names, own, kept, dict.fromkeys(names, 1.0))
        spread = {
            e: float(np.nanstd(column))
            for e, column in zip(names, raw.lack(z_without_pd[:, places]).T, strict=True)
        }
        index = cls(names, own, kept, spread, {}, reference)
        lack = index.lack(z_without_pd[:, places])
        tables = {}
        for size in range(1, len(names) + 1):
            for chosen in combinations(range(len(names)), size):
                there = np.isfinite(lack[:, list(chosen)]).all(axis=-1)
                key = "+".join(names[k] for k in chosen)
                tables[key] = quantiles(index._combined(lack[there], list(chosen)))
        # As a bundle keeps it, to the last digit.
        return cls.from_json(cls(names, own, kept, spread, tables, reference).to_json())

    def lack(self, z: Floats) -> Floats:
        """Lack of movement of each expression. (N, K, 14) → (N, K), NaN missing."""
        if not self.expressions:
            return np.empty((len(z), 0))
        return np.stack(
            [
                weighted_lack(bounded_means(z[:, k]), self.weights[e]) / self.spread[e]
                for k, e in enumerate(self.expressions)
            ],
            axis=-1,
        )

    def _combined(self, lack: Floats, places: Sequence[int]) -> Floats:
        shares = np.array([self.shares[self.expressions[k]] for k in places])
        return np.asarray(lack[:, list(places)] @ shares / shares.sum())

    def combined(self, z: Floats) -> Floats:
        """Normal score, among people without PD, of the lack of movement over the expressions that
        are there; NaN where none is. (N, K, 14) → (N,)."""
        result = np.full(len(z), np.nan)
        if not self.expressions:
            return result
        lack = self.lack(z)
        there = np.isfinite(lack)
        for pattern in np.unique(there, axis=0):
            places = list(np.flatnonzero(pattern))
            if not places:
                continue
            rows = (there == pattern).all(axis=-1)
            key = "+".join(self.expressions[k] for k in places)
            result[rows] = normal_score(self._combined(lack[rows], places), self.references[key])
        return result

    def score(self, z: Floats) -> Floats:
        """0–100, higher is more masked: the percentile of :meth:`combined`. (N, K, 14) → (N,)."""
        return np.asarray(100 * ndtr(ordered_tail(self.combined(z))))

    def to_json(self) -> dict[str, Any]:
        return {
            "expressions": list(self.expressions),
            "weights": {e: [round(float(w), 6) for w in v] for e, v in self.weights.items()},
            "shares": dict(self.shares),
            "spread": {e: round(v, 6) for e, v in self.spread.items()},
            "references": {k: [round(float(q), 6) for q in t] for k, t in self.references.items()},
            "reference": self.reference,
            "levels": [round(float(level), 4) for level in LEVELS],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "HypomimiaIndex":
        return cls(
            tuple(data["expressions"]),
            {e: np.array(w) for e, w in data["weights"].items()},
            dict(data["shares"]),
            dict(data["spread"]),
            {k: np.array(t) for k, t in data["references"].items()},
            str(data["reference"]),
        )
