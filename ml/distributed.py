"""Training on one process or on several under ``torchrun``: the few calls that differ.

Without torchrun's environment variables every function is the single-process case, so a training
loop reads the same either way. CPU processes talk through gloo, GPUs through nccl.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Processes:
    """This process's place among all: ``rank`` of ``world``, and the device it trains on."""

    rank: int = 0
    world: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Only the first process writes files and prints."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model with its gradients averaged over all processes."""
        model = model.to(self.device)
        if self.world == 1:
            return model
        # Loss terms that are switched off leave parameters without a gradient.
        return DistributedDataParallel(model, find_unused_parameters=True)

    def mean(self, value: float) -> float:
        """Average of one number over all processes."""
        if self.world == 1:
            return value
        tensor = torch.tensor([value], device=self.device)
        dist.all_reduce(tensor)
        return float(tensor.item()) / self.world

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def processes() -> Iterator[Processes]:
    """The process group torchrun asked for, or this process alone."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    gpu = torch.cuda.is_available()
    if world == 1:
        yield Processes(device="cuda" if gpu else "cpu")
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if gpu:
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Processes(dist.get_rank(), world, f"cuda:{local}" if gpu else "cpu")
    finally:
        dist.destroy_process_group()
