"""A one-shot network and a street so small that tests can train on them; as a script, in a process of its own."""

import sys
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import interpolate

from idfree.datasets.footage import Footage
from idfree.learn.data.image_batches import ImageBatches, ImageBatchShape
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.warp import STILL
from idfree.learn.fit import fit
from idfree.learn.methods import fairmot, one_shot
from idfree.learn.methods.fairmot import FairmotSettings
from idfree.learn.methods.one_shot import ValidationPlan
from idfree.learn.networks.backbones import BACKBONES
from idfree.learn.networks.layers import conv1x1, conv3x3, initialise, normed
from idfree.learn.parallel import together
from idfree.learn.schedule import Schedule
from idfree.learn.training import Training
from idfree.synthetic.scene import street

CPU = torch.device("cpu")
WIDTHS = (3, 16, 32, 48, 64, 64)
TINY = FairmotSettings(
    backbone="narrow", size="96x64", dimension=8, epochs=3, batch=2, lr=1e-3, precision="fp32", threads=1, save_every=2
)


class Narrow(nn.Module):
    """A feature pyramid of a hundred thousand parameters."""

    channels = 32

    def __init__(self, stride=4):
        super().__init__()
        self.stride = stride
        pairs = pairwise(WIDTHS)
        self.down = nn.ModuleList(
            nn.Sequential(normed(conv3x3(a, b, stride=2)), normed(conv3x3(b, b))) for a, b in pairs
        )
        self.laterals = nn.ModuleList(conv1x1(width, self.channels) for width in WIDTHS[2:])
        self.last = normed(conv3x3(self.channels, self.channels))
        initialise(self)

    def forward(self, x):
        maps = []
        for layer in self.down:
            maps.append(x := layer(x))
        *finer, x = (lateral(x) for lateral, x in zip(self.laterals, maps[1:], strict=True))
        for lateral in finer[::-1]:
            x = lateral + interpolate(x, scale_factor=2.0)
        return self.last(x)


def made_up(seed=3, people=4, frames=5, size_hw=(64, 96)):
    """A made-up street; those who are hidden are left out."""
    made = street(seed, people, frames, size_hw)
    pictures = [frame.image for frame in made.sequence]
    truth = made.truth[made.truth.visibility > 0.2]
    return Footage(f"street-{seed}", truth, frames, lambda number: pictures[number - 1], moving=True)


def learn(run, settings=TINY, footages=None, **options):
    """Train fairmot, judged by what needs no tracker."""

    def judge(network, known):
        return {"IDF1": -sum(value.abs().sum().item() for value in network.heads.state_dict().values())}

    footages = [made_up()] if footages is None else footages
    options = {"device": CPU, "judging": ValidationPlan(judge), **options}
    return fairmot.train(footages, settings, Path(run), **options)


class Mean(nn.Module):
    """A convolution, and the mean over pictures of how far it is from their heat: what shares of a batch add up to."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 1, 4, stride=4)

    def forward(self, batch):
        return {"heat": self.layer(batch["image"].float() / 255)}


class Distance(nn.Module):
    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.zeros(1))

    def forward(self, output, batch):
        return {"off": (output["heat"] + self.level - batch["heat"]).square().mean()}


def shared_training(run):
    """Train with as many processes as torchrun says there are."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with together(CPU) as share:
        shape = ImageBatchShape(pictures=4, size_hw=(64, 96))
        scenes = LabelledImages.of([made_up()])
        batches = ImageBatches(scenes, shape, augmentation=STILL, share=(share.rank, share.world))
        schedule = Schedule(6, lr=0.01, decay=0.0, clip=1.0, precision="fp32", optimiser="adam", shape="cosine")
        training = Training(Mean(), Distance(), schedule, {}, CPU, share)
        fit(training, batches, Path(run))
        return batches


BACKBONES["narrow"] = Narrow

if __name__ == "__main__":
    one_shot.export = lambda *arguments: None  # which takes seconds
    {"learn": learn, "shared": shared_training}[sys.argv[1]](sys.argv[2])
