"""What association.py judges: sequences with detections and truth, and embeddings of every quality, made once and kept.

A case is one sequence with the detections of one detector. `looks` are embeddings of its detections: "none",
"random", "colour", crop networks ("0287", "0288"), and "oracle 0.0", "oracle 0.1" …: a unit vector for each identity
plus Gaussian noise of that size per number.
"""

import argparse
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from idfree.core.types import Annotation, Detections, Frame, Sequence, View
from idfree.evaluation.frame_subset import select_every_nth, select_half
from idfree.evaluation.reid import assign_identities
from idfree.pipelines.stored_detections import load_detections
from idfree.sequences import open_source
from idfree.sequences.motchallenge import open_sequence, read_ground_truth

DIMENSION = 128  # of oracle and random embeddings
MOT17 = ("MOT17-02", "MOT17-04", "MOT17-09", "MOT17-10")
MOT15 = {name: f"MOT15/train/{name}" for name in ("PETS09-S2L1", "TUD-Campus", "KITTI-17")} | {
    "ETH-Sunnyday": "moving/ETH-Sunnyday"
}
VIDEOS = {name: f"videos/{name}.mp4" for name in ("MOT17-04", "MOT17-09", "PETS09-S2L1", "TUD-Campus", "KITTI-17")} | {
    "ETH-Sunnyday": "moving/ETH-Sunnyday/ETH-Sunnyday.mp4"
}
MOVING = ("KITTI-17", "ETH-Sunnyday")  # the camera moves, and there is a video to measure it
NETWORKS = {
    "0287": "models/omz/person-reidentification-retail-0287-eps.onnx",
    "0288": "models/omz/person-reidentification-retail-0288-FP32.xml",
}


@dataclass(frozen=True)
class Case:
    """One sequence with one detector's boxes. folder: of its truth. boxes: file of detections; "det": its own."""

    group: str
    name: str
    data: Path
    kept: Path
    folder: str
    boxes: str = "det"
    second_half: bool = False

    @property
    def sequence_name(self) -> str:
        return self.name.split()[0]

    @property
    def video(self) -> Path | None:
        name = VIDEOS.get(self.sequence_name)
        return self.data / name if name else None

    @cached_property
    def sequence(self) -> Sequence:
        return open_sequence(self.data / self.folder)

    @cached_property
    def loaded(self) -> tuple[Annotation, Annotation, int, tuple[float, float] | None]:
        """Detections and truth, numbered from the first frame that counts, their number, and the range of scores."""
        detector = load_detections(self.boxes if self.boxes == "det" else str(self.boxes), self.sequence)
        detections, length = detector.annotation, self.sequence.length
        truth = read_ground_truth(self.data / self.folder / "gt" / "gt.txt")
        if self.second_half:
            detections, _ = select_half(detections, length, "val")
            truth, length = select_half(truth, length, "val")
        return detections, truth, length, detector.score_range

    @cached_property
    def boxes_scaled(self) -> Annotation:
        """The detections with scores in 0…1, as trackers get them."""
        detections, _, _, score_range = self.loaded
        if score_range is None:
            return detections
        low, high = score_range
        return replace(detections, score=np.clip((detections.score - low) / (high - low), 0, 1))

    def identities(self) -> Annotation:
        """The detections with the identity of the true box that each overlaps by half, −1 for none."""
        detections, truth, _, _ = self.loaded
        return assign_identities(detections, truth)

    def embeddings(self, looks: str) -> tuple[np.ndarray | None, float | None, float | None]:
        """Embeddings of all detections, match threshold and upper threshold; None for "none"."""
        if looks == "none":
            return None, None, None
        kind, _, noise = looks.partition(" ")
        if kind == "random":
            return np.random.default_rng(0).normal(size=(len(self.loaded[0]), DIMENSION)).astype(np.float32), None, None
        if kind == "oracle":
            return oracle(self.identities().id, float(noise)), None, None
        file = np.load(self.kept / "looks" / f"{self.name} {kind}.npz".replace(" ", "_"))
        match, upper = (None if np.isnan(value) else float(value) for value in file["thresholds"])
        return file["embedding"].astype(np.float32), match, upper

    def has_looks(self, looks: str) -> bool:
        kind = looks.split()[0]
        return (
            kind in ("none", "random", "oracle")
            or (self.kept / "looks" / f"{self.name} {kind}.npz".replace(" ", "_")).exists()
        )

    def camera(self) -> np.ndarray | None:
        """Maps (F, 2, 3) of the camera's motion, if it was measured (MOVING)."""
        file = self.kept / "camera" / f"{self.sequence_name}.npy"
        return np.load(file) if self.sequence_name in MOVING and file.exists() else None

    def views(self, looks: str, every: int = 1, camera: bool = False):
        """Yield the frame's view for every n-th frame. Camera maps of skipped frames are composed."""
        boxes = self.boxes_scaled
        embedding, match, upper = self.embeddings(looks)
        maps = self.camera() if camera else None
        pending = np.eye(3)
        for number in range(1, self.loaded[2] + 1):
            if maps is not None:
                pending = np.vstack([maps[number - 1], [0, 0, 1]]) @ pending
            if (number - 1) % every:
                continue
            rows = boxes.rows_at(number)
            found = Detections(
                boxes.xyxy[rows],
                boxes.score[rows],
                boxes.class_id[rows],
                None if embedding is None else embedding[rows],
            )
            view_camera = pending[:2] if maps is not None and number > 1 else None
            pending = np.eye(3)
            yield View(
                found,
                Frame(number),
                self.sequence.size_hw,
                camera=view_camera,
                match_threshold=match,
                upper_threshold=upper,
            )

    def truth_every(self, every: int) -> tuple[Annotation, int]:
        _, truth, length, _ = self.loaded
        return select_every_nth(truth, every, length)


def oracle(identity: np.ndarray, noise: float) -> np.ndarray:
    """A random unit vector for each identity plus Gaussian noise of size `noise`; false detections resemble nothing."""
    rng = np.random.default_rng(0)
    _, place = np.unique(identity, return_inverse=True)
    column = np.where(identity < 0, np.cumsum(identity < 0) + place.max(initial=0), place)
    look = rng.normal(size=(column.max(initial=0) + 1, DIMENSION))
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    noisy = look[column] + rng.normal(size=(len(column), DIMENSION)) * noise
    return noisy.astype(np.float32)


def cases(data: Path, kept: Path) -> list[Case]:
    """All cases, in order."""
    found = []
    for detector in ("SDP", "FRCNN", "DPM"):
        found += [
            Case(f"MOT17 {detector}", f"{s} {detector}", data, kept, f"MOT17/train/{s}-{detector}") for s in MOT17
        ]
    stored = data / "detections"
    found += [
        Case("MOT17 yolox-x", f"{s} yolox-x", data, kept, f"MOT17/train/{s}-SDP", str(stored / "yolox-x-mot17"), True)
        for s in MOT17
    ]
    found.append(Case("MOT20", "MOT20-01 yolox-x", data, kept, "MOT20/train/MOT20-01", str(stored / "yolox-x-mot20")))
    for folder in sorted((data / "DanceTrack" / "val").iterdir()):
        boxes = str(stored / "yolox-x-dancetrack")
        found.append(Case("DanceTrack", folder.name, data, kept, f"DanceTrack/val/{folder.name}", boxes))
    found += [Case("MOT15", f"{name} public", data, kept, folder) for name, folder in MOT15.items()]
    nano = kept / "nano"
    for name in VIDEOS:
        folder = MOT15.get(name, f"MOT17/train/{name}-SDP")
        found.append(Case("nano", f"{name} nano", data, kept, folder, str(nano)))
    return found


def make_looks(case: Case, kinds: list[str]) -> None:
    """Compute and keep the embeddings of a case that has a video."""
    from idfree.appearance.colour import ColourHistogram

    encoders = {"colour": ColourHistogram()} | {k: ReidNetwork(case.data / NETWORKS[k]) for k in kinds if k in NETWORKS}
    missing = {k: encoders[k] for k in kinds if not case.has_looks(k)}
    if not missing or case.video is None:
        return
    detections, _, length, _ = case.loaded
    offset = case.sequence.length - length if case.second_half else 0
    parts = {kind: [] for kind in missing}
    for frame in open_source(case.video)[0]:
        number = frame.number - offset
        if not 1 <= number <= length:
            continue
        xyxy = detections.xyxy[detections.rows_at(number)]
        for kind, encoder in missing.items():
            parts[kind].append(encoder(frame.image, xyxy))
    for kind, encoder in missing.items():
        thresholds = np.array([encoder.match_threshold or np.nan, encoder.upper_threshold or np.nan])
        path = case.kept / "looks" / f"{case.name} {kind}.npz".replace(" ", "_")
        path.parent.mkdir(exist_ok=True, parents=True)
        embedding = np.concatenate(parts[kind]).astype(np.float16)
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, embedding=embedding, thresholds=thresholds)
        partial.rename(path)


class ReidNetwork:
    """A crop Re-ID network of the Open Model Zoo: OpenVINO IR, or its ONNX file. Not calibrated."""

    match_threshold: float | None = None
    upper_threshold: float | None = None

    def __init__(self, path: Path) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(path)
        self.is_ir = path.suffix == ".xml"
        self.model = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})

    def __call__(self, image: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
        from idfree.appearance.crops import crop_boxes

        crops = crop_boxes(image, xyxy, (256, 128)).astype(np.float32)
        if not self.is_ir:  # RGB with ImageNet's mean and deviation
            crops = (crops[..., ::-1] / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        batch = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), dtype=np.float32)
        found = [next(iter(self.model({0: crop[None]}).values())).reshape(-1) for crop in batch]
        return np.array(found, dtype=np.float32).reshape(-1, 256)


def make_camera(data: Path, kept: Path) -> None:
    """Measure and keep the camera's motion of the sequences in MOVING."""
    from idfree.trackers.camera_motion import CameraMotion

    for name in MOVING:
        path = kept / "camera" / f"{name}.npy"
        if not path.exists():
            path.parent.mkdir(exist_ok=True, parents=True)
            motion = CameraMotion()
            np.save(path, np.stack([motion(frame) for frame in open_source(data / VIDEOS[name])[0]]))


def make_nano(data: Path, kept: Path) -> None:
    """Detect people with yolox_nano in every video, and keep the boxes."""
    import idfree

    for video in VIDEOS.values():
        path = data / video
        if not (kept / "nano" / f"{path.stem}.txt").exists():
            idfree.detect(path, detector=data / "models" / "yolox_nano.onnx", out=kept / "nano", classes=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, required=True)
    options = parser.parse_args()
    make_camera(options.data, options.kept)
    make_nano(options.data, options.kept)
    for case in cases(options.data, options.kept):
        make_looks(case, ["colour", "0287"])


if __name__ == "__main__":
    main()
