"""A PyTorch network with the interface of an ONNX Runtime session (see idfree.core.onnx_session)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.learn.export_tracker import ExportedTracker
from idfree.learn.networks.tracker import TrackerNetwork
from idfree.learn.schedule import Precision, autocast


@dataclass(frozen=True)
class TorchInput:
    """Description of an input or output, as onnxruntime.NodeArg."""

    name: str
    shape: tuple[int | str, ...]
    type: str


class TorchSession:
    """The session that ONNX Runtime would open on the file that `export_tracker` would write of the network.

    metadata: as it would be in the file. The network computes on its own device in the given precision; decoding is in
    float32.
    """

    def __init__(self, network: TrackerNetwork, metadata: Mapping[str, str], precision: Precision = "fp32"):
        self.tracker, self.precision = ExportedTracker(network), precision
        self.metadata = {"idfree.kind": network.kind, **metadata}

    def get_inputs(self) -> list[TorchInput]:
        kinds = {"image": (3, "uint8"), "previous": (3, "uint8"), "previous_heat": (1, "float")}
        ports = ((name, *kinds[name]) for name in self.tracker.inputs)
        return [TorchInput(name, (1, "H", "W", channels), f"tensor({kind})") for name, channels, kind in ports]

    def get_outputs(self) -> list[TorchInput]:
        return [TorchInput(name, ("K",), "tensor(float)") for name in self.tracker.outputs]

    def get_modelmeta(self) -> Any:
        return SimpleNamespace(custom_metadata_map=self.metadata)

    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        inputs = [torch.from_numpy(np.ascontiguousarray(input_feed[name])) for name in self.tracker.inputs]
        device = self.tracker.network.standardise.mean.device
        with torch.inference_mode():
            with autocast(self.precision, device):
                maps = self.tracker.maps(*(each.to(device) for each in inputs))
            outputs = self.tracker.decode(maps)
        return [output.cpu().numpy() for output in outputs]
