"""Tokens as distances from people without PD: normal scores, decorrelated per expression.

A face's signals move together (wide mouths are wide in every clip). After whitening against the
people without PD each direction has their unit variance, so that what is unusual *given the rest
of the face* is as visible as what is unusual by itself. No label but "without PD" is used.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Floats = npt.NDArray[np.float64]

SCORE_CLIP = 4.0
TOKEN_CLIP = 5.0
SHRINKAGE = 0.1


@dataclass(frozen=True, eq=False)
class Whitening:
    """``centre`` (K, F) and ``matrix`` (K, F, F): token = (score − centre) @ matrix."""

    centre: Floats
    matrix: Floats

    @classmethod
    def fit(cls, z: Floats, *, shrinkage: float = SHRINKAGE) -> "Whitening":
        """From the normal scores (N, K, F) of people without PD; the covariance is shrunk towards
        the identity so that small directions are not blown up."""
        filled = fill(z)
        there = np.isfinite(z).any(axis=-1)
        count, width = z.shape[1:]
        centre, matrix = np.zeros((count, width)), np.zeros((count, width, width))
        for k in range(count):
            people = filled[there[:, k], k]
            centre[k] = people.mean(axis=0)
            shrunk = (1 - shrinkage) * np.cov(people.T) + shrinkage * np.eye(width)
            values, vectors = np.linalg.eigh(shrunk)
            matrix[k] = vectors / np.sqrt(values)
        # What is learnt upon them is what a bundle keeps, to the last digit.
        return cls.from_arrays(**cls(centre, matrix).arrays())

    @classmethod
    def none(cls, expressions: int, width: int) -> "Whitening":
        """Leaves normal scores as they are (an ablation)."""
        return cls(np.zeros((expressions, width)), np.tile(np.eye(width), (expressions, 1, 1)))

    def apply(self, z: Floats) -> Floats:
        """(N, K, F) normal scores, NaN missing → whitened, 0 in an expression that is missing."""
        there = np.isfinite(z).any(axis=-1, keepdims=True)
        white = np.einsum("nkf,kfg->nkg", fill(z) - self.centre, self.matrix)
        return np.where(there, np.clip(white, -TOKEN_CLIP, TOKEN_CLIP), 0.0)

    def tokens(self, z: Floats) -> torch.Tensor:
        """As :meth:`apply`, as the float32 tensor that the model takes."""
        return torch.from_numpy(self.apply(z).astype(np.float32))

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        return {
            "centre": self.centre.astype(np.float32),
            "matrix": self.matrix.astype(np.float32),
        }

    @classmethod
    def from_arrays(cls, centre: npt.NDArray[Any], matrix: npt.NDArray[Any]) -> "Whitening":
        return cls(centre.astype(np.float64), matrix.astype(np.float64))


def fill(z: Floats) -> Floats:
    """Clipped scores with a missing *signal* at the median of people without PD (0). A missing
    expression stays masked: it never reaches the model."""
    return np.nan_to_num(np.clip(z, -SCORE_CLIP, SCORE_CLIP))
