"""Data-parallel training by several processes, as started by `torchrun`: each processes its part of every batch.

Gradients and metrics are averaged over processes. Losses are normalised by counts over the whole batch (`mean_count`),
so that their average equals the loss of a single process; in FairMOT's code, by contrast, an object's weight depends on
the part that it is in. Batch-norm statistics are of each part, unless they are synchronised
(`idfree.learn.networks.synchronised_norm`).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from idfree.core.errors import UserError

TIMEOUT = timedelta(days=1)  # long, since the other processes wait while the main process validates


def mean_count(count: Tensor) -> Tensor:
    """The mean over processes of a count of each process's part of the batch (all-reduce); without gradient.

    A sum over a part divided by it, averaged over processes, is the mean over the whole batch. Every process must call
    this equally often. In a single process it is the count itself.
    """
    count = count.detach().to(torch.float32, copy=True)
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(count)
        count /= dist.get_world_size()
    return count


def divisor(count: Tensor) -> Tensor:
    """As `mean_count`, but 1 / world size if it is 0, so that the average over processes is then the undivided sum."""
    mean = mean_count(count)
    world = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
    return mean.where(mean > 0, 1 / world)


@dataclass(frozen=True)
class Distributed:
    """The rank of this process among `world` processes. The main process (rank 0) writes files and shows progress."""

    rank: int = 0
    world: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the main process."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes, in place (all-reduce)."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.world
        for tensor, mean in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def barrier(self) -> None:
        """Wait until all processes have reached this call."""
        if self.world > 1:
            dist.barrier()

    def from_main(self, text: str = "") -> str:
        """The text of the main process, in every process (broadcast); the others wait for it."""
        texts = [text]
        if self.world > 1:
            dist.broadcast_object_list(texts)
        return texts[0]

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process runs the block, for example to write files; then the others do, which find the files.

        If it raises in the main process, the others raise UserError, as there are no files.
        """
        if not self.is_main:
            if failure := self.from_main():
                raise UserError(f"process 0 of {self.world} failed: {failure}")
            yield
            return
        try:
            yield
        except Exception as error:  # Ctrl-C comes to all processes
            with suppress(RuntimeError):  # of processes that have ended; the first error is told
                self.from_main(str(error) or type(error).__name__)
            raise
        self.from_main()


def distributed_from_torchrun() -> Distributed:
    """Rank and world size from the environment variables of `torchrun`; a single process without them."""
    return Distributed(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))


def local_device(name: str) -> str:
    """The device of this process: its own CUDA device if `torchrun` started several processes on this machine."""
    several = int(os.environ.get("LOCAL_WORLD_SIZE", 1)) > 1
    cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    return f"cuda:{os.environ['LOCAL_RANK']}" if several and cuda else name


@contextmanager
def process_group(device: torch.device) -> Iterator[Distributed]:
    """Connect this process with the others within the block. Raises UserError if they cannot be reached."""
    distributed = distributed_from_torchrun()
    if distributed.world == 1:
        yield distributed
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"process {distributed.rank} of {distributed.world} cannot reach the others: {error}"
        ) from error
    try:
        yield distributed
        distributed.barrier()  # no process may leave while another still communicates
    finally:
        dist.destroy_process_group()
