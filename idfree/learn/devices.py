"""PyTorch devices, threads, and moving tensors to a device."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from idfree.core.errors import UserError, first_line
from idfree.core.threads import available_cpus


def open_device(name: str) -> torch.device:
    """`auto` (CUDA if available, else the CPU), `cpu`, `cuda`, `cuda:1`, `mps`. Raises UserError if it is unusable."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        raise UserError(f"--device {name}: {first_line(error)}") from error
    return device


@contextmanager
def use_threads(count: int | None) -> Iterator[None]:
    """Context in which PyTorch uses `count` CPU threads; None: its default, at most the CPUs available."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or min(before, available_cpus()))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device; images (N, C, H, W) in channels-last format, in which convolutions are faster."""
    layout = torch.channels_last if tensor.dim() == 4 else torch.preserve_format
    return tensor.to(device, memory_format=layout)
