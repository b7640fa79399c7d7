"""A network in PyTorch, asked in the way that ONNX files are (idfree.session)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.learn.export_tracker import ExportedTracker
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.schedule import Precision, working_in


@dataclass(frozen=True)
class TorchInput:
    """An input."""

    name: str
    shape: tuple[int | str, ...]
    type: str


class TorchSession:
    """What ONNX Runtime would make of the file that `export_tracker` would write of the network, as it is now.

    known: what is to be known of the network, as it would stand in the file. It works where its weights are, in the
    precision that is asked for; boxes are read from its maps in full.
    """

    def __init__(self, network: CentreNetwork, known: Mapping[str, str], precision: Precision = "fp32"):
        self.tracker, self.precision = ExportedTracker(network), precision
        self.said = {"idfree.kind": "tracker", **known}

    def get_inputs(self) -> list[TorchInput]:
        return [TorchInput("image", (1, "H", "W", 3), "tensor(uint8)")]

    def get_modelmeta(self) -> Any:
        return SimpleNamespace(custom_metadata_map=self.said)

    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        image = torch.from_numpy(np.ascontiguousarray(input_feed["image"]))
        device = self.tracker.network.standardise.mean.device
        with torch.inference_mode(), working_in(self.precision, device):
            outputs = self.tracker(image.to(device))
        return [output.cpu().numpy() for output in outputs]
