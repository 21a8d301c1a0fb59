"""A training's directory: claimed by one set of settings, its state kept after every epoch."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ml.distributed import Processes
from ml.errors import ConfigError
from ml.files import whole, write
from ml.settings import make_folder
from ml.training.clip_source.learner import Learner
from ml.training.clip_source.run_settings import TrainConfig

STATE_FILE = "state.pt"
LOG_FILE = "log.jsonl"
CONFIG_FILE = "train.json"


def claim(out: Path, config: TrainConfig, clips: str, weights: str, group: Processes) -> None:
    """The output directory belongs to one set of settings: another run must not mix into it.
    ``clips`` and ``weights``: digests of what lies at the paths, which may move."""
    path = out / CONFIG_FILE
    settings = config.to_json() | {"cohort": clips, "weights": weights}
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    if group.first and not path.is_file():
        make_folder(out)
        write(path, text)
    group.wait()
    if path.read_text(encoding="utf-8") != text:
        raise ConfigError(f"{out} holds a run with other settings; give another directory")


def keep(
    out: Path,
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    epoch: int,
    terms: Mapping[str, float],
) -> None:
    """State and log after one epoch; the state file is replaced whole or not at all."""
    state = {"epoch": epoch, "model": _learnt(learner), "optimiser": optimiser.state_dict()}
    with whole(out / STATE_FILE) as partial:
        torch.save(state, partial)
    with (out / LOG_FILE).open("a", encoding="utf-8") as log:
        log.write(json.dumps({"epoch": epoch, **{k: round(v, 6) for k, v in terms.items()}}) + "\n")


def resume(
    out: Path, learner: Learner, optimiser: torch.optim.Optimizer, config: TrainConfig
) -> int:
    """Takes up the state in ``out``, if any; returns the first epoch still to do."""
    path = out / STATE_FILE
    if not path.is_file():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    learner.load_state_dict(state["model"], strict=False)
    optimiser.load_state_dict(state["optimiser"])
    return min(int(state["epoch"]) + 1, config.epochs)


def _learnt(learner: Learner) -> dict[str, Tensor]:
    """What training changes: parameters that learn, and buffers. Frozen towers are not copied."""
    frozen = {name for name, p in learner.named_parameters() if not p.requires_grad}
    return {k: v for k, v in learner.state_dict().items() if k not in frozen}
