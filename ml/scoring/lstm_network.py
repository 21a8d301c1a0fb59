"""An LSTM reads a session's curves and gives one logit of PD and its last state.

Sizes from METHOD: one layer, 64 units, expressions stacked as channels with their mask. The paper
this re-implements from its abstract (arXiv 2512.09276) does not give them. Optional: signs of
blinking, lips and tremor, which no curve of a posed expression shows, and a head for grades.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from ml.errors import ConfigError
from ml.scoring.curve_sampling import SessionCurves
from ml.scoring.session_signs import SIGNS
from ml.settings import Settings, settings
from vocabulary.expressions import POSED, is_expression

SIGN_UNITS = 16


@dataclass(frozen=True)
class DiagnosisConfig(Settings):
    """Architecture. ``longest`` seconds of a clip that are read; ``dropout`` before the heads.

    ``signs`` names of signs (``summary.SIGNS``) that the heads read beside the last
    state; ``grades`` how many grades are told apart besides PD (0: none).
    """

    expressions: tuple[str, ...] = tuple(str(e) for e in POSED)
    units: int = 64
    longest: float = 15.0
    dropout: float = 0.2
    signs: tuple[str, ...] = ()
    grades: int = 0

    def __post_init__(self) -> None:
        if not self.expressions or not all(is_expression(e) for e in self.expressions):
            raise ConfigError("expressions must be known ones, at least one")
        if not 0 < self.units <= 1024 or self.longest <= 0 or not 0 <= self.dropout < 1:
            raise ConfigError("units must be 1 to 1024, longest above 0, dropout from 0 to below 1")
        unknown = sorted(set(self.signs) - set(SIGNS))
        if unknown or not 0 <= self.grades <= 10:
            raise ConfigError(f"signs are some of {', '.join(SIGNS)}, grades from 0 to 10")

    def to_json(self) -> dict[str, Any]:
        lists = {"expressions": list(self.expressions), "signs": list(self.signs)}
        return {**asdict(self), **lists}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return settings(cls, data)


@dataclass(frozen=True, eq=False)
class CurveBatch:
    """``values`` and ``mask`` (B, T, E), ``lengths`` (B,) steps of each session, at least 1;
    ``signs`` (B, S), NaN where unknown."""

    values: Tensor
    mask: Tensor
    lengths: Tensor
    signs: Tensor


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
    signs = torch.from_numpy(np.stack([s.signs for s in sessions]))
    return CurveBatch(torch.from_numpy(values), torch.from_numpy(mask), lengths, signs)


@dataclass(frozen=True, eq=False)
class Outputs:
    """``logits`` (B,) of PD, ``grades`` (B, G) logits, ``state`` (B, units) the last state."""

    logits: Tensor
    grades: Tensor
    state: Tensor


class DiagnosisNetwork(nn.Module):
    """Masked curves and signs → logits and last state.

    Where a mask is 0 the value is 0 too, and the mask itself is a channel: a missing expression
    is seen as missing, never as a face that did not move. Signs likewise.
    """

    centre: Tensor
    spread: Tensor
    signs_centre: Tensor
    signs_spread: Tensor

    def __init__(self, config: DiagnosisConfig) -> None:
        super().__init__()
        self.config = config
        channels, signs = len(config.expressions), len(config.signs)
        self.lstm = nn.LSTM(2 * channels, config.units, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        width = config.units
        if signs:
            self.signs = nn.Sequential(nn.Linear(2 * signs, SIGN_UNITS), nn.ReLU())
            width += SIGN_UNITS
        self.head = nn.Linear(width, 1 + config.grades)
        for name, count in (("", channels), ("signs_", signs)):
            self.register_buffer(f"{name}centre", torch.zeros(count), persistent=bool(count))
            self.register_buffer(f"{name}spread", torch.ones(count), persistent=bool(count))

    def forward(self, batch: CurveBatch) -> Outputs:
        values = (batch.values - self.centre) / self.spread * batch.mask
        packed = pack_padded_sequence(
            torch.cat([values, batch.mask], dim=-1),
            batch.lengths,
            batch_first=True,
            enforce_sorted=False,
        )
        _, (state, _) = self.lstm(packed)
        last = state[-1]
        read = last
        if self.config.signs:
            known = batch.signs.isfinite()
            signs = (batch.signs.nan_to_num() - self.signs_centre) / self.signs_spread * known
            read = torch.cat([last, self.signs(torch.cat([signs, known.float()], dim=-1))], dim=-1)
        out = self.head(self.dropout(read))
        return Outputs(out[:, 0], out[:, 1:], last)

    def set_scale(self, batch: CurveBatch) -> None:
        """Centre and spread of each channel and sign from training sessions, over known values."""
        centre, spread = _scale(batch.values, batch.mask, (0, 1))
        self.centre.copy_(centre)
        self.spread.copy_(spread)
        if self.config.signs:
            known = batch.signs.isfinite().float()
            centre, spread = _scale(batch.signs.nan_to_num(), known, (0,))
            self.signs_centre.copy_(centre)
            self.signs_spread.copy_(spread)


def _scale(values: Tensor, mask: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    count = mask.sum(over).clamp_min(1)
    centre = (values * mask).sum(over) / count
    square = ((values - centre).square() * mask).sum(over) / count
    return centre, square.sqrt().clamp_min(1e-3)
