"""Training on one process or on several under ``torchrun``: the few calls that differ.

Without torchrun's environment variables every function is the single-process case, so a training
loop reads the same either way. CPU processes talk through gloo, GPUs through nccl.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

# One process may measure for hours while the others wait: the default is 10 to 30 minutes. Nobody
# waits in vain that long: torchrun ends all when one fails, and each ends when torchrun has.
PATIENCE = timedelta(days=7)
LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Processes:
    """This process's place among all: ``rank`` of ``world``, and the device it trains on."""

    rank: int = 0
    world: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Only the first process writes files and logs how it goes."""
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
    if int(os.environ["RANK"]):
        logging.getLogger(__package__).setLevel(logging.WARNING)
    with _ending_with_launcher():
        dist.init_process_group("nccl" if gpu else "gloo", timeout=PATIENCE)
        try:
            yield Processes(dist.get_rank(), world, f"cuda:{local}" if gpu else "cpu")
        finally:
            dist.destroy_process_group()


@contextmanager
def _ending_with_launcher() -> Iterator[None]:
    """Ends this process at once when its parent, torchrun, is gone.

    torchrun starts every process in a session of its own. One whose launcher was killed (no memory,
    a job's time limit) would be told by nobody and wait for the others for ever, holding its GPU.
    What it has learnt is kept epoch by epoch, so nothing is lost but the epoch.
    """
    launcher, done = os.getppid(), threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_EVERY_SECONDS):
            if os.getppid() != launcher:
                # The main thread may hang in a collective call, where no exception reaches it.
                os._exit(1)

    watcher = threading.Thread(target=watch, name="launcher-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
