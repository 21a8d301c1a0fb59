"""The hypomimia index: how little a face moves, against people without Parkinson's disease.

No label is used beyond "people without PD": the index is a percentile among them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ml.features import TOKEN_PARTS
from ml.norms import LEVELS, normal_score, quantiles

Floats = npt.NDArray[np.float64]

# METHOD's index: minus the mean z of the log-variance of eye-open and mouth signals in smile.
PLAIN_SIGNALS = ("eye-open-right", "eye-open-left", "mouth-open", "mouth-width")


def signal_weights(weights: Mapping[tuple[str, str], float]) -> Floats:
    """(14,) weights in the order of a token."""
    return np.array([weights.get(part, 0.0) for part in TOKEN_PARTS])


PLAIN_WEIGHTS = signal_weights({(signal, "var"): -1.0 for signal in PLAIN_SIGNALS})


def weighted_lack(z: Floats, weights: Floats) -> Floats:
    """Weighted mean of the normal scores that are there. (N, F) NaN missing, (F,) → (N,).

    Divided by the absolute weights present, so that a missing signal shortens the sum, not the
    scale. NaN where no weighted signal is there.
    """
    there = np.isfinite(z) & (weights != 0)
    scale = (there * np.abs(weights)).sum(axis=-1)
    total = np.where(there, z * weights, 0.0).sum(axis=-1)
    return np.where(scale > 0, total / np.maximum(scale, 1e-12), np.nan)


def plain_norm_index(z_smile: Floats) -> Floats:
    """METHOD's norm index on smile tokens of normal scores, for comparison. (N, 14) → (N,)."""
    return weighted_lack(z_smile, PLAIN_WEIGHTS)


@dataclass(frozen=True, eq=False)
class HypomimiaIndex:
    """Weights per expression and, for each set of expressions, the people without PD.

    ``references[set]`` are 100 quantiles of the combined lack of movement in that set.
    """

    expressions: tuple[str, ...]
    weights: Mapping[str, Floats]
    references: Mapping[str, Floats] = field(default_factory=dict)
    reference: str = ""

    @classmethod
    def fit(
        cls,
        expressions: Sequence[str],
        weights: Mapping[str, Floats],
        z_without_pd: Floats,
        *,
        reference: str,
    ) -> "HypomimiaIndex":
        """Quantile tables from people without PD. ``z_without_pd`` (N, K, 14)."""
        index = cls(tuple(expressions), weights, {}, reference)
        lack = index.lack(z_without_pd)
        tables = {}
        for size in range(1, len(expressions) + 1):
            for places in combinations(range(len(expressions)), size):
                rows = np.isfinite(lack[:, list(places)]).all(axis=-1)
                combined = lack[rows][:, list(places)].mean(axis=-1)
                tables["+".join(expressions[k] for k in places)] = quantiles(combined)
        return cls(tuple(expressions), weights, tables, reference)

    def lack(self, z: Floats) -> Floats:
        """Lack of movement of each expression. (N, K, 14) → (N, K), NaN missing."""
        return np.stack(
            [weighted_lack(z[:, k], self.weights[e]) for k, e in enumerate(self.expressions)],
            axis=-1,
        )

    def score(self, z: Floats) -> Floats:
        """0–100, higher is more masked; NaN where no expression is there. (N, K, 14) → (N,)."""
        lack = self.lack(z)
        result = np.full(len(lack), np.nan)
        there = np.isfinite(lack)
        for pattern in np.unique(there, axis=0):
            if not pattern.any():
                continue
            rows = (there == pattern).all(axis=-1)
            key = "+".join(e for e, here in zip(self.expressions, pattern, strict=True) if here)
            combined = lack[rows][:, pattern].mean(axis=-1)
            result[rows] = 100 * ndtr(normal_score(combined, self.references[key]))
        return result

    def to_json(self) -> dict[str, Any]:
        return {
            "expressions": list(self.expressions),
            "weights": {e: [round(float(w), 6) for w in v] for e, v in self.weights.items()},
            "references": {k: [round(float(q), 6) for q in t] for k, t in self.references.items()},
            "reference": self.reference,
            "levels": [round(float(level), 4) for level in LEVELS],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "HypomimiaIndex":
        return cls(
            tuple(data["expressions"]),
            {e: np.array(w) for e, w in data["weights"].items()},
            {k: np.array(t) for k, t in data["references"].items()},
            str(data["reference"]),
        )
