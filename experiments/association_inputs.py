"""Embeddings, camera motion and yolox_nano detections of the videos that association.py evaluates on.

    python experiments/association_inputs.py --data ../shared/data --out runs/association

Reads the videos and writes to OUT/embeddings, OUT/camera and OUT/nano what is not there yet. Needs the package
openvino.
"""

from pathlib import Path

import numpy as np
from association_sets import VIDEOS, Case, all_cases
from footage import MOVING
from study import make_parser

import idfree
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.crops import crop_boxes
from idfree.core.files import make_folder
from idfree.sequences import open_source
from idfree.trackers.camera_motion import CameraMotion

NETWORKS = {
    "0287": "models/omz/person-reidentification-retail-0287-eps.onnx",
    "0288": "models/omz/person-reidentification-retail-0288-FP32.xml",
}
KINDS = ("colour", "0287")
INPUT_HW, DIMENSION = (256, 128), 256  # of the networks
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet, RGB


class ReidNetwork:
    """A crop re-identification network of the Open Model Zoo, as OpenVINO IR or ONNX file. Not calibrated."""

    match_threshold: float | None = None
    upper_threshold: float | None = None

    def __init__(self, path: Path) -> None:
        import openvino

        core = openvino.Core()
        self.is_ir = path.suffix == ".xml"
        self.model = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_NUM_THREADS": 1})

    def __call__(self, image: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
        """Embeddings (N, 256) of boxes (N, 4)."""
        crops = crop_boxes(image, xyxy, INPUT_HW).astype(np.float32)
        if not self.is_ir:
            crops = (crops[..., ::-1] / 255 - MEAN) / DEVIATION
        batch = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
        found = [next(iter(self.model({0: crop[None]}).values())).reshape(-1) for crop in batch]
        return np.array(found, dtype=np.float32).reshape(-1, DIMENSION)


def open_encoder(data: Path, kind: str) -> ReidNetwork | ColourHistogram:
    return ReidNetwork(data / NETWORKS[kind]) if kind in NETWORKS else ColourHistogram()


def write_embeddings(case: Case) -> None:
    """Compute and store the embeddings of a case that has a video."""
    missing = [kind for kind in KINDS if not case.has_embeddings(kind)]
    if not missing or case.video is None:
        return
    encoders = {kind: open_encoder(case.data, kind) for kind in missing}
    parts = embed_frames(case, encoders)
    for kind, encoder in encoders.items():
        thresholds = np.array([encoder.match_threshold or np.nan, encoder.upper_threshold or np.nan])
        path = case.embeddings_file(kind)
        make_folder(path.parent)
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, embedding=np.concatenate(parts[kind]).astype(np.float16), thresholds=thresholds)
        partial.rename(path)


def embed_frames(case: Case, encoders: dict) -> dict[str, list[np.ndarray]]:
    """Embeddings of the detections of each frame by encoder."""
    detections, _, length, _ = case.loaded
    offset = case.sequence.length - length if case.second_half else 0
    parts = {kind: [] for kind in encoders}
    for frame in open_source(case.video)[0]:
        number = frame.number - offset
        if 1 <= number <= length:
            xyxy = detections.xyxy[detections.rows_at(number)]
            for kind, encoder in encoders.items():
                parts[kind].append(encoder(frame.image, xyxy))
    return parts


def write_camera_motion(data: Path, out: Path) -> None:
    """Measure and store the camera motion of the sequences in MOVING."""
    make_folder(out / "camera")
    for name in MOVING:
        path = out / "camera" / f"{name}.npy"
        if not path.exists():
            motion = CameraMotion()
            np.save(path, np.stack([motion(frame) for frame in open_source(data / VIDEOS[name])[0]]))


def write_detections(data: Path, out: Path) -> None:
    """Detect people with yolox_nano in every video."""
    for video in VIDEOS.values():
        path = data / video
        if not (out / "nano" / f"{path.stem}.txt").exists():
            idfree.detect(path, detector=data / "models" / "yolox_nano.onnx", out=out / "nano", classes=0)


def main():
    options = make_parser(__doc__, "association").parse_args()
    write_camera_motion(options.data, options.out)
    write_detections(options.data, options.out)
    for case in all_cases(options.data, options.out):
        write_embeddings(case)


if __name__ == "__main__":
    main()
