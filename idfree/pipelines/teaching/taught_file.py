"""The files of `idfree teach`: a detector's graph with its feature maps as an output, and with a head on them."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.onnx_model import KIND_KEY
from idfree.core.onnx_session import MODEL_SUFFIXES, is_ir
from idfree.core.stripes import STRIPES, read_stripes
from idfree.core.types import Frame, Sequence
from idfree.detectors.formats import FORMATS
from idfree.detectors.onnx import OnnxDetector
from idfree.detectors.taught import (
    CLASSES_KEY,
    FORMAT_KEY,
    MAPS,
    OUTPUTS_KEY,
    SETTINGS_KEY,
    STRIPES_KEY,
    TAUGHT,
    DetectorWithMaps,
    TaughtDetector,
)
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.pipelines.teaching.head import TaughtHead
from idfree.teaching.feature_maps import DetectorGraph, FeatureMap, choose_maps, named_maps

LOG = logging.getLogger("idfree")

NO_VIDEO = Sequence("none", lambda: iter(()))  # networks are the same for all videos
TOLERANCE = 1e-3  # of the embeddings of the taught file and of its parts


@dataclass(frozen=True)
class DetectorMaps:
    """A detector's graph, the feature maps of it that are read, and the metadata of files that are made of it."""

    graph: DetectorGraph
    maps: list[FeatureMap]
    metadata: dict[str, str]

    @classmethod
    def select(cls, config: DetectorConfig, names: list[str]) -> "DetectorMaps":
        """The maps of these names; without names, those of `choose_maps`. Raises UserError."""
        detector = open_plain(config)
        graph = open_graph(Path(config.spec))
        maps = graph.feature_maps(detector.size_hw)
        metadata = {
            OUTPUTS_KEY: str(graph.output_count),
            FORMAT_KEY: next(name for name, each in FORMATS.items() if each is detector.format),
            SETTINGS_KEY: json.dumps(list(config.assignments)),
            CLASSES_KEY: json.dumps([name for name in config.classes.split(",") if name.strip()]),
            STRIPES_KEY: str(STRIPES),
        }
        return cls(graph, named_maps(maps, names) if names else choose_maps(maps, config.spec), metadata)

    @property
    def channels(self) -> int:
        """Number of channels of all maps."""
        return sum(each.channels for each in self.maps)

    def describe(self) -> list[dict[str, Any]]:
        """The maps, for the report."""
        return [{"name": each.name, "channels": each.channels, "stride": each.stride} for each in self.maps]

    def write_maps(self, out: Path) -> Path:
        """Write the graph with the maps as its last output; return the path of the file."""
        path = out / f"maps{self.graph.suffix}"
        self.graph.write(path, self.maps, {**self.metadata, KIND_KEY: MAPS})
        return path

    def write_taught(self, out: Path, taught: TaughtHead, trained_on: str) -> Path:
        """Write the graph with the head on its maps; return the path of the file. trained_on: notice about the data."""
        path = out / f"taught{self.graph.suffix}"
        weight = taught.head.weight.reshape(STRIPES, self.channels, -1)  # stripe, channel, number of the embedding
        bias = -taught.head.mean @ taught.head.weight / STRIPES  # all stripes are added
        by_channel = np.ascontiguousarray(weight.transpose(1, 0, 2)).reshape(self.channels, -1)
        metadata = {**self.metadata, **taught.metadata(), "trained_on": trained_on, KIND_KEY: TAUGHT}
        self.graph.write(path, self.maps, metadata, (by_channel, np.tile(bias, STRIPES)))
        return path


def check_file(spec: str) -> None:
    """Raises UserError if a detector is not in a file that can be taught."""
    if not spec.lower().endswith(MODEL_SUFFIXES):
        raise UserError(f"{spec}: only MODEL.onnx and MODEL.xml (OpenVINO) can be taught")


def open_plain(config: DetectorConfig) -> OnnxDetector:
    """The detector of a file as its maker left it. Raises UserError if it is one of idfree's own."""
    detector = config.open()(NO_VIDEO)
    if not isinstance(detector, OnnxDetector) or isinstance(detector, DetectorWithMaps):
        raise UserError(f"{config.spec}: has embeddings already; expected a detector without")
    return detector


def open_graph(path: Path) -> DetectorGraph:
    """The graph of an ONNX or OpenVINO IR file. Raises UserError."""
    if is_ir(path):
        from idfree.teaching.openvino_graph import OpenVinoGraph

        return OpenVinoGraph(path)
    from idfree.teaching.onnx_graph import OnnxGraph

    return OnnxGraph(path)


def compare(config: DetectorConfig, maps: Path, model: Path, taught: TaughtHead, frame: Frame) -> dict[str, Any]:
    """Compare a taught file with the untaught one and with its parts, the file of maps and the head, on a frame.

    Returns whether the boxes are "identical" bit by bit, and "embedding_error", the greatest difference of a number of
    an embedding. Raises UserError if that is above TOLERANCE.
    """
    plain, parts = open_plain(config), DetectorConfig(str(maps)).open()(NO_VIDEO)
    whole = DetectorConfig(str(model), assignments=("colour=false",)).open()(NO_VIDEO)
    assert isinstance(parts, DetectorWithMaps)
    assert isinstance(whole, TaughtDetector)
    expected, found = plain(frame).detections, whole(frame).detections
    pairs = ((expected.xyxy, found.xyxy), (expected.score, found.score), (expected.class_id, found.class_id))
    outputs = zip(plain.run(), whole.run(), strict=True)
    identical = all(np.array_equal(a, b) for a, b in [*pairs, *outputs])
    if not identical:
        LOG.warning("%s: its boxes differ in the last bits from those of %s", model, config.spec)
    parts(frame)
    assert parts.letterbox is not None
    boxes = parts.letterbox.to_input(found.xyxy)
    features = read_stripes(parts.map, boxes, parts.size_hw).reshape(len(found), -1)
    assert found.embedding is not None
    error = float(np.abs(taught.head(features) - found.embedding).max(initial=0))
    if error > TOLERANCE:
        raise UserError(f"{model}: its embeddings differ by {error:.2g} from those of its parts: a mistake of idfree's")
    return {"identical": identical, "embedding_error": error}
