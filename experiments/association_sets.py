"""Sequences, detections and embeddings on which association.py compares trackers.

A case is one sequence with the detections of one detector. Its embeddings are named "none"; "random"; "colour", "0287"
or "0288" (computed once by association_inputs.py); or "oracle S", a unit vector for each ground-truth identity plus
Gaussian noise with a standard deviation of S per component.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from footage import MOVING, TRUTH, file_name
from oracle import DIMENSION, oracle_embeddings

from idfree.core.types import Annotation, Detections, Frame, Sequence, View
from idfree.evaluation.frame_subset import select_every_nth, select_half
from idfree.evaluation.reid import assign_identities
from idfree.pipelines.detection.stored_detections import load_detections
from idfree.sequences.motchallenge import open_sequence, read_ground_truth

MOT17 = ("MOT17-02", "MOT17-04", "MOT17-09", "MOT17-10")
MOT15 = ("PETS09-S2L1", "TUD-Campus", "KITTI-17", "ETH-Sunnyday")
VIDEOS = {name: f"videos/{name}.mp4" for name in ("MOT17-04", "MOT17-09", *MOT15[:3])} | {
    "ETH-Sunnyday": "moving/ETH-Sunnyday/ETH-Sunnyday.mp4"
}


@dataclass(frozen=True)
class Case:
    """One sequence with the boxes of one detector.

    group, name: in the tables. data: folder of data sets. out: of what association_inputs.py computed. folder: of the
    ground truth, below data. boxes: file or folder of detections; "det": the public ones. second_half: whether it alone
    is evaluated.
    """

    group: str
    name: str
    data: Path
    out: Path
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
        """Detections and ground truth, numbered from the first evaluated frame, their number, the range of scores."""
        detector = load_detections(self.boxes, self.sequence)
        detections, length = detector.annotation, self.sequence.length
        truth = read_ground_truth(self.data / self.folder / "gt" / "gt.txt")
        if self.second_half:
            detections, _ = select_half(detections, length, "val")
            truth, length = select_half(truth, length, "val")
        return detections, truth, length, detector.score_range

    @cached_property
    def scaled(self) -> Annotation:
        """The detections with scores in 0…1, as trackers get them."""
        detections, _, _, score_range = self.loaded
        if score_range is None:
            return detections
        low, high = score_range
        return replace(detections, score=np.clip((detections.score - low) / (high - low), 0, 1))

    def truth_every(self, every: int) -> tuple[Annotation, int]:
        """Ground truth of every n-th frame, and the number of these frames."""
        _, truth, length, _ = self.loaded
        return select_every_nth(truth, every, length)

    def embeddings_file(self, kind: str) -> Path:
        """Where association_inputs.py stores embeddings."""
        return self.out / "embeddings" / f"{file_name(self.name)}_{kind}.npz"

    def has_embeddings(self, name: str) -> bool:
        """Whether these embeddings can be made or are stored."""
        kind = name.split()[0]
        return kind in ("none", "random", "oracle") or self.embeddings_file(kind).exists()

    def embeddings(self, name: str) -> tuple[np.ndarray | None, float | None, float | None]:
        """Embeddings (N, D) of all detections, match threshold and upper threshold; None for "none"."""
        if name == "none":
            return None, None, None
        kind, _, noise = name.partition(" ")
        if kind == "random":
            return np.random.default_rng(0).normal(size=(len(self.loaded[0]), DIMENSION)).astype(np.float32), None, None
        if kind == "oracle":
            detections, truth, _, _ = self.loaded
            return oracle_embeddings(assign_identities(detections, truth).id, float(noise)), None, None
        file = np.load(self.embeddings_file(kind))
        match, upper = (None if np.isnan(value) else float(value) for value in file["thresholds"])
        return file["embedding"].astype(np.float32), match, upper

    def camera_motion(self) -> np.ndarray | None:
        """Maps (F, 2, 3) from the previous frame to each frame, where the camera moves and they are stored."""
        file = self.out / "camera" / f"{self.sequence_name}.npy"
        return np.load(file) if self.sequence_name in MOVING and file.exists() else None

    def views(self, embeddings: str, every: int = 1):
        """Yield the view of every n-th frame. The camera motion of skipped frames is composed."""
        boxes, (embedding, match, upper) = self.scaled, self.embeddings(embeddings)
        motion, pending = self.camera_motion(), np.eye(3)
        for number in range(1, self.loaded[2] + 1):
            if motion is not None:
                pending = np.vstack([motion[number - 1], [0, 0, 1]]) @ pending
            if (number - 1) % every:
                continue
            rows = boxes.rows_at(number)
            columns = (boxes.xyxy[rows], boxes.score[rows], boxes.class_id[rows])
            found = Detections(*columns, None if embedding is None else embedding[rows])
            camera = pending[:2] if motion is not None and number > 1 else None
            thresholds = {"match_threshold": match, "upper_threshold": upper}
            yield View(found, Frame(number), self.sequence.size_hw, camera=camera, **thresholds)
            pending = np.eye(3)


def all_cases(data: Path, out: Path) -> list[Case]:
    """All cases, in the order of the tables."""
    stored = data / "detections"
    found = []
    for detector in ("SDP", "FRCNN", "DPM"):
        for name in MOT17:
            found.append(Case(f"MOT17 {detector}", f"{name} {detector}", data, out, f"MOT17/train/{name}-{detector}"))
    for name in MOT17:  # yolox-x was trained on the first halves
        boxes = str(stored / "yolox-x-mot17")
        found.append(Case("MOT17 yolox-x", f"{name} yolox-x", data, out, f"MOT17/train/{name}-SDP", boxes, True))
    found.append(Case("MOT20", "MOT20-01 yolox-x", data, out, "MOT20/train/MOT20-01", str(stored / "yolox-x-mot20")))
    for folder in sorted((data / "DanceTrack" / "val").iterdir()):
        boxes = str(stored / "yolox-x-dancetrack")
        found.append(Case("DanceTrack", folder.name, data, out, f"DanceTrack/val/{folder.name}", boxes))
    found += [Case("MOT15", f"{name} public", data, out, TRUTH[name]) for name in MOT15]
    found += [Case("nano", f"{name} nano", data, out, TRUTH[name], str(out / "nano")) for name in VIDEOS]
    return found
