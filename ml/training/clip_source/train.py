"""Trains the intensity network: reads top to bottom, on one process or several under torchrun.

Seeded and resumable: every step's clips, windows and light come from (seed, epoch, clip) alone,
so a run that is cut off and started again ends with the same weights, and so does a run whose
batches are shared by several processes. The last epoch's weights are kept: nothing is chosen by
looking at held-out people.
"""

import hashlib
import logging
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ml.cohort.manifest import LabelledClip, read_manifest
from ml.distributed import Processes, processes
from ml.errors import ConfigError
from ml.files import require_no_model
from ml.intensity import clip_source
from ml.intensity.encoder import FrameEncoder, frame_encoder
from ml.intensity.weights import LOCAL_PREFIX, LoadedClip, load, read_config
from ml.measuring import blendshapes
from ml.training.clip_source.examples import (
    FrameCache,
    Pair,
    chosen,
    load_examples,
    pair_with_rest,
    watched_clips,
)
from ml.training.clip_source.labels import programmed, taught
from ml.training.clip_source.learner import Batch, Cut, Learner, make_batch
from ml.training.clip_source.run_folder import claim, keep, resume
from ml.training.clip_source.run_settings import TrainConfig
from ml.training.clip_source.towers import TowerError

logger = logging.getLogger(__name__)
SOURCE_FOLDER = "source"


def train(config: TrainConfig, out: Path, cache: Path) -> Path:
    """Runs (or goes on with) one training; returns the served source's directory.

    Raises ``CohortError``, ``ConfigError`` or ``WeightsError`` before the first step.
    """
    with processes() as group:
        clips = read_manifest(Path(config.cohort))
        weights = load(config.weights)
        torch.manual_seed(config.seed)
        learner = _learner(weights, config)
        wanted = chosen(clips, config)
        if config.labels == "blendshapes":
            blendshapes.required()
        beside = watched_clips(clips, config)
        require_no_model(out)
        claim(out, config, _digest_of_clips(clips), weights.digest, group)
        pairs = _pairs(wanted, config, learner, weights, cache, group)
        watched = _pairs(beside, config, learner, weights, cache, group) if beside else []
        model = group.wrap(learner)
        optimiser = _optimiser(learner, config)
        start = resume(out, learner, optimiser, config)
        clock = _Clock(start, config.epochs)
        for epoch in range(start, config.epochs):
            terms = _epoch(model, optimiser, pairs, config, epoch, group)
            if group.first:
                terms |= _watch(learner, watched, config, group)
                keep(out, learner, optimiser, epoch, terms)
                clock.tell(epoch, terms)
            group.wait()
        if group.first:
            _save(out, learner, config, pairs, clips)
        group.wait()
    return out / SOURCE_FOLDER


def train_file(data: Mapping[str, Any], here: Path, cache: Path) -> Path:
    """Trains from a settings file's content; paths in it are relative to ``here``.

    Beside the settings of :class:`TrainConfig` it names ``out``, the run's directory.
    """
    if not isinstance(data.get("out"), str) or not data["out"]:
        raise ConfigError("out: must name the run's directory")
    config = TrainConfig.from_json({k: v for k, v in data.items() if k != "out"})
    weights = config.weights
    if weights.startswith(LOCAL_PREFIX):
        weights = f"{LOCAL_PREFIX}{here / weights.removeprefix(LOCAL_PREFIX)}"
    config = replace(config, cohort=str(here / config.cohort), weights=weights)
    return train(config, here / data["out"], cache)


def _learner(weights: LoadedClip, config: TrainConfig) -> Learner:
    if weights.embed_dim != config.network.embed_dim:
        raise ConfigError(
            f"network.embed_dim is {config.network.embed_dim}, the weights' is {weights.embed_dim}"
        )
    try:
        return Learner(
            weights,
            config.network,
            config.loss,
            image_blocks=config.image_blocks,
            tune_text=config.tune_text,
        )
    except TowerError as fault:
        raise ConfigError(f"image_blocks, tune_text: {fault}") from fault


def _pairs(
    wanted: list[LabelledClip],
    config: TrainConfig,
    learner: Learner,
    weights: LoadedClip,
    cache: Path,
    group: Processes,
) -> list[Pair]:
    frozen: FrameEncoder | None = None
    if not learner.tunes_images:
        frozen = frame_encoder(weights, "fp32", group.device)
    store = FrameCache(cache, config.rate, learner.preprocess.size, frozen)
    if group.world > 1:  # each process measures its share, then all read everything
        for clip in wanted[group.rank :: group.world]:
            store.frames(clip)
        group.wait()
    truth = taught(wanted, cache) if config.labels == "blendshapes" else programmed
    return pair_with_rest(load_examples(wanted, store, truth))


def _optimiser(learner: Learner, config: TrainConfig) -> torch.optim.Optimizer:
    """One group per part, each with its own rate; parameters that are frozen are left out."""
    parts: dict[str, tuple[float, list[nn.Module]]] = {
        "image": (config.rates.image, [learner.visual, learner.text_tower]),
        "temporal": (config.rates.temporal, [learner.network]),
        "prompt": (config.rates.prompt, [learner.prompts]),
    }
    groups: list[dict[str, Any]] = []
    for name, (rate, modules) in parts.items():
        learning = [p for m in modules for p in m.parameters() if p.requires_grad]
        if learning:
            groups.append({"params": learning, "lr": rate, "peak": rate, "name": name})
    if config.optimiser == "adamw":
        return torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    return torch.optim.SGD(groups, momentum=0.9, weight_decay=config.weight_decay)


def _epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    pairs: list[Pair],
    config: TrainConfig,
    epoch: int,
    group: Processes,
) -> dict[str, float]:
    """One pass over all clips; returns the mean of the loss and of each term."""
    model.train()
    sums: dict[str, float] = {}
    steps = math.ceil(len(pairs) / config.batch)
    for step, batch in enumerate(batches(pairs, config, epoch, group)):
        _set_rates(optimiser, config, (epoch * steps + step) / (config.epochs * steps))
        loss, terms = model(batch.to(group.device))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        learning = [p for part in optimiser.param_groups for p in part["params"]]
        nn.utils.clip_grad_norm_(learning, config.clip_gradient)
        optimiser.step()
        for name, value in {"loss": loss.detach(), **terms}.items():
            sums[name] = sums.get(name, 0.0) + float(value)
        if not math.isfinite(sums["loss"]):
            raise ConfigError(f"training diverged in epoch {epoch + 1}: lower the rates")
    return {name: group.mean(total / steps) for name, total in sums.items()}


@torch.no_grad()
def _watch(
    learner: Learner, pairs: list[Pair], config: TrainConfig, group: Processes
) -> dict[str, float]:
    """The same terms on watched people, always on the same windows and in even light. They are
    looked at and decide nothing: the last epoch's weights are kept, whatever they say."""
    if not pairs:
        return {}
    learner.eval()
    cut = Cut(config.frames, config.rest_frames, 0.0)
    sums: dict[str, float] = {}
    for start in range(0, len(pairs), config.batch):
        some = pairs[start : start + config.batch]
        seeds = [(config.seed, start + n) for n in range(len(some))]
        batch = make_batch(some, config.network.classes, cut, seeds)
        loss, terms = learner(batch.to(group.device))
        for name, value in {"loss": loss, **terms}.items():
            name = f"watched_{name}"
            sums[name] = sums.get(name, 0.0) + float(value) * len(some) / len(pairs)
    return sums


def batches(
    pairs: list[Pair], config: TrainConfig, epoch: int, group: Processes
) -> Iterator[Batch]:
    """This process's share of each batch of the epoch; the last batch is filled from the start."""
    if config.batch % group.world:
        raise ConfigError(f"batch {config.batch} cannot be shared by {group.world} processes")
    order = np.random.default_rng([config.seed, epoch]).permutation(len(pairs))
    steps = math.ceil(len(pairs) / config.batch)
    order = np.resize(order, steps * config.batch)
    share = config.batch // group.world
    table_seconds = config.network.positions / config.network.position_rate
    shift = max(table_seconds - max(config.frames, config.rest_frames) / config.rate, 0.0)
    cut = Cut(config.frames, config.rest_frames, shift, config.light, config.noise, config.flip)
    for step in range(steps):
        first = step * config.batch + group.rank * share
        mine = order[first : first + share]
        seeds = [(config.seed, epoch, step, int(index)) for index in mine]
        yield make_batch([pairs[i] for i in mine], config.network.classes, cut, seeds)


def _set_rates(optimiser: torch.optim.Optimizer, config: TrainConfig, done: float) -> None:
    """Linear warm-up, then a cosine down to zero; ``done`` is the share of the run behind us."""
    rising = done / config.warmup if config.warmup else 1.0
    factor = min(rising, 1.0) * 0.5 * (1 + math.cos(math.pi * done))
    for part in optimiser.param_groups:
        part["lr"] = part["peak"] * factor


def _save(
    out: Path,
    learner: Learner,
    config: TrainConfig,
    pairs: list[Pair],
    clips: tuple[LabelledClip, ...],
) -> None:
    folder = Path(config.weights.removeprefix(LOCAL_PREFIX))
    with torch.no_grad():
        text = learner.eval().text()
    card = {
        "weights": folder.name,
        "cohort": Path(config.cohort).name,
        "cohort_digest": _digest_of_clips(clips),
        "phantom_trained": any(clip.truth is not None for clip in clips),
        "people": len({pair.clip.subject for pair in pairs}),
        "clips": len(pairs),
        "training": config.to_json() | {"cohort": Path(config.cohort).name, "weights": folder.name},
    }
    clip_source.save(
        out / SOURCE_FOLDER,
        clip_source.SourceParts(
            visual=learner.visual,
            model_cfg=read_config(folder)["model_cfg"],
            preprocess=learner.preprocess,
            network=learner.network,
            text=text,
            precision=config.precision,
            rate=config.rate,
            card=card,
        ),
    )


def _digest_of_clips(clips: tuple[LabelledClip, ...]) -> str:
    return hashlib.sha256("\n".join(sorted(c.sha256 for c in clips)).encode()).hexdigest()


class _Clock:
    """Progress with time left."""

    def __init__(self, done: int, epochs: int) -> None:
        self.done, self.epochs, self.begin = done, epochs, time.monotonic()

    def tell(self, epoch: int, terms: Mapping[str, float]) -> None:
        finished = epoch + 1 - self.done
        left = (time.monotonic() - self.begin) / finished * (self.epochs - epoch - 1)
        numbers = " ".join(f"{name} {value:.4f}" for name, value in terms.items())
        logger.info("epoch %d/%d %s · %.1f min left", epoch + 1, self.epochs, numbers, left / 60)
