"""The methods that learn one-shot trackers, by name, and what they have learnt, from a checkpoint."""

from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.learn.checkpoint import load
from idfree.learn.devices import open_device
from idfree.learn.methods import one_shot
from idfree.learn.methods.clmot import CLMOT
from idfree.learn.methods.fairmot import FAIRMOT
from idfree.learn.methods.one_shot import Method, OneShotSettings
from idfree.learn.methods.outrack import OUTRACK
from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.torch_session import TorchSession

METHODS: dict[str, Method[Any]] = {"fairmot": FAIRMOT, "clmot": CLMOT, "outrack": OUTRACK}


def opened(path: Path) -> tuple[CentreNetwork, OneShotSettings, dict[str, str]]:
    """The tracker of a run's last.pt or best.pt, its settings, and what is to be known of it. Raises UserError."""
    state = load(path)
    name = state["settings"].get("method")
    if name not in METHODS:
        raise UserError(f"{path}: is a run of {name}, expected one of {', '.join(METHODS)}")
    return one_shot.opened(METHODS[name], state)


def open_checkpoint(path: Path, device: str = "auto") -> TorchSession:
    """The tracker of a checkpoint, to be asked like an ONNX file. Raises UserError."""
    network, _, known = opened(path)
    return TorchSession(network.to(open_device(device)), known)


def open_looks(path: Path, device: str = "auto") -> BoxEmbedder:
    """What describes given boxes by the tracker of a checkpoint, instead of finding any. Raises UserError."""
    network, settings, _ = opened(path)
    return BoxEmbedder(network.to(open_device(device)), settings.shape().size_hw)


def export(path: Path, out: Path) -> None:
    """Write the tracker of a checkpoint as an ONNX file. Raises UserError as `export_tracker`."""
    one_shot.export(*opened(path), out)
