"""SimpleReID (Karthik et al. 2020, Simple Unsupervised Multi-Object Tracking): an appearance encoder from tracklets.

Tracklets of motion-only tracking serve as pseudo-labels of identity; no labels are needed. `plain` is the paper's
softmax over tracklets; `masked` and `triplet` use only coexisting tracklets, or those of other videos, as negatives,
since any others may show the same person.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from idfree.core.cropset import CropSet
from idfree.core.errors import UserError, first_line
from idfree.core.stored_crops import CropArray
from idfree.core.version import __version__
from idfree.learn.checkpoint import load
from idfree.learn.data.crop_batches import CropBatches, CropBatchShape
from idfree.learn.data.prefetch import BatchPrefetcher
from idfree.learn.devices import open_device, use_threads
from idfree.learn.export_encoder import export_encoder
from idfree.learn.fit import Progress, fit
from idfree.learn.networks.crop_reid import NETWORKS, CropReidNetwork, embed
from idfree.learn.networks.weights import load_weights, read_weights
from idfree.learn.objectives.balance import LossSum
from idfree.learn.objectives.cannot_link import any_cannot_link
from idfree.learn.objectives.identity import MaskedSoftmaxLoss, SoftmaxLoss
from idfree.learn.objectives.triplet import TripletLoss
from idfree.learn.schedule import Precision, Schedule
from idfree.learn.tensors import Tensors
from idfree.learn.training import Training

Embed = Callable[[CropArray], NDArray[np.float32]]  # crops (K, H, W, 3) → unit embeddings (K, D)

# By name: makes the objective, from the columns of T tracklets (see `Tracklets.tensors`) and embedding dimension.
OBJECTIVES: dict[str, Callable[[Tensors, int], nn.Module]] = {
    "plain": lambda tracklets, dimension: SoftmaxLoss(len(tracklets["tracklet"]), dimension),
    "masked": MaskedSoftmaxLoss,
    "triplet": lambda tracklets, dimension: TripletLoss(),
    "both": lambda tracklets, dimension: LossSum([MaskedSoftmaxLoss(tracklets, dimension), TripletLoss()]),
}

ONE_VIDEO, FIVE_VIDEOS = 350, 900  # default iterations for one video, and for five or more


@dataclass(frozen=True)
class SimpleReidSettings:
    """network: a name of `NETWORKS`. iterations: by the number of videos if None (see `iterations_for`). decay: weight
    decay. clip: maximum gradient norm. tracklets, crops: number of tracklets per batch, and of crops of each. group:
    maximum number of coexisting tracklets drawn together. init: a file of initial weights. threads: of the CPU,
    PyTorch's default if None. Raises ValueError.
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
    calibration: Callable[[Embed], dict[str, str]] | None = None,
    trained_on: str = "",
    device: str = "auto",
    workers: int = 0,
) -> Path:
    """Train on crops by tracklet; returns the path of RUN/appearance.onnx.

    Writes RUN/settings.json, metrics.jsonl, last.pt and appearance.onnx. resume: continue the run in that folder.
    calibration: computes metadata, such as the match threshold `limit`, with the trained encoder. trained_on: notice
    about the data for the metadata. workers: threads that prepare batches. Raises UserError if the crops do not have
    the network's input size, if the folder holds another run, and if the losses are not finite.
    """
    batches = CropBatches(crops, CropBatchShape(settings.tracklets, settings.crops, settings.group), settings.seed)
    size = tuple(crops.crops.shape[1:3])
    if size != (expected := NETWORKS[settings.network][1]):
        raise UserError(
            f"crops are {size[0]}×{size[1]} (height × width), {settings.network} takes {expected[0]}×{expected[1]}"
        )
    with use_threads(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        training = make_training(batches, settings, trained_on, open_device(device))
        with BatchPrefetcher(batches, workers, training.schedule.iterations) as prefetched:
            fit(training, prefetched, run, resume, progress)
        network = training.network
        assert isinstance(network, CropReidNetwork)
        metadata = calibration(lambda images: embed(network, images)) if calibration else {}
        export(network, run / "appearance.onnx", {**metadata, "trained_on": trained_on})
    return run / "appearance.onnx"


def make_training(
    batches: CropBatches, settings: SimpleReidSettings, trained_on: str, device: torch.device
) -> Training:
    """A run before its first iteration. Raises UserError if the objective needs coexisting tracklets and has none."""
    network = initial_network(settings)
    tracklets = batches.tracklets.tensors()
    if settings.objective != "plain" and not any_cannot_link(tracklets):
        raise UserError("no two of these tracklets coexist, so there are no negative pairs: use objective=plain")
    objective = OBJECTIVES[settings.objective](tracklets, network.dimension)
    iterations = settings.iterations or iterations_for(len(np.unique(batches.crops.video)))
    schedule = Schedule(iterations, settings.lr, settings.decay, settings.clip, settings.precision, settings.save_every)
    config: dict[str, Any] = {"idfree": __version__, "method": "simplereid", **asdict(settings)}
    config |= {"iterations": iterations, "data": batches.fingerprint(), "trained_on": trained_on}
    return Training(network, objective, schedule, config, device)


def initial_network(settings: SimpleReidSettings) -> CropReidNetwork:
    """The network before the first iteration. Raises UserError if the initial weights are of another network."""
    network = CropReidNetwork(settings.network)
    if settings.init:
        load_weights(network.body, settings.network, read_weights(settings.init), settings.init)
    return network


def check_network(settings: SimpleReidSettings) -> None:
    """Raises UserError if the initial weights are of another network. Called before crops are cut out."""
    with torch.random.fork_rng(devices=[]):
        initial_network(settings)


def iterations_for(videos: int) -> int:
    """Default iterations: 350 for one video, 900 for five or more, linear in between."""
    return round(float(np.interp(videos, [1, 5], [ONE_VIDEO, FIVE_VIDEOS])))


def open_checkpoint(path: Path) -> CropReidNetwork:
    """The network of a run's last.pt. Raises UserError if it is of another method."""
    state = load(path)
    if state["settings"].get("method") != "simplereid":
        raise UserError(f"{path}: is a run of {state['settings'].get('method')}, expected simplereid")
    try:
        network = CropReidNetwork(state["settings"]["network"])
        network.load_state_dict(state["network"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{path}: has other settings or weights than simplereid here: {first_line(error)}") from error
    return network.eval()


def export(network: CropReidNetwork, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a crop encoder as an ONNX file. Raises as `export_encoder`."""
    export_encoder(network, path, {"method": "simplereid", **metadata})


def export_untrained(path: Path, seed: int) -> None:
    """Write an encoder with the random weights that training starts from (the paper's baseline "random")."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = CropReidNetwork(SimpleReidSettings().network)
    export(network.eval(), path, {})
