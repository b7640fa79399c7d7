"""Gradient accumulation: the gradient of a batch does not depend on the parts in which it is computed."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from idfree.learn.accumulation import forward_in_parts, split
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.methods.registry import METHODS
from idfree.learn.training import Training

CPU = torch.device("cpu")


def make_training(narrow, name, parts, batch=4, **settings):
    """A run of a method before its first iteration, with fixed batch statistics, and its batches."""
    method = METHODS[name]
    common = {"backbone": "narrow", "size": "96x64", "dimension": 8, "precision": "fp32", "lr": 1e-3, "clip": 1e9}
    settings = method.settings(**{**common, "batch": batch, "accumulate": parts, **settings})
    footages = [narrow.make_footage(frames=9, people=6)]
    dataset = replace(method.dataset(footages, ("person",)), teacher=narrow.make_teacher(footages))
    torch.manual_seed(0)
    network = method.network(settings, 1)
    narrow.fix_norms(network)
    objective = method.objective(settings, dataset)
    training = Training(network, objective, settings.make_schedule(3), {}, CPU, parts=parts)
    return training, method.batches(settings, dataset, (0, 1))


def gradients(training, batches):
    metrics = training.iterate(batches(0))
    return [parameter.grad for parameter in training.parameters], metrics


@pytest.mark.parametrize("name", METHODS)
def test_three_parts_give_the_gradient_of_one_batch_three_times_as_large(narrow, one_thread, name):
    (whole, one), (parts, other) = (
        gradients(*make_training(narrow, name, parts, batch)) for parts, batch in ((1, 6), (3, 2))
    )
    assert other == pytest.approx(one, rel=1e-4)
    for gradient, expected in zip(parts, whole, strict=True):
        assert (gradient is None) == (expected is None)
        if gradient is not None:
            torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-5)
    assert one["gradient"] > 0


def test_batch_statistics_are_updated_once_by_each_part():
    network = nn.Sequential(nn.BatchNorm2d(1))
    network.forward = lambda batch: {"map": network[0](batch["image"])}
    image = torch.tensor([1.0, 5.0]).view(2, 1, 1, 1).expand(2, 1, 4, 4).contiguous().requires_grad_()
    forward_in_parts(network, {"image": image}, 2)["map"].sum().backward()
    assert network[0].num_batches_tracked == 2
    assert network[0].running_mean.item() == pytest.approx((0 * 0.9 + 0.1 * 1) * 0.9 + 0.1 * 5)
    assert network[0].momentum == 0.1


def test_columns_of_other_lengths_are_not_for_the_network():
    batch = {"image": torch.arange(5), "mask": torch.arange(10).view(5, 2), "negative": torch.zeros(2)}
    parts = list(split(batch, 2))
    assert [part["image"].tolist() for part in parts] == [[0, 1, 2], [3, 4]]
    assert all(part.keys() == {"image", "mask"} for part in parts)
    assert len(list(split(batch, 9))) == 5


def test_an_epoch_has_fewer_iterations(narrow):
    dataset = LabelledImages.from_footages([narrow.make_footage(frames=9)])
    settings = replace(narrow.TINY, batch=2, accumulate=2)
    assert METHODS["fairmot"].batches(settings, dataset, (0, 1)).per_epoch == 3
