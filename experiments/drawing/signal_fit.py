"""Fits ``signals.json``: draws people, measures them with FaceMesh, learns the relation, checks it.

Half of the cost is measuring, so the fit uses a few random frames of many people; the check uses
whole clips of other people at a lower frame rate. Run:
``python -m experiments drawing fit-signals``.
"""

import json
import logging
import platform
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import spearmanr

from ml.measuring.face import tracker
from ml.measuring.geometry import CORNERS, SIGNALS, corners, signals, square, stats
from ml.phantom.cohort import CohortSpec, programme
from ml.phantom.performance import Performance
from ml.phantom.render import render
from ml.phantom.signals import SignalModel, input_names, inputs_of, simulate, to_fitted
from ml.progress import counted
from vocabulary.expressions import ASKED, POSED

Floats = npt.NDArray[np.float64]
logger = logging.getLogger(__name__)

FIT_SEED, CHECK_SEED = 90_001, 90_002  # never used for a training cohort
HIDDEN = (48, 32)
_SEVEN, _CORNERS = slice(len(SIGNALS)), slice(len(SIGNALS), None)


@dataclass(frozen=True)
class FitPlan:
    """How much is drawn. ``frames`` per clip for the fit; the check measures whole clips."""

    people: int = 150
    frames: int = 14
    check_people: int = 24
    check_fps: float = 10.0
    steps: int = 4000


def measured(performance: Performance) -> Floats:
    """Signals (T, 7) of the drawn frames, NaN rows where FaceMesh finds no face."""
    return read(performance)[:, _SEVEN]


def read(performance: Performance) -> Floats:
    """Signals (T, 7) and corners (T, 2) of the drawn frames side by side, NaN rows where FaceMesh
    finds no face."""
    film = performance.capture
    found = tracker()
    landmarks = []
    for picture in render(performance):
        face = found.find(picture).landmarks
        landmarks.append(np.full((478, 2), np.nan) if face is None else face[:, :2])
    squared = square(np.stack(landmarks), film.width / film.height)
    return np.hstack([signals(squared), corners(squared)])


def fit(plan: FitPlan) -> dict[str, Any]:
    """The content of ``signals.json``."""
    inputs, targets, people = _frames(plan)
    logger.info("fitting %d frames of %d people", len(inputs), plan.people)
    model = _train(inputs, targets[:, _SEVEN], people, plan.steps)
    lips = _train(inputs, targets[:, _CORNERS], people, plan.steps)
    logger.info("measuring noise")
    noise = _noise()
    model = replace(model, noise=noise[_SEVEN])
    figures = check(model, plan)
    return {
        "about": "Fitted to drawn and measured phantom frames; see ml/phantom/signals.py",
        "inputs": input_names(),
        "signals": list(SIGNALS),
        **_kept(model),
        "corners": {"names": list(CORNERS), **_kept(replace(lips, noise=noise[_CORNERS]))},
        "figures": figures,
    }


def _kept(model: SignalModel) -> dict[str, Any]:
    return {
        "layers": [[_short(w), _short(b)] for w, b in model.layers],
        "mean": _short(model.mean),
        "scale": _short(model.scale),
        "shift": _short(model.shift, 8),
        "noise": _short(model.noise, 6),
        "limits": _short(model.limits, 5),
    }


def _frames(plan: FitPlan) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """A few random frames of every clip of every person: inputs, signals, person number."""
    spec = CohortSpec(subjects=plan.people, seed=FIT_SEED)
    inputs, targets, people = [], [], []
    for number in counted("measuring people", range(plan.people), plan.people):
        rng = np.random.default_rng([FIT_SEED, number])
        for expression in spec.expressions:
            _, clip = programme(spec, number, expression)
            chosen = np.sort(rng.choice(len(clip.times), plan.frames, replace=False))
            clip = replace(clip, times=clip.times[chosen], channels=clip.channels[chosen])
            values = read(clip)
            seen = np.isfinite(values).all(1)
            inputs.append(inputs_of(clip.channels, clip.identity)[seen])
            targets.append(_to_fitted(values[seen]))
            people.append(np.full(int(seen.sum()), number))
    return np.concatenate(inputs), np.concatenate(targets), np.concatenate(people)


def _to_fitted(values: Floats) -> Floats:
    """Signals on the scale of their fit beside the corners as they are."""
    return np.hstack([to_fitted(values[:, _SEVEN]), values[:, _CORNERS]])


def _train(
    inputs: Floats, targets: Floats, people: npt.NDArray[np.int64], steps: int
) -> SignalModel:
    """A small tanh network, trained against each signal on its own scale; then each person's
    remaining shift, estimated on the people held out of the training by a fifth."""
    torch.manual_seed(0)
    mean, scale = inputs.mean(0), np.maximum(inputs.std(0), 1e-6)
    goal, spread = targets.mean(0), targets.std(0)
    x = torch.tensor((inputs - mean) / scale, dtype=torch.float32)
    y = torch.tensor((targets - goal) / spread, dtype=torch.float32)
    held = people % 5 == 0
    train = torch.tensor(np.flatnonzero(~held))
    sizes = (x.shape[1], *HIDDEN, y.shape[1])
    blocks: list[torch.nn.Module] = []
    for k, (a, b) in enumerate(pairwise(sizes)):
        blocks += [torch.nn.Linear(a, b)] + ([torch.nn.Tanh()] if k < len(sizes) - 2 else [])
    net = torch.nn.Sequential(*blocks)
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        batch = train[torch.randint(len(train), (1024,))]
        loss = torch.nn.functional.smooth_l1_loss(net(x[batch]), y[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    layers = _layers(net, goal, spread)
    zeros = np.zeros(targets.shape[1])
    model = SignalModel(layers, mean, scale, np.diag(zeros), zeros, _limits(targets), figures={})
    left = targets[held] - model.predict(inputs[held])
    shifts = np.stack([left[people[held] == p].mean(0) for p in np.unique(people[held])])
    return replace(model, shift=np.cov(shifts.T))


def _limits(targets: Floats) -> Floats:
    """Least and greatest value of each signal (2, 7): the network must not run beyond them."""
    return np.stack([targets.min(0), targets.max(0)])


def _layers(net: Any, goal: Floats, spread: Floats) -> tuple[tuple[Floats, Floats], ...]:
    """Plain arrays, with the targets' scale folded into the last layer."""
    linear = [m for m in net if hasattr(m, "weight")]
    layers = [
        (m.weight.detach().numpy().T.astype(float), m.bias.detach().numpy().astype(float))
        for m in linear
    ]
    weights, bias = layers[-1]
    layers[-1] = (weights * spread, bias * spread + goal)
    return tuple(layers)


def _noise() -> Floats:
    """Standard deviation per frame (9,), from people at rest whose channels stand still: what is
    left is the camera's noise, as FaceMesh reads it."""
    spec = CohortSpec(subjects=12, seed=FIT_SEED + 7)
    spreads = []
    for number in range(spec.subjects):
        _, clip = programme(spec, number, "rest")
        frozen = np.repeat(clip.channels[:1], 12, axis=0)
        values = read(replace(clip, times=clip.times[:12], channels=frozen))
        spreads.append(np.nanstd(_to_fitted(values), axis=0))
    return np.asarray(np.median(spreads, axis=0))


def check(model: SignalModel, plan: FitPlan) -> dict[str, Any]:
    """Simulated against measured clips of new people: correlation over people of the clip's mean
    and log-variance, and the median ratio of variances, for the signals that carry each posed
    expression and for all."""
    spec = CohortSpec(subjects=plan.check_people, seed=CHECK_SEED, fps=plan.check_fps)
    pairs: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for number in counted("checking people", range(plan.check_people), plan.check_people):
        for expression in spec.expressions:
            _, clip = programme(spec, number, expression)
            real = stats(measured(clip))
            made = stats(simulate(clip, (spec.seed, number), model))
            pairs.setdefault(expression, []).append((real, made))
    table = {str(e): {signal: _agreement(pairs[e], signal) for signal in SIGNALS} for e in ASKED}
    carrying = [
        table[e][s]["variance_spearman"]
        for e in map(str, POSED)
        for s in SIGNALS
        if table[e][s]["variance_measured"] > 4e-4
    ]
    return {
        "people": plan.check_people,
        "frames_per_second": plan.check_fps,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "median_variance_spearman_of_moving_signals": round(float(np.median(carrying)), 3),
        "by_expression": table,
    }


def _agreement(pairs: list[tuple[dict[str, Any], dict[str, Any]]], signal: str) -> dict[str, float]:
    real = np.array([pair[0][signal] for pair in pairs])
    made = np.array([pair[1][signal] for pair in pairs])
    ratio = np.log(np.maximum(made[:, 1], 1e-12) / np.maximum(real[:, 1], 1e-12))
    return {
        "mean_measured": round(float(np.median(real[:, 0])), 4),
        "mean_simulated": round(float(np.median(made[:, 0])), 4),
        "variance_measured": float(f"{np.median(real[:, 1]):.3g}"),
        "variance_simulated": float(f"{np.median(made[:, 1]):.3g}"),
        "variance_ratio": round(float(np.exp(np.median(ratio))), 3),
        "mean_spearman": round(float(spearmanr(real[:, 0], made[:, 0]).statistic), 3),
        "variance_spearman": round(float(spearmanr(real[:, 1], made[:, 1]).statistic), 3),
    }


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=None, separators=(",", ":")), encoding="utf-8")


def _short(values: Floats, digits: int = 5) -> Any:
    return np.round(values, digits).tolist()
