"""Make the people model of the package, idfree/detectors/people.onnx, and judge it (docs/people_model.md).

    python experiments/people_model.py --data ../shared/data --out runs/people            # make it
    python experiments/people_model.py --data ../shared/data --out runs/people --judge    # tables of the page

Both go on where they were stopped. The first needs the packages onnx and, for the teacher, openvino. Steps:

1. person-detection-retail-0013 (Intel Open Model Zoo, Apache-2.0) becomes an ONNX graph (ssd_ir.py), which is compared
   with OpenVINO's output for the original on frames of MOT17-04 and PETS09-S2L1.
2. Its boxes of videos and stills are read from its maps; the crop network person-reidentification-retail-0287 embeds
   the same boxes. No annotation and no identity is read.
3. Ridge regression from what was read to the teacher's embeddings gives the head. The thresholds are of tracklets (SORT
   over the model's own boxes) of each video by a head that was learnt without that video.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from people_boxes import BoxSource, collect
from people_judge import ROWS, TRUTH, Judge, tables, write_tables
from ssd_ir import convert

from idfree.core.files import atomic_write
from idfree.core.onnx_model import KIND_KEY
from idfree.core.stripes import STRIPES
from idfree.detectors import people
from idfree.detectors.input_shape import PIXELS_KEY
from idfree.detectors.taught import FORMAT_KEY, MAPS, OUTPUTS_KEY, SETTINGS_KEY, STRIPES_KEY
from idfree.pipelines.teach import write_taught
from idfree.pipelines.teach_features import concatenate_features
from idfree.pipelines.teach_head import Pairs, TaughtHead, calibrate_pairs, colour_weight, pair_distances
from idfree.sequences import open_source
from idfree.teaching.distillation import learn_distilled
from idfree.teaching.onnx_graph import OnnxGraph

PAGE = Path(__file__).resolve().parents[1] / "docs" / "people_model.md"
DETECTOR = "models/omz/person-detection-retail-0013-FP16.xml"
TEACHER = "models/omz/person-reidentification-retail-0287-FP32.xml"
SOURCES = (  # of the boxes that the head is learnt from
    BoxSource("PETS09-S2L1", every=3, frames=110),
    BoxSource("MOT17-09", every=3, frames=90),
    BoxSource("MOT17-04", start=20, every=45, tracklets=False),
    BoxSource("PennFudan", tracklets=False),
)

# Chosen on MOT17-04, MOT17-09 and PETS09-S2L1 (docs/people_model.md, "How it was chosen").
PIXELS = 300_000  # of the input
MAX_IOU = 0.45  # of suppression, as in the original
MAP_NAMES = ("bottleneck2_8/fn", "bottleneck3_4/fn")  # strides 4 and 8
DIMENSION = 64  # numbers of an embedding
RIDGE = 1.0  # of the mean variance of a feature
COLOUR = 0.5  # share of the colour histogram
MAX_GAP = 60  # frames between the boxes of a pair that thresholds are of

SIZE_HW = (480, 640)  # an input of about PIXELS, to infer shapes with
TOLERANCE_PX, TOLERANCE_SCORE = 1e-2, 1e-4  # of the boxes and scores of OpenVINO
METADATA = {
    "names": "{0: 'person'}",
    "imgsz": str(list(SIZE_HW)),
    PIXELS_KEY: str(PIXELS),
    "licence": "Apache-2.0",
    "source": "person-detection-retail-0013 of Intel's Open Model Zoo, converted from OpenVINO IR by idfree and given"
    " an embedding head taught by person-reidentification-retail-0287; see people.txt beside this file",
}
TRAINED_ON = (
    "embeddings of detected boxes, no annotation: PETS09-S2L1, MOT17-04, MOT17-09 (MOTChallenge, CC BY-NC-SA 3.0),"
    " PennFudan (research use)"
)


def make(data, out):
    """Write people.onnx into the package."""
    detector = out / "detector.onnx"
    model = convert(data / DETECTOR)
    onnx.helper.set_model_props(model, METADATA)
    with atomic_write(detector) as partial_file:
        onnx.save(model, str(partial_file))
    compare(data, detector)
    graph = OnnxGraph(detector)
    maps = [each for each in graph.feature_maps(SIZE_HW) if each.name in MAP_NAMES]
    metadata = {
        OUTPUTS_KEY: "1",
        FORMAT_KEY: "yolov8",
        SETTINGS_KEY: f'["max_iou={MAX_IOU}"]',
        STRIPES_KEY: str(STRIPES),
    }
    graph.write(out / "maps.onnx", maps, {**metadata, KIND_KEY: MAPS})
    boxes = [collect(source, data, out / "boxes", out / "maps.onnx", data / TEACHER) for source in SOURCES]
    taught = learn(boxes)
    path = write_taught(out, graph, maps, taught, metadata | taught.metadata() | {"trained_on": TRAINED_ON})
    with atomic_write(people.FILE) as partial_file:
        partial_file.write_bytes(path.read_bytes())
    print(f"{people.FILE}: {people.FILE.stat().st_size} bytes; limit {taught.mixed.match_threshold:.3f}")


def learn(boxes):
    """The head of all boxes, with thresholds of each video's tracklets by heads of the other sources."""
    own, mixed_colour, same = [], [], []
    for source, judged in zip(SOURCES, boxes, strict=True):
        others = [part for part in boxes if part is not judged and len(part)]
        if source.tracklets:
            pairs, head = Pairs.of(judged, MAX_GAP), distilled(concatenate_features(others))
            own.append(pair_distances(head(judged.features), pairs.i, pairs.j))
            mixed_colour.append(pair_distances(judged.colour, pairs.i, pairs.j))
            same.append(pairs.is_same)
    distance, colour_distance, is_same = map(np.concatenate, (own, mixed_colour, same))
    pairs = Pairs(np.arange(len(is_same)), np.arange(len(is_same)), is_same)
    alone, colour = calibrate_pairs(pairs, distance), calibrate_pairs(pairs, colour_distance)
    weight = colour_weight(COLOUR, alone, colour)
    mixed = calibrate_pairs(pairs, (1 - weight) * distance + weight * colour_distance)
    for name, each in (("head", alone), ("colour", colour), ("both", mixed)):
        print(f"{name}: equal error rate {100 * each.equal_error_rate:.2f} %, limit {each.match_threshold:.3f}")
    return TaughtHead(distilled(concatenate_features(boxes)), alone, mixed, colour, weight, held_out=True)


def distilled(boxes):
    """The head that imitates the teacher on boxes."""
    print(f"learning from {len(boxes)} boxes")
    return learn_distilled(boxes.features, boxes.teacher, DIMENSION, RIDGE)


def compare(data, detector):
    """Compare the converted graph with OpenVINO's output of the original. Raises AssertionError if they differ."""
    try:
        import openvino
    except ModuleNotFoundError:
        print("openvino is not installed: the conversion is not checked")
        return
    import onnxruntime

    session, model = onnxruntime.InferenceSession(str(detector)), openvino.Core().read_model(str(data / DETECTOR))
    for hw in ((320, 544), SIZE_HW):
        model.reshape([1, 3, *hw])
        compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for name in ("MOT17-04", "PETS09-S2L1"):
            frame = next(iter(open_source(data / f"videos/{name}.mp4")[0]))
            boxes, scores = differences(frame.image, hw, compiled, session)
            print(f"{name} {hw}: boxes differ by {boxes:.1e} px, scores by {scores:.1e}")
            assert boxes < TOLERANCE_PX
            assert scores < TOLERANCE_SCORE


def differences(image, hw, compiled, session):
    """Greatest differences of OpenVINO's boxes (px) and scores from the nearest candidates of the graph."""
    import cv2

    image = cv2.resize(image, hw[::-1]).transpose(2, 0, 1)[None].astype(np.float32)
    rows = compiled(image)[0][0, 0]
    rows = rows[: np.argmax(np.append(rows[:, 0], -1) < 0)]
    x, y, width, height, score = session.run(None, {"images": image[:, ::-1] / 255})[0][0]
    corners = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    boxes = rows[:, None, 3:] * np.tile(hw[::-1], 2) - corners
    nearest = (np.abs(boxes).max(axis=2) + np.abs(rows[:, 2:3] - score)).argmin(axis=1)
    kept = np.arange(len(rows))
    return np.abs(boxes[kept, nearest]).max(), np.abs(rows[:, 2] - score[nearest]).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/people"))
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--videos", nargs="+", choices=TRUTH, default=list(TRUTH))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.judge:
        make(options.data, options.out)
        return
    judge = Judge(options.data, options.out / "judged")
    write_tables(options.page, "\n".join(tables(judge, options.videos, options.rows)))


if __name__ == "__main__":
    main()
