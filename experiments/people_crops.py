"""Make the crop network of the package, idfree/appearance/people_crops.onnx, from the people detector's first layers.

    python experiments/people_crops.py --data ../shared/data

Crops (N, 128, 64, 3), uint8 BGR, pass through the detector up to two maps of strides 4 and 8 px. The output `features`
(N, 768) is the means of the maps in four horizontal stripes, without the left and right quarters of the crop. A linear
head gives the output `embedding` (N, 64): (features − head/mean) · head/weight; `idfree adapt` replaces it by its own.
The head is a linear discriminant of tracklets that SORT links from public detections; no identity label is read.
Thresholds are calibrated on the tracklets of each video with a head trained on the other. Needs the package onnx.
"""

import numpy as np
import onnx
from footage import TRUTH, video_path
from onnx import TensorProto, helper, numpy_helper
from study import make_parser

from idfree.appearance.calibrate import calibrate_distances, labelled_pairs, pair_distances
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import balanced_weight
from idfree.appearance.crop_network import KIND
from idfree.appearance.crops import crop_boxes
from idfree.appearance.people_crops import DIMENSION, FEATURES, FILE, MEAN, WEIGHT, PeopleFeatures
from idfree.core.files import atomic_write
from idfree.core.onnx_model import KIND_KEY
from idfree.detectors import PrecomputedDetector, people
from idfree.pipelines.detection.stored_detections import read_stored_detections
from idfree.pipelines.labelling.label_sequence import label_sequence
from idfree.sequences import open_source
from idfree.sequences.motchallenge import open_sequence
from idfree.teaching.discriminant import DiscriminantSettings, learn_discriminant

SOURCES = {  # by video: folders with its public detections
    "PETS09-S2L1": (TRUTH["PETS09-S2L1"],),
    "MOT17-09": (TRUTH["MOT17-09"], "MOT17/train/MOT17-09-FRCNN"),
}
BETWEEN, WITHIN = 15, 60  # most frames between the crops of a pair of different people, of the same person
MAX_PAIRS = 8000  # of each kind, of a source
COLOUR = 0.5  # share of the colour histogram
SIZE_HW = (128, 64)
STRIPES, CELLS = 4, 4  # a stripe is CELLS high and CELLS of 8 wide, in cells of stride 8 px
FINE, COARSE = "bottleneck2_8/fn", "bottleneck3_4/fn"  # maps of the detector, of strides 4 and 8 px
CONSTANTS = {
    "crops/rgb": np.array([2, 1, 0]),
    "crops/white": np.float32(255),
    "stripes/first": np.array([CELLS // 2]),
    "stripes/last": np.array([CELLS // 2 + CELLS]),
    "stripes/axis": np.array([3]),
}
NODES = (  # before and after the detector's own
    ("Gather", ["crops", "crops/rgb"], "crops/channels", {"axis": 3}),
    ("Transpose", ["crops/channels"], "crops/planes", {"perm": [0, 3, 1, 2]}),
    ("Cast", ["crops/planes"], "crops/float", {"to": TensorProto.FLOAT}),
    ("Div", ["crops/float", "crops/white"], "images", {}),
    ("AveragePool", [FINE], "maps/fine", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("Concat", ["maps/fine", COARSE], "maps/both", {"axis": 1}),
    ("Slice", ["maps/both", "stripes/first", "stripes/last", "stripes/axis"], "stripes/middle", {}),
    ("AveragePool", ["stripes/middle"], "stripes/means", {"kernel_shape": [CELLS] * 2, "strides": [CELLS] * 2}),
    ("Transpose", ["stripes/means"], "stripes/first_axis", {"perm": [0, 2, 1, 3]}),
    ("Flatten", ["stripes/first_axis"], "features", {"axis": 1}),
    ("Sub", ["features", MEAN], "head/centred", {}),
    ("MatMul", ["head/centred", WEIGHT], "embedding", {}),
)


def build(mean, weight):
    """The model with a head."""
    model = onnx.load(people.FILE)
    used, kept = {FINE, COARSE}, []
    for node in reversed(model.graph.node):
        if used & set(node.output):
            kept.append(node)
            used |= set(node.input)
    nodes = [helper.make_node(kind, inputs, [output], output, **more) for kind, inputs, output, more in NODES]
    constants = [numpy_helper.from_array(array, name) for name, array in CONSTANTS.items()]
    constants += [numpy_helper.from_array(np.float32(array), name) for array, name in ((mean, MEAN), (weight, WEIGHT))]
    constants += [each for each in model.graph.initializer if each.name in used]
    crops = helper.make_tensor_value_info("crops", TensorProto.UINT8, ["N", *SIZE_HW, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])
        for name, width in (("embedding", weight.shape[1]), ("features", len(mean)))
    ]
    graph = helper.make_graph([*nodes[:4], *reversed(kept), *nodes[4:]], "people_crops", [crops], outputs, constants)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


class Source:
    """Features and colour of the crops of a source's tracklets, and pairs of them."""

    def __init__(self, data, video, folder):
        (images,) = open_source(video_path(data, video))
        detector = PrecomputedDetector(read_stored_detections("det", open_sequence(data / folder)))
        labels = label_sequence(images, detector, None, lambda image, xyxy: crop_boxes(image, xyxy, SIZE_HW))
        boxes = labels.boxes[labels.crop_rows]
        tracklet = np.unique(boxes.id, return_inverse=True)[1]
        self.features = PeopleFeatures().of_crops(labels.crops).astype(np.float32)
        self.colour = ColourHistogram().embed_crops(labels.crops)
        self.i, self.j, self.is_same = labelled_pairs(tracklet, boxes.frame, np.zeros_like(boxes.frame), max_gap=WITHIN)
        self.gap = np.abs(boxes.frame[self.i] - boxes.frame[self.j])
        print(f"{folder}: {len(boxes)} crops of {tracklet.max() + 1} tracklets", flush=True)


def discriminant(sources):
    """The head trained on several sources."""
    rng, first, parts = np.random.default_rng(0), 0, []
    for each in sources:
        for kind in (each.is_same, ~each.is_same & (each.gap <= BETWEEN)):
            rows = rng.permutation(np.flatnonzero(kind))[:MAX_PAIRS]
            parts.append((each.i[rows] + first, each.j[rows] + first, each.is_same[rows]))
        first += len(each.features)
    features = np.concatenate([each.features for each in sources])
    settings = DiscriminantSettings(dimension=DIMENSION, max_pairs=len(sources) * MAX_PAIRS)
    i, j, is_same = map(np.concatenate, zip(*parts, strict=True))
    return learn_discriminant(features, i, j, is_same, settings)


def thresholds(groups):
    """Metadata: thresholds of head and colour histogram together, and the weight of the histogram."""
    own, colour, same = [], [], []
    for video, (held_out, *_) in groups.items():
        head = discriminant([each for name, group in groups.items() if name != video for each in group])
        own.append(pair_distances(head(held_out.features), held_out.i, held_out.j))
        colour.append(pair_distances(held_out.colour, held_out.i, held_out.j))
        same.append(held_out.is_same)
    own, colour, same = map(np.concatenate, (own, colour, same))
    limits = [calibrate_distances(each[same], each[~same]).match_threshold for each in (own, colour)]
    weight = balanced_weight(COLOUR, *limits)
    mixed = (1 - weight) * own + weight * colour
    return {**calibrate_distances(mixed[same], mixed[~same]).metadata(), "colour": repr(weight)}


def write(head, metadata):
    """Write the file into the package."""
    model = build(head.mean, head.weight)
    metadata = {KIND_KEY: KIND, "size": f"{SIZE_HW[0]}x{SIZE_HW[1]}", **metadata}
    metadata |= {"licence": "Apache-2.0", "source": "person-detection-retail-0013; see detectors/people.txt"}
    metadata |= {"trained_on": "PETS09-S2L1, MOT17-09 (MOTChallenge: non-commercial research): the last layer"}
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    with atomic_write(FILE) as partial:
        onnx.save(model, str(partial))
    print(f"{FILE}: {FILE.stat().st_size} bytes")


class NoHead:
    """Stands in for the head until it is trained."""

    mean, weight = np.zeros(FEATURES), np.eye(FEATURES, DIMENSION)


def main():
    data = make_parser(__doc__).parse_args().data
    if not FILE.exists():  # delete it if the detector has changed; the features do not depend on the head
        write(NoHead, {})
    groups = {video: [Source(data, video, folder) for folder in folders] for video, folders in SOURCES.items()}
    write(discriminant([each for group in groups.values() for each in group]), thresholds(groups))


if __name__ == "__main__":
    main()
