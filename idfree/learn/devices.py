"""Where PyTorch computes: devices, threads, and tensors placed on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from idfree.core.errors import UserError


def open_device(name: str) -> torch.device:
    """`auto` (CUDA where it works, else the processor), `cpu`, `cuda`, `cuda:1`, `mps`. Raises UserError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        raise UserError(f"--device {name}: {str(error).splitlines()[0]}") from error
    return device


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """PyTorch on `count` threads (None: as many as it likes) while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def placed(tensor: Tensor, device: torch.device) -> Tensor:
    """On the device; pictures (N, C, H, W) with their channels last, which processors work through faster."""
    layout = torch.channels_last if tensor.dim() == 4 else torch.preserve_format
    return tensor.to(device, memory_format=layout)
