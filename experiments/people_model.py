"""Make the people detector of the package, idfree/detectors/people.onnx, and evaluate it (docs/people_model.md).

    python experiments/people_model.py --data ../shared/data --out runs/people            # make it
    python experiments/people_model.py --data ../shared/data --out runs/people --judge    # tables of the page

The first needs the package onnx: person-detection-retail-0013 (Intel Open Model Zoo, Apache-2.0) is converted to an
ONNX graph (ssd_ir.py), which is compared with OpenVINO's output for the original on frames of MOT17-04 and PETS09-S2L1
if openvino is installed. The second stores its results in OUT/judged (people_judge.py), and resumes there.
"""

import numpy as np
import onnx
from footage import TRUTH
from people_judge import ROWS, Study, tables
from ssd_ir import convert
from study import DOCS, make_parser, write_section

from idfree.core.files import atomic_write
from idfree.detectors import people
from idfree.detectors.input_shape import PIXELS_KEY
from idfree.sequences import open_source

DETECTOR = "models/omz/person-detection-retail-0013-FP16.xml"
PIXELS = 300_000  # of the input; chosen on MOT17-04, MOT17-09 and PETS09-S2L1 (docs/people_model.md)
SIZE_HW = (480, 640)  # about PIXELS, for programs that need a fixed input size
TOLERANCE_PX, TOLERANCE_SCORE = 1e-2, 1e-4  # of the boxes and scores of OpenVINO
METADATA = {
    "names": "{0: 'person'}",
    "imgsz": str(list(SIZE_HW)),
    PIXELS_KEY: str(PIXELS),
    "licence": "Apache-2.0",
    "source": "person-detection-retail-0013 of Intel's Open Model Zoo, converted from OpenVINO IR by idfree; see"
    " people.txt beside this file",
}


def make(data, out):
    """Write people.onnx into the package."""
    detector = out / "detector.onnx"
    model = convert(data / DETECTOR)
    onnx.helper.set_model_props(model, METADATA)
    with atomic_write(detector) as partial_file:
        onnx.save(model, str(partial_file))
    compare(data, detector)
    with atomic_write(people.FILE) as partial_file:
        partial_file.write_bytes(detector.read_bytes())
    print(f"{people.FILE}: {people.FILE.stat().st_size} bytes")


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
    """Largest differences of OpenVINO's boxes (px) and scores from the nearest candidates of the graph."""
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
    parser = make_parser(__doc__, "people", DOCS / "people_model.md")
    parser.add_argument("--judge", action="store_true", help="evaluate it")
    parser.add_argument("--videos", nargs="+", choices=TRUTH, default=list(TRUTH))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.judge:
        make(options.data, options.out)
        return
    study = Study(options.data, options.out / "judged")
    write_section(options.page, "judge", tables(study, options.videos, options.rows))


if __name__ == "__main__":
    main()
