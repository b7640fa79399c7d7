"""One training by several processes, as `torchrun` starts them: each takes a share of every batch, all learn alike.

Each has its losses, and its batch norms' statistics, from its share, and the gradient is the mean of theirs: as in
FairMOT's code, a person in a share with few others weighs a little more than in one process with the whole batch.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from idfree.core.errors import UserError

PATIENCE = timedelta(days=1)  # with the first process, while it validates


@dataclass(frozen=True)
class Distributed:
    """Which of `world` processes this is, from 0. The first writes files, and tells how far it is."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Make each tensor the mean of what it is in all processes, in place."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.world
        for tensor, mean in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()


def distributed_from_torchrun() -> Distributed:
    """What `torchrun` says that this process is; the only one where it says nothing."""
    return Distributed(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))


def own_device(name: str) -> str:
    """The device of this process: where `torchrun` started one for each CUDA device, its own."""
    several = int(os.environ.get("LOCAL_WORLD_SIZE", 1)) > 1
    cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    return f"cuda:{os.environ['LOCAL_RANK']}" if several and cuda else name


@contextmanager
def together(device: torch.device) -> Iterator[Distributed]:
    """The share of this process, connected with the others while the block runs. Raises UserError."""
    share = distributed_from_torchrun()
    if share.world == 1:
        yield share
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"process {share.rank} of {share.world} cannot reach the others: {error}") from error
    try:
        yield share
        share.wait()  # nobody hangs up while another still speaks
    finally:
        dist.destroy_process_group()
