"""Losses of a batch shared by two processes, simulated by threads: their average is the loss of one process."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

torch = pytest.importorskip("torch")

from idfree.learn import parallel
from idfree.learn.objectives.balance import total_loss
from idfree.learn.objectives.registry import OBJECTIVES

COUNTS = {"images": (0, 1, 4, 4), "pairs": ((0, 0), (1, 1), (4, 4), (4, 3))}  # the second share has nearly all objects
NEGATIVE = (False, True, False, False)
SHARED = [name for name, entry in OBJECTIVES.items() if entry.batch in COUNTS]
TIMEOUT = 300  # seconds; a share that reduces less often than the other is an error, not a hang


class TwoProcesses:
    """The part of torch.distributed that losses use, for two threads."""

    def __init__(self):
        self.barrier, self.lock, self.sum = threading.Barrier(2), threading.Lock(), None

    def is_available(self):
        return True

    is_initialized = is_available

    def get_world_size(self):
        return 2

    def all_reduce(self, tensor):
        with self.lock:
            self.sum = tensor.clone() if self.sum is None else self.sum + tensor
        self.barrier.wait(TIMEOUT)
        total = self.sum
        self.barrier.wait(TIMEOUT)
        self.sum = None
        self.barrier.wait(TIMEOUT)
        tensor.copy_(total)


def gradients(objective, output):
    """Gradients of all maps and parameters; 0 where there is none."""
    tensors = [*output.values(), *objective.parameters()]
    return [torch.zeros_like(tensor) if tensor.grad is None else tensor.grad for tensor in tensors]


def share(columns, images):
    """The columns of some images of a batch, with gradients of their own."""
    return {name: column[images].detach().clone() for name, column in columns.items()}


@pytest.mark.parametrize("name", SHARED)
def test_two_shares_give_the_gradient_and_the_loss_of_one_process(name, makers, monkeypatch):
    entry = OBJECTIVES[name]
    make_batch, make_output = makers[entry.batch]
    is_pairs = entry.batch == "pairs"
    batch = make_batch(COUNTS[entry.batch], **({"negative": NEGATIVE} if is_pairs else {}))
    output = make_output(batch)
    shares = ([0, 1, 4, 5], [2, 3, 6, 7]) if is_pairs else ([0, 1], [2, 3])

    def build():
        torch.manual_seed(0)
        return entry.build()

    def run(objective, images=None):
        columns, maps = batch, output
        if images is not None:
            columns = share({key: each for key, each in batch.items() if key != "negative"}, images)
            maps = {key: each.requires_grad_() for key, each in share(output, images).items()}
            if is_pairs:
                columns["negative"] = batch["negative"][images[:2]]
        losses = objective(maps, columns)
        loss = total_loss(losses)
        loss.backward()
        return loss.detach(), {key: each.detach() for key, each in losses.items()}, gradients(objective, maps)

    loss, losses, whole = run(build())
    monkeypatch.setattr(parallel, "dist", TwoProcesses())
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(run, (build(), build()), shares)
    torch.testing.assert_close((one[0] + two[0]) / 2, loss)
    for key, value in losses.items():
        torch.testing.assert_close((one[1][key] + two[1][key]) / 2, value, msg=key)
    for k, gradient in enumerate(whole):
        if k < len(output):  # each share has the gradient of its own images, halved by the average
            for images, part in zip(shares, (one, two), strict=True):
                torch.testing.assert_close(part[2][k] / 2, gradient[images])
        else:
            torch.testing.assert_close((one[2][k] + two[2][k]) / 2, gradient)
