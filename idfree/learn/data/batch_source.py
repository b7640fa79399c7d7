"""The interface of the batches of a run, by which the training loop reads them."""

from typing import Protocol

from idfree.learn.tensors import Tensors


class BatchSource(Protocol):
    """`source(n)`: batch n of a run, a function of n and the settings alone, so that runs can resume.

    per_epoch: number of batches in which every image occurs once.
    """

    @property
    def per_epoch(self) -> int:
        """Batches per epoch."""

    def __call__(self, step: int) -> Tensors:
        """Batch number `step` of the run."""
