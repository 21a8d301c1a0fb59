"""The LSTM as a model that is trained, stored and asked: curves in, probability of PD out.

It belongs to one intensity source: asked about another source's curves it refuses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ml.errors import CohortError, ConfigError, SourceError
from ml.intensity.source import IntensityCurve, SourceIdentity
from ml.measuring.measurement import Measurement
from ml.part import PartFiles
from ml.scoring.curve_sampling import SessionCurves, stack
from ml.scoring.lstm_network import (
    CurveBatch,
    DiagnosisConfig,
    DiagnosisNetwork,
    Outputs,
    batch_of,
)
from ml.scoring.session_signs import session_signs

FILES = PartFiles("diagnosis", "a diagnosis model")


@dataclass(frozen=True)
class FitSettings:
    """Training on curves takes seconds, so it is one plain loop of a fixed number of epochs.

    ``drop_expression`` share of the expressions hidden at random, so that a session with missing
    clips is nothing new to the network. ``shorten`` most of a session's end that is cut off at
    random, so that how long the recordings are tells nothing. ``grade_weight`` of the grades' cross
    entropy beside that of PD, where the network has a head for grades and the sessions have them.
    """

    epochs: int = 50
    batch: int = 32
    rate: float = 1e-3
    weight_decay: float = 1e-2
    drop_expression: float = 0.1
    shorten: float = 0.1
    grade_weight: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch) < 1 or self.rate <= 0 or self.weight_decay < 0:
            raise ConfigError("epochs and batch must be 1 or more, rate above 0, weight_decay >= 0")
        if not (0 <= self.drop_expression < 1 and 0 <= self.shorten < 1):
            raise ConfigError("drop_expression and shorten must be from 0 to below 1")


@dataclass(frozen=True)
class Diagnosis:
    """``p_pd`` at the training cohort's prevalence; ``state`` (units,) the LSTM's last state, a
    feature for the fusion; ``grades`` (G,) probabilities of a model that has them. All None when
    the session has none of the model's expressions."""

    p_pd: float | None
    state: npt.NDArray[np.float32] | None
    used: tuple[str, ...]
    source: SourceIdentity
    grades: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class DiagnosisModel:
    """A trained network with the source its curves must come from and the cohort's prevalence."""

    network: DiagnosisNetwork
    source: SourceIdentity
    prevalence: float
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions whose curves it reads."""
        return self.network.config.expressions

    def ask(
        self,
        curves: Mapping[str, IntensityCurve],
        measured: Mapping[str, Measurement] | None = None,
    ) -> Diagnosis:
        """One session's curves by expression, and its measured clips for a model that reads signs.
        Raises ``SourceError`` for another source's curves."""
        config = self.network.config
        session = stack(curves, config.expressions, config.longest)
        session = replace(session, signs=session_signs(measured or {}, config.signs))
        used = tuple(e for e, m in zip(config.expressions, session.mask.T, strict=True) if m.any())
        made_by = session.source
        if made_by is not None and not made_by.still_makes(self.source, config.expressions):
            raise SourceError(
                f"the model was trained on curves of the {self.source.name} source"
                f" ({self.source.digest[:8]}), these are of {made_by.name}"
                f" ({made_by.digest[:8]})"
            )
        if not used:
            return Diagnosis(None, None, (), self.source)
        p_pd, states = self.ask_all([session])
        grades = self.grades_all([session])[0] if config.grades else None
        return Diagnosis(float(p_pd[0]), states[0], used, self.source, grades)

    def ask_all(
        self, sessions: Sequence[SessionCurves]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """(N,) probabilities and (N, units) last states."""
        found = self._run(sessions)
        return found.logits.double().sigmoid().numpy(), found.state.numpy()

    def grades_all(self, sessions: Sequence[SessionCurves]) -> npt.NDArray[np.float64]:
        """(N, G) probabilities of the grades; G is 0 for a model without."""
        return np.asarray(self._run(sessions).grades.double().softmax(1).numpy())

    def _run(self, sessions: Sequence[SessionCurves]) -> Outputs:
        self.network.eval()
        with torch.inference_mode():
            return self.network(batch_of(sessions))

    def save(self, folder: Path) -> None:
        """The folder that :func:`load` reads."""
        settings = {
            "config": self.network.config.to_json(),
            "source": {**self.source.to_json(), "parts": dict(self.source.parts)},
            "prevalence": self.prevalence,
            "card": dict(self.card),
        }
        FILES.write(folder, settings, self.network.state_dict())


def load(folder: Path) -> DiagnosisModel:
    """A stored model. Raises :class:`WeightsError` naming the file at fault."""
    settings, tensors = FILES.read(folder)
    with FILES.reading(folder):
        network = DiagnosisNetwork(DiagnosisConfig.from_json(settings["config"]))
        source = SourceIdentity(**settings["source"])
        prevalence, card = float(settings["prevalence"]), settings["card"]
    FILES.fill(network, tensors, folder)
    return DiagnosisModel(network, source, prevalence, card)


def fit(
    sessions: Sequence[SessionCurves],
    pd: npt.NDArray[np.int64],
    config: DiagnosisConfig,
    settings: FitSettings | None = None,
    grade: npt.NDArray[np.int64] | None = None,
) -> DiagnosisModel:
    """Trains on people's sessions with ``pd`` (N,) 0 or 1 and, for a network with a head for
    grades, ``grade`` (N,), -1 where unknown. Seeded: the same call, the same model.

    Raises :class:`CohortError` before the first step when a label is neither, a class is empty or
    no session has a curve, and ``SourceError`` when the curves are of several sources.
    """
    settings = settings or FitSettings()
    source = _check(sessions, pd)
    if config.grades and (grade is None or grade.min() < -1 or grade.max() >= config.grades):
        raise CohortError(f"a grade is below -1 or above {config.grades - 1}", file="the cohort")
    if any(len(session.signs) != len(config.signs) for session in sessions):
        raise CohortError(
            "the sessions lack the signs that the network asks for", file="the cohort"
        )
    torch.manual_seed(settings.seed)
    network = DiagnosisNetwork(config)
    everyone = batch_of(sessions)
    network.set_scale(everyone)
    labels = torch.from_numpy(np.asarray(pd, np.float32))
    graded = torch.from_numpy(grade) if grade is not None else None
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay
    )
    steps = settings.epochs * -(-len(labels) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=steps)
    network.train()
    for epoch in range(settings.epochs):
        rng = np.random.default_rng([settings.seed, epoch])
        order = rng.permutation(len(labels))
        for start in range(0, len(order), settings.batch):
            rows = torch.from_numpy(order[start : start + settings.batch])
            batch = _some(everyone, rows, settings, rng)
            found: Outputs = network(batch)
            loss = functional.binary_cross_entropy_with_logits(found.logits, labels[rows])
            if config.grades and graded is not None and bool((graded[rows] >= 0).any()):
                missed = functional.cross_entropy(found.grades, graded[rows], ignore_index=-1)
                loss = loss + settings.grade_weight * missed
            if not loss.isfinite():
                raise ConfigError(f"training diverged in epoch {epoch + 1}: lower fit.rate")
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return DiagnosisModel(network.eval(), source, float(labels.mean()))


def _check(sessions: Sequence[SessionCurves], pd: npt.NDArray[np.int64]) -> SourceIdentity:
    if len(sessions) != len(pd) or not set(np.unique(pd)) <= {0, 1}:
        raise CohortError("every session needs a PD label of 0 or 1", file="the cohort")
    for wanted in (0, 1):
        if not (pd == wanted).any():
            raise CohortError(
                f"nobody has the PD label {wanted}: an empty class", file="the cohort"
            )
    sources = {s.source for s in sessions if s.source is not None}
    if not sources:
        raise CohortError("no session has a curve", file="the cohort")
    if len(sources) > 1:
        names = ", ".join(sorted(s.name for s in sources))
        raise SourceError(f"sessions of different intensity sources cannot be mixed: {names}")
    return next(iter(sources))


def _some(
    everyone: CurveBatch, rows: torch.Tensor, settings: FitSettings, rng: np.random.Generator
) -> CurveBatch:
    """A training batch with some expressions hidden, never all of a session, and ends cut off."""
    mask = everyone.mask[rows].clone()
    hidden = rng.random((len(rows), mask.shape[2])) < settings.drop_expression
    hidden[np.arange(len(rows)), rng.integers(0, mask.shape[2], len(rows))] = False
    mask *= torch.from_numpy(~hidden).float().unsqueeze(1)
    kept = torch.from_numpy(1 - settings.shorten * rng.random(len(rows)))
    lengths = (everyone.lengths[rows] * kept).ceil().long().clamp_min(1)
    mask *= (torch.arange(mask.shape[1]) < lengths.unsqueeze(1)).unsqueeze(2)
    return CurveBatch(everyone.values[rows] * mask, mask, lengths, everyone.signs[rows])
