"""A tiny one-shot network and a synthetic street for tests of training; run as a script, it trains in its own process.

Usage: python narrow.py train RUN, or python narrow.py distributed RUN, gradients RUN and fail RUN under the environment
variables of torchrun.
"""

import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from idfree.core.errors import UserError
from idfree.datasets.footage import Footage
from idfree.learn.data.image_batches import ImageBatches, ImageBatchShape
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.teacher_labels import TeacherLabels
from idfree.learn.data.warp import NO_AUGMENTATION
from idfree.learn.fit import fit
from idfree.learn.methods import one_shot
from idfree.learn.methods.fairmot import FAIRMOT, FairmotSettings
from idfree.learn.methods.one_shot import ValidationPlan
from idfree.learn.methods.registry import METHODS
from idfree.learn.networks.backbones import BACKBONES
from idfree.learn.networks.faster_rcnn import BODIES
from idfree.learn.networks.fpn import Pyramid
from idfree.learn.networks.layers import conv1x1, conv3x3, initialise, make_conv_block
from idfree.learn.networks.pyramids import PYRAMIDS
from idfree.learn.networks.synchronised_norm import synchronise_norms
from idfree.learn.parallel import process_group
from idfree.learn.schedule import Schedule
from idfree.learn.training import Training
from idfree.synthetic.scene import make_street

CPU = torch.device("cpu")
WIDTHS = (3, 16, 32, 48, 64, 64)
TINY = FairmotSettings(
    backbone="narrow", size="96x64", dimension=8, epochs=3, batch=2, lr=1e-3, precision="fp32", threads=1, save_every=2
)


class Narrow(nn.Module):
    """A feature pyramid with about 100,000 parameters."""

    channels = 32

    def __init__(self, stride=4):
        super().__init__()
        self.stride = stride
        pairs = pairwise(WIDTHS)
        self.down = nn.ModuleList(
            nn.Sequential(make_conv_block(conv3x3(a, b, stride=2)), make_conv_block(conv3x3(b, b))) for a, b in pairs
        )
        self.laterals = nn.ModuleList(conv1x1(width, self.channels) for width in WIDTHS[2:])
        self.last = make_conv_block(conv3x3(self.channels, self.channels))
        initialise(self)

    def forward(self, x):
        maps = []
        for layer in self.down:
            maps.append(x := layer(x))
        *finer, x = (lateral(x) for lateral, x in zip(self.laterals, maps[1:], strict=True))
        for lateral in finer[::-1]:
            x = lateral + interpolate(x, scale_factor=2.0)
        return self.last(x)


def make_footage(seed=3, people=4, frames=5, size_hw=(64, 96)):
    """A synthetic street; hidden people are not labelled."""
    street = make_street(seed, people, frames, size_hw)
    images = [frame.image for frame in street.sequence]
    boxes = street.truth[street.truth.visibility > 0.2]
    return Footage(f"street-{seed}", boxes, frames, lambda number: images[number - 1], is_sequence=True)


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of the boxes of a footage, as a teacher gives them."""

    rows: Any
    is_known: Any

    @property
    def dimension(self):
        return self.rows.shape[1]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, rows):
        return self.rows[rows]


def make_teacher(footages, dimension=12):
    """A teacher whose embeddings are random but the same for all boxes of a person; every fifth box has none."""
    parts = []
    for number, footage in enumerate(footages):
        by_identity = np.random.default_rng(number).normal(size=(int(footage.boxes.id.max()) + 1, dimension))
        rows = by_identity[footage.boxes.id].astype(np.float32)
        is_known = np.arange(len(rows)) % 5 != 4
        parts.append(Embeddings(rows / np.linalg.norm(rows, axis=1, keepdims=True) * is_known[:, None], is_known))
    return TeacherLabels("made-up", parts)


def train_fairmot(run, settings=TINY, footages=None, **options):
    """Train fairmot, with a validation metric that needs no tracker."""

    def evaluate(network, metadata):
        return {"IDF1": -sum(value.abs().sum().item() for value in network.heads.state_dict().values())}

    footages = [make_footage()] if footages is None else footages
    options = {"device": CPU, "validation": ValidationPlan(evaluate), **options}
    return one_shot.train(FAIRMOT, footages, settings, Path(run), **options)


class ConvNetwork(nn.Module):
    """A single convolution, without batch statistics, so that parts of a batch add up to the whole."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 1, 4, stride=4)

    def forward(self, batch):
        return {"heat": self.layer(batch["image"].float() / 255)}


class HeatmapLoss(nn.Module):
    """Mean squared error of the heatmap, with a learnt bias."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, output, batch):
        return {"error": (output["heat"] + self.bias - batch["heat"]).square().mean()}


def train_distributed(run):
    """Train with as many processes as the environment variables of torchrun say."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with process_group(CPU) as distributed:
        shape = ImageBatchShape(images=4, size_hw=(64, 96))
        dataset = LabelledImages.from_footages([make_footage()])
        rank_world = (distributed.rank, distributed.world)
        batches = ImageBatches(dataset, shape, augmentation=NO_AUGMENTATION, rank_world=rank_world)
        schedule = Schedule(6, lr=0.01, decay=0.0, clip=1.0, precision="fp32", optimiser="adam", shape="cosine")
        training = Training(ConvNetwork(), HeatmapLoss(), schedule, {}, CPU, distributed)
        fit(training, batches, Path(run))


def make_lopsided():
    """Four still images in the order of a first batch of seed 0: every second one has no objects, or few."""
    position = np.argsort(np.random.default_rng([0, 0, 0]).permutation(4))  # of each image in that batch
    street = make_footage(people=8, frames=4)
    boxes = street.boxes
    nth = np.arange(len(boxes)) - np.searchsorted(boxes.frame, boxes.frame)
    most = np.array([99, 0, 99, 3])[position]
    return replace(street, boxes=boxes[nth < most[boxes.frame - 1]], is_sequence=False)


def first_gradient(name, distributed):
    """Gradient and metrics of the first iteration of a method, the objects spread unevenly over the processes."""
    method, footages = METHODS[name], [make_lopsided()]
    size = "192x128" if name == "tdt" else "96x64"  # the smallest anchors match no smaller objects
    common = {"backbone": "narrow", "size": size, "dimension": 8, "precision": "fp32", "clip": 1e9, "batch": 4}
    settings = method.settings(**common, lr=1e-3)
    dataset = replace(method.dataset(footages, ("person",)), teacher=make_teacher(footages))
    torch.manual_seed(0)
    network = method.network(settings, 1)
    objective = method.objective(settings, dataset)
    fix_norms(network)
    training = Training(network, objective, settings.make_schedule(3), {}, CPU, distributed)
    metrics = training.iterate(method.batches(settings, dataset, (distributed.rank, distributed.world))(0))
    named = [*network.named_parameters(), *objective.named_parameters()]
    return {"metrics": metrics, "gradient": {key: value.grad for key, value in named}}


def fix_norms(network):
    """Batch statistics stay as they are, also in training mode: those of parts of a batch differ."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.train = lambda mode=True, layer=layer: layer
            layer.training = False


def normed_gradient(distributed):
    """Gradient and batch statistics of a smooth network with synchronised batch norm, of half a batch each."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Softplus(), nn.Conv2d(8, 2, 3))
    image = torch.randn(6, 3, 12, 12) * torch.arange(1, 7).view(6, 1, 1, 1)
    if distributed.world > 1:
        synchronise_norms(network)
    network(image[distributed.rank :: distributed.world]).square().mean().backward()
    gradient = {key: value.grad for key, value in network.named_parameters()}
    distributed.average(list(gradient.values()))
    norms = {key: value for key, value in network.state_dict().items() if "running" in key}
    return {"metrics": {}, "gradient": gradient | norms}


def gradients(run):
    """Write RUN/gradients.pt: `first_gradient` of all methods and `normed_gradient`, from the main process."""
    torch.set_num_threads(1)
    with process_group(CPU) as distributed:
        found = {name: first_gradient(name, distributed) for name in METHODS}
        found["norms"] = normed_gradient(distributed)
    if distributed.is_main:
        Path(run).mkdir(parents=True, exist_ok=True)
        torch.save(found, Path(run) / "gradients.pt")


def fail(run):
    """Fail in the main process where the others wait for it; without that, write RUN-RANK.txt."""
    with process_group(CPU) as distributed, distributed.main_first():
        if distributed.is_main:
            raise UserError("the disk is full")
        Path(f"{run}-{distributed.rank}.txt").touch()


class NarrowPyramid(Narrow):
    """The levels 3 to 7, about 150,000 parameters."""

    def __init__(self):
        super().__init__(stride=8)
        self.fpn = Pyramid(WIDTHS[3:], self.channels)
        del self.laterals, self.last

    def forward(self, x):
        maps = []
        for layer in self.down:
            maps.append(x := layer(x))
        return self.fpn(maps[2:])


class NarrowBody(Narrow):
    """Maps at strides 2 to 32, for a pyramid on top."""

    def __init__(self):
        super().__init__()
        self.stages = WIDTHS[1:]
        del self.laterals, self.last

    def maps(self, x):
        maps = []
        for layer in self.down:
            maps.append(x := layer(x))
        return maps


BACKBONES["narrow"] = Narrow
BODIES["narrow"] = NarrowBody
PYRAMIDS["narrow"] = NarrowPyramid

if __name__ == "__main__":
    one_shot.export = lambda *arguments: None  # takes seconds
    tasks = {"train": train_fairmot, "distributed": train_distributed, "gradients": gradients, "fail": fail}
    tasks[sys.argv[1]](sys.argv[2])
