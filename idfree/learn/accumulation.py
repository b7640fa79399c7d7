"""Gradient accumulation: the gradient of a large batch in the memory of a small one.

The network processes a batch in parts, and the objective gets the outputs of all parts at once, so that the gradient is
that of the whole batch, also for losses that compare or normalise over the batch. Activations are not stored but
recomputed in the backward pass (Chen 2016, Training deep nets with sublinear memory cost; Gao 2021, GradCache), at the
cost of one more forward pass. Batch-norm statistics are of each part.
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
    """Split the tensors that have a row per image or crop into parts of about equal length; drop the others."""
    rows = max(map(len, batch.values()))
    columns = {name: column.tensor_split(parts) for name, column in batch.items() if len(column) == rows}
    for part in range(min(parts, rows)):
        yield {name: chunks[part] for name, chunks in columns.items()}


def recomputation(network: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Contexts of a forward pass and its recomputation, which must not update batch-norm statistics a second time."""
    return nullcontext(), without_statistics(network)


@contextmanager
def without_statistics(network: nn.Module) -> Iterator[None]:
    """Context in which batch norms in training mode do not update their running statistics."""
    norms = [layer for layer in network.modules() if isinstance(layer, NORMS) and layer.training]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
