"""Gradient accumulation: the gradient of a large batch in the memory of a small one.

The network processes a batch in parts, and the objective sees the outputs of all of them at once, so that the gradient
is that of the whole batch whatever the loss is divided by or compares. Activations are not kept: each part is computed
again during the backward pass (Chen 2016, Training deep nets with sublinear memory cost; Gao 2021, GradCache), which
costs one more forward pass. Batch-norm statistics are of a part.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from idfree.learn.tensors import Tensors

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def forward_in_parts(network: nn.Module, batch: Tensors, parts: int) -> Tensors:
    """The output of the network on a batch, computed in parts; with one part, simply `network(batch)`."""
    if parts == 1:
        output: Tensors = network(batch)
        return output
    contexts = partial(recomputation, network)
    outputs = [checkpoint(network, part, use_reentrant=False, context_fn=contexts) for part in split(batch, parts)]
    return {name: torch.cat([output[name] for output in outputs]) for name in outputs[0]}


def split(batch: Tensors, parts: int) -> Iterator[Tensors]:
    """The columns that have a row for each image or crop, in so many parts of about equal length."""
    rows = max(map(len, batch.values()))
    columns = {name: column.tensor_split(parts) for name, column in batch.items() if len(column) == rows}
    for part in range(min(parts, rows)):
        yield {name: chunks[part] for name, chunks in columns.items()}


def recomputation(network: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Contexts of the forward pass and of its repetition, which must not update batch statistics a second time."""
    return nullcontext(), without_statistics(network)


@contextmanager
def without_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norms in training mode normalise as usual, but their running statistics stay as they are."""
    norms = [layer for layer in network.modules() if isinstance(layer, NORMS) and layer.training]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
