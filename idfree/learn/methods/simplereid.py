"""SimpleReID (Karthik et al. 2020, Simple Unsupervised Multi-Object Tracking): who is who, learnt from tracklets.

A short-sighted tracker links the boxes of raw video into tracklets; telling those apart teaches a network what people
look like. No label anywhere. `plain` is the paper's objective; `masked` and `triplet` do not ask to tell two tracklets
apart that may be one person.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from idfree.core.errors import UserError
from idfree.core.version import __version__
from idfree.learn import Tensors
from idfree.learn.checkpoint import load
from idfree.learn.data.crop_batches import CropBatches, CropBatchShape, CropSet
from idfree.learn.devices import open_device, threads
from idfree.learn.export_encoder import export_crops
from idfree.learn.fit import Progress, fit
from idfree.learn.networks.crop_reid import NETWORKS, CropReidNetwork, embed
from idfree.learn.networks.weights import load_weights, read_weights
from idfree.learn.objectives.cannot_link import any_cannot_link
from idfree.learn.objectives.identity import MaskedSoftmaxLoss, SoftmaxLoss
from idfree.learn.objectives.sum_losses import LossSum
from idfree.learn.objectives.triplet import TripletLoss
from idfree.learn.schedule import Precision, Schedule
from idfree.learn.training import Training

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # crops (K, H, W, 3) → embeddings (K, D) of unit length

# By name: what makes the objective for T tracklets (their columns) and embeddings of D numbers.
OBJECTIVES: dict[str, Callable[[Tensors, int], nn.Module]] = {
    "plain": lambda tracklets, dimension: SoftmaxLoss(len(tracklets["tracklet"]), dimension),
    "masked": MaskedSoftmaxLoss,
    "triplet": lambda tracklets, dimension: TripletLoss(),
    "both": lambda tracklets, dimension: LossSum([MaskedSoftmaxLoss(tracklets, dimension), TripletLoss()]),
}

ONE_VIDEO, FIVE_VIDEOS = 350, 900  # iterations that were enough for them


@dataclass(frozen=True)
class SimpleReidSettings:
    """network: of `NETWORKS`. iterations: by the number of videos if None. tracklets × crops: of a batch, the former in
    groups of so many that coexist. clip: the longest gradient. init: a file of weights to begin with. threads: of the
    processor, as many as PyTorch likes if None; one is best where other programs keep the others busy.
    """

    network: Literal["striped", "resnet18", "resnet50", "osnet_x1_0", "osnet_x0_25"] = "striped"
    objective: Literal["plain", "masked", "triplet", "both"] = "both"
    iterations: int | None = None
    lr: float = 2e-3
    decay: float = 0.05
    clip: float = 10.0
    tracklets: int = 32
    crops: int = 4
    group: int = 8
    seed: int = 0
    precision: Precision = "auto"
    threads: int | None = None
    init: str | None = None
    save_every: int = 50

    def __post_init__(self) -> None:
        for name in ("iterations", "lr", "clip", "tracklets", "crops", "group", "threads", "save_every"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}, expected more than 0")


def train(
    crops: CropSet,
    settings: SimpleReidSettings,
    run: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    facts: Callable[[Embed], dict[str, str]] | None = None,
    trained_on: str = "",
    device: str = "auto",
) -> Path:
    """Train on crops by tracklet; gives the path of RUN/appearance.onnx.

    Writes RUN/settings.json, metrics.jsonl, last.pt and appearance.onnx. resume: go on where a run in that folder
    stopped. facts: what is to be known of the network, such as its `limit`, found by embedding what crops one likes;
    they stand in the file. trained_on: a notice about the data, for the file. Raises UserError where the
    crops have another size than the network takes, a run is in the way, or the losses are not finite.
    """
    batches = CropBatches(crops, CropBatchShape(settings.tracklets, settings.crops, settings.group), settings.seed)
    size = tuple(crops.crops.shape[1:3])
    if size != (wanted := NETWORKS[settings.network][1]):
        raise UserError(
            f"crops are {size[0]}×{size[1]} (height × width), {settings.network} takes {wanted[0]}×{wanted[1]}"
        )
    with threads(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        training = begin(batches, settings, trained_on, open_device(device))
        fit(training, batches, run, resume, progress)
        network = training.network
        assert isinstance(network, CropReidNetwork)
        known = facts(lambda some: embed(network, some)) if facts else {}
        export(network, run / "appearance.onnx", {**known, "trained_on": trained_on})
    return run / "appearance.onnx"


def begin(batches: CropBatches, settings: SimpleReidSettings, trained_on: str, device: torch.device) -> Training:
    """A run before its first iteration: data, network and objective, as the settings say."""
    network = CropReidNetwork(settings.network)
    if settings.init:
        load_weights(network.body, settings.network, read_weights(settings.init), settings.init)
    tracklets = batches.tracklets.tensors()
    if settings.objective != "plain" and not any_cannot_link(tracklets):
        raise UserError("no two of these tracklets coexist, so nobody is certainly someone else: use objective=plain")
    objective = OBJECTIVES[settings.objective](tracklets, network.dimension)
    iterations = settings.iterations or iterations_for(len(np.unique(batches.crops.video)))
    schedule = Schedule(iterations, settings.lr, settings.decay, settings.clip, settings.precision, settings.save_every)
    said: dict[str, Any] = {"idfree": __version__, "method": "simplereid", **asdict(settings)}
    said |= {"iterations": iterations, "data": batches.fingerprint(), "trained_on": trained_on}
    return Training(network, objective, schedule, said, device)


def iterations_for(videos: int) -> int:
    """350 for one video, 900 for five or more, in between in proportion."""
    return round(float(np.interp(videos, [1, 5], [ONE_VIDEO, FIVE_VIDEOS])))


def open_checkpoint(path: Path) -> CropReidNetwork:
    """The network of a run's last.pt. Raises UserError where it is none of this method's."""
    state = load(path)
    if state["settings"].get("method") != "simplereid":
        raise UserError(f"{path}: is a run of {state['settings'].get('method')}, expected simplereid")
    network = CropReidNetwork(state["settings"]["network"])
    network.load_state_dict(state["network"])
    return network.eval()


def export(network: CropReidNetwork, path: Path, facts: Mapping[str, str]) -> None:
    """Write a crop encoder with what is to be known of it. Raises as `export_crops`."""
    export_crops(network, path, {"method": "simplereid", **facts})
