"""Feature maps and colour histograms of the boxes of yolox_nano in a video, computed once, for teach_settings.py.

Each map is sampled at its own stride, whereas a taught file samples the average of the finer maps.
"""

from dataclasses import dataclass, replace

import numpy as np
import onnx
from footage import video_path

from idfree.appearance.colour import ColourHistogram
from idfree.core.stripes import STRIPES, read_stripes
from idfree.core.types import Annotation
from idfree.detectors.onnx import OnnxDetector
from idfree.detectors.taught import OUTPUTS_KEY, DetectorWithMaps
from idfree.pipelines.labelling.label_sequence import label_sequence
from idfree.pipelines.teaching.features import BoxFeatures
from idfree.pipelines.tracking.selection import Selection
from idfree.sequences import open_source
from idfree.teaching.onnx_graph import OnnxGraph

DETECTOR, INPUT_HW = "models/yolox_nano.onnx", (416, 416)
MAPS = ("input.7", "input.23", "input.67", "input.83", "input.175", "input.283", "input.427", "input.471")
CHOSEN = ("input.67", "input.175")  # the maps that `teach` selects by itself: strides 4, 8


class DetectorWithEachMap(DetectorWithMaps):
    """A detector with MAPS as its last outputs, at their own strides."""

    def run(self):
        outputs = OnnxDetector.run(self)
        self.maps = [each[0] for each in outputs[self.own_outputs :]]
        self.map = self.maps[0]
        return outputs[: self.own_outputs]


def open_detector_with_maps(model, file):
    """A detector with MAPS as outputs, written to a file, and the channels of each map."""
    graph = OnnxGraph(model)
    channels = {each.name: each.channels for each in graph.feature_maps(INPUT_HW)}
    for name in MAPS:
        shape = [1, channels[name], None, None]
        graph.model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    onnx.helper.set_model_props(graph.model, {OUTPUTS_KEY: str(graph.output_count)})
    onnx.save(graph.model, file)
    return DetectorWithEachMap(file, "yolox", classes=["person"]), [channels[name] for name in MAPS]


class Recorder:
    """A detector that stores the features of its boxes while it passes its views on."""

    needs_images, has_embeddings, is_network = True, False, True

    def __init__(self, detector):
        self.detector, self.colour, self.parts, self.count = detector, ColourHistogram(), [], 0

    def __call__(self, frame):
        view = self.detector(frame)
        xyxy, detector = view.detections.xyxy, self.detector
        boxes = detector.letterbox.to_input(xyxy)
        features = [read_stripes(each, boxes, detector.size_hw).reshape(len(xyxy), -1) for each in detector.maps]
        colour = self.colour(frame.image, xyxy)
        columns = (np.hstack(features).astype(np.float16), colour.astype(np.float16))
        self.parts.append((np.full(len(xyxy), frame.number), xyxy, view.detections.score, *columns))
        self.rows, self.count = np.arange(self.count, self.count + len(xyxy)), self.count + len(xyxy)
        return view

    def rows_of(self, image, xyxy):
        """(N, 1) row numbers of boxes of the last frame; stands in for the function that cuts crops."""
        distance = np.abs(self.parts[-1][1][None] - xyxy[:, None]).sum(axis=2)
        return self.rows[distance.argmin(axis=1)][:, None]


@dataclass(frozen=True)
class VideoBoxes:
    """All N boxes of a video, and the K of them that belong to tracklets.

    frame, score (N,), xyxy (N, 4); features (N, F): all maps; colour (N, C). row, tracklet (K,): which boxes belong to
    which tracklet. channels: of each map.
    """

    frame: np.ndarray
    xyxy: np.ndarray
    score: np.ndarray
    features: np.ndarray
    colour: np.ndarray
    row: np.ndarray
    tracklet: np.ndarray
    channels: np.ndarray

    def annotation(self, rows, embedding=None):
        """The boxes of these rows."""
        count = len(rows)
        columns = (self.xyxy[rows], self.score[rows].astype(float), np.zeros(count, np.int64), np.ones(count))
        return Annotation(self.frame[rows].astype(np.int64), np.full(count, -1), *columns, embedding=embedding)

    def columns_of(self, maps):
        """Columns of `features` that come from these maps."""
        ends = np.cumsum([0, *(STRIPES * self.channels)])
        return np.concatenate([np.arange(ends[k], ends[k + 1]) for k in map(MAPS.index, maps)])

    def of_tracklets(self, maps):
        """The boxes of tracklets with the features of these maps, to train a head on."""
        count = len(self.row)
        return BoxFeatures(
            self.features[self.row][:, self.columns_of(maps)].astype(np.float32),
            self.colour[self.row].astype(np.float32),
            np.zeros((count, 0), np.float32),
            np.unique(self.tracklet, return_inverse=True)[1],
            self.frame[self.row].astype(np.int64),
            np.zeros(count, np.int64),
            self.xyxy[self.row],
        )


def open_video(data, name):
    """The sequence of a video, under this name."""
    return replace(open_source(video_path(data, name))[0], name=name)


def read_boxes(data, out, name):
    """The boxes of a video, from OUT/NAME.npz, which is made unless it exists."""
    file = out / f"{name}.npz"
    if not file.exists():
        detector, channels = open_detector_with_maps(data / DETECTOR, out / "maps.onnx")
        recorder, selection = Recorder(detector), Selection(appearance="none")
        video = open_video(data, name)
        found = label_sequence(video, recorder, None, recorder.rows_of, selection=selection, quiet=False)
        columns = map(np.concatenate, zip(*recorder.parts, strict=True))
        stored = dict(zip(("frame", "xyxy", "score", "features", "colour"), columns, strict=True))
        labels = {"row": found.crops[:, 0], "tracklet": found.boxes[found.crop_rows].id}
        np.savez(file, **stored, **labels, channels=channels)
    with np.load(file) as arrays:
        return VideoBoxes(**arrays)
