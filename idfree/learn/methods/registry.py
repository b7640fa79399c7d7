"""The one-shot methods by name, and the networks of their checkpoints."""

from importlib import import_module
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.onnx_model import prefix_errors
from idfree.learn.checkpoint import load
from idfree.learn.devices import open_device
from idfree.learn.methods import one_shot
from idfree.learn.methods.catalogue import methods_of
from idfree.learn.methods.method import Method
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.networks.tracker import TrackerNetwork
from idfree.learn.torch_session import TorchSession, make_session

METHODS: dict[str, Method[Any]] = {
    name: getattr(import_module(entry.module), name.upper()) for name, entry in methods_of("one-shot").items()
}


def open_tracker(path: Path) -> tuple[TrackerNetwork, OneShotSettings, dict[str, str]]:
    """The network, settings and metadata of a run's last.pt or best.pt. Raises UserError."""
    state = load(path)
    name = state["settings"].get("method")
    if not isinstance(name, str) or name not in METHODS:
        raise UserError(f"{path}: is a run of {name}, expected one of {', '.join(METHODS)}")
    with prefix_errors(str(path)):
        return one_shot.restore_network(METHODS[name], state)


def open_checkpoint(path: Path, device: str = "auto") -> TorchSession:
    """The tracker of a checkpoint with the interface of an ONNX session. Raises UserError."""
    network, _, metadata = open_tracker(path)
    return make_session(network.to(open_device(device)), metadata)


def open_box_embedder(path: Path, device: str = "auto") -> BoxEmbedder:
    """The embedding head of a checkpoint, evaluated at given boxes. Raises UserError."""
    network, settings, metadata = open_tracker(path)
    if not network.dimension:
        raise UserError(f"{path}: is a network of {metadata['method']}, which has no embeddings")
    return BoxEmbedder(network.to(open_device(device)), settings.batch_shape().size_hw)


def export(path: Path, out: Path) -> None:
    """Write the tracker of a checkpoint as an ONNX file. Raises UserError as `one_shot.export`."""
    one_shot.export(*open_tracker(path), out)
