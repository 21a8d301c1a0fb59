"""An LSTM reads a session's curves and gives one logit of PD and its last state.

Sizes from METHOD: one layer, 64 units, expressions stacked as channels with their mask. The paper
this re-implements from its abstract (arXiv 2512.09276) does not give them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from ml.diagnosis.sampling import SessionCurves
from ml.errors import ConfigError
from ml.expressions import POSED, is_expression
from ml.settings import settings


@dataclass(frozen=True)
class DiagnosisConfig:
    """Architecture. ``longest`` seconds of a clip that are read; ``dropout`` on the last state."""

    expressions: tuple[str, ...] = tuple(str(e) for e in POSED)
    units: int = 64
    longest: float = 15.0
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if not self.expressions or not all(is_expression(e) for e in self.expressions):
            raise ConfigError("expressions must be known ones, at least one")
        if not 0 < self.units <= 1024 or self.longest <= 0 or not 0 <= self.dropout < 1:
            raise ConfigError("units must be 1 to 1024, longest above 0, dropout from 0 to below 1")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "expressions": list(self.expressions)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return settings(cls, data)


@dataclass(frozen=True, eq=False)
class CurveBatch:
    """``values`` and ``mask`` (B, T, E), ``lengths`` (B,) steps of each session, at least 1."""

    values: Tensor
    mask: Tensor
    lengths: Tensor


def batch_of(sessions: Sequence[SessionCurves]) -> CurveBatch:
    """Sessions of different lengths, zeros behind the shorter ones."""
    longest = max(max(len(s.values) for s in sessions), 1)
    channels = sessions[0].values.shape[1]
    values = np.zeros((len(sessions), longest, channels), np.float32)
    mask = np.zeros(values.shape, np.float32)
    for row, session in enumerate(sessions):
        count = len(session.values)
        values[row, :count], mask[row, :count] = session.values, session.mask
    lengths = torch.tensor([max(len(s.values), 1) for s in sessions])
    return CurveBatch(torch.from_numpy(values), torch.from_numpy(mask), lengths)


class DiagnosisNetwork(nn.Module):
    """Masked curves → logit (B,) and last state (B, units).

    Where a mask is 0 the value is 0 too, and the mask itself is a channel: a missing expression
    is seen as missing, never as a face that did not move.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, config: DiagnosisConfig) -> None:
        super().__init__()
        self.config = config
        channels = len(config.expressions)
        self.lstm = nn.LSTM(2 * channels, config.units, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.units, 1)
        self.register_buffer("centre", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))

    def forward(self, batch: CurveBatch) -> tuple[Tensor, Tensor]:
        values = (batch.values - self.centre) / self.spread * batch.mask
        packed = pack_padded_sequence(
            torch.cat([values, batch.mask], dim=-1),
            batch.lengths,
            batch_first=True,
            enforce_sorted=False,
        )
        _, (state, _) = self.lstm(packed)
        last = state[-1]
        return self.head(self.dropout(last)).squeeze(-1), last

    def set_scale(self, batch: CurveBatch) -> None:
        """Centre and spread of each channel from training sessions, over known values only."""
        count = batch.mask.sum((0, 1)).clamp_min(1)
        centre = (batch.values * batch.mask).sum((0, 1)) / count
        square = ((batch.values - centre).square() * batch.mask).sum((0, 1)) / count
        self.centre.copy_(centre)
        self.spread.copy_(square.sqrt().clamp_min(1e-3))
