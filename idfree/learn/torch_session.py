"""A PyTorch network with the interface of an ONNX Runtime session (see idfree.core.onnx_session)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from idfree.learn.export_tracker import ExportedTracker
from idfree.learn.export_two_stage import LEVELS, complete_metadata
from idfree.learn.networks.faster_rcnn import FasterRcnn
from idfree.learn.networks.tracker import TrackerNetwork
from idfree.learn.schedule import Precision, autocast
from idfree.learn.tensors import Tensors


@dataclass(frozen=True)
class TorchInput:
    """Description of an input or output (the interface of onnxruntime.NodeArg)."""

    name: str
    shape: tuple[int | str, ...]
    type: str


class TorchSession:
    """Runs a network as an ONNX Runtime session would run its exported file.

    metadata: of the exported file. The network computes on its own device in the given precision; decoding is in
    float32. Methods are those of onnxruntime.InferenceSession.
    """

    def __init__(self, network: TrackerNetwork, metadata: Mapping[str, str], precision: Precision = "fp32"):
        self.tracker, self.precision = ExportedTracker(network), precision
        self.metadata = {"idfree.kind": network.kind, **metadata}

    def get_inputs(self) -> list[TorchInput]:
        """Descriptions of the inputs."""
        kinds = {"image": (3, "uint8"), "previous": (3, "uint8"), "previous_heat": (1, "float")}
        ports = ((name, *kinds[name]) for name in self.tracker.inputs)
        return [TorchInput(name, (1, "H", "W", channels), f"tensor({kind})") for name, channels, kind in ports]

    def get_outputs(self) -> list[TorchInput]:
        """Descriptions of the outputs."""
        return [TorchInput(name, ("K",), "tensor(float)") for name in self.tracker.outputs]

    def get_modelmeta(self) -> Any:
        """The metadata, as `custom_metadata_map`."""
        return SimpleNamespace(custom_metadata_map=self.metadata)

    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in the order of `get_outputs`, for arrays of the inputs by name."""
        inputs = self.tensors(input_feed, self.tracker.inputs)
        with torch.inference_mode():
            with autocast(self.precision, self.device):
                maps = self.tracker.maps(*inputs)
            outputs = self.outputs(maps)
        return [output.cpu().numpy() for output in outputs]

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return self.tracker.network.standardise.mean.device

    def tensors(self, feed: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[Tensor]:
        """The arrays of these names as tensors on the network's device."""
        return [torch.from_numpy(np.ascontiguousarray(feed[name])).to(self.device) for name in names]

    def outputs(self, maps: Tensors) -> tuple[Tensor, ...]:
        """The outputs of the graph from the network's maps."""
        return self.tracker.decode(maps)


class TwoStageSession(TorchSession):
    """The session of a FasterRcnn, and of both parts of its file: from `image` come candidates and levels, from
    `proposals` and levels the refined boxes.
    """

    def __init__(self, network: FasterRcnn, metadata: Mapping[str, str], precision: Precision = "fp32"):
        super().__init__(network, complete_metadata(metadata), precision)
        self.network = network

    def parts(self) -> tuple["TwoStageSession", "TwoStageSession"]:
        """The sessions of the two parts of the file, see `idfree.detectors.two_stage.open_parts`."""
        return self, self

    def outputs(self, maps: Tensors) -> tuple[Tensor, ...]:
        """Candidate boxes, scores and classes, and the levels of the pyramid, from the network's maps."""
        return (*super().outputs(maps), *(maps[name] for name in LEVELS))

    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in the order of `get_outputs`, for arrays of the inputs by name."""
        if "proposals" not in input_feed:
            return super().run(output_names, input_feed)
        boxes, *levels = self.tensors(input_feed, ("proposals", *LEVELS))
        with torch.inference_mode():
            return [each.cpu().numpy() for each in self.network.refine(levels, boxes)]


def make_session(network: TrackerNetwork, metadata: Mapping[str, str], precision: Precision = "fp32") -> TorchSession:
    """The session of a network of any kind. metadata: see TorchSession."""
    kind = TwoStageSession if isinstance(network, FasterRcnn) else TorchSession
    return kind(network, metadata, precision)  # type: ignore[arg-type]
