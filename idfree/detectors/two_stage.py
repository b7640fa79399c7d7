"""Two-stage detectors (Ren 2015, Faster R-CNN) exported by idfree, whose box head regresses any box it is given.

The file's graph is cut in two at the levels of its feature pyramid: the first part runs once a frame, the second, the
box head, whenever a tracker asks it about boxes of that frame, as Tracktor does (Bergmann 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import clip
from idfree.core.errors import UserError
from idfree.core.letterbox import Letterbox
from idfree.core.onnx_model import OnnxModel, prefix_errors
from idfree.core.onnx_outputs import cut, open_part
from idfree.core.onnx_session import Session, is_ir
from idfree.core.suppression import nms
from idfree.core.types import Detections, Floats, Frame, Image, Integers, View
from idfree.detectors.classes import COCO_CATEGORIES, class_names, select_class_ids

LEVELS_KEY = "idfree.levels"  # of the metadata: names of the outputs at which the graph is cut
COLUMNS, REFINED = ("boxes", "scores", "classes"), ("refined_boxes", "refined_scores")  # other outputs
PADDING = (104, 116, 124)  # BGR around the image: ImageNet's mean, which is 0 in the network (torchvision)
STRIDE = 32  # px, of which the input's sides are multiples
SLACK = 1e-6  # px, so that sides that are whole numbers but for rounding are not rounded down


@dataclass(frozen=True)
class TwoStageDetectorSettings:
    """Set by `--set detector.NAME=VALUE`. Raises ValueError for values out of range."""

    min_score: float = 0.1  # ByteTrack (Zhang 2022, sec. 3) still uses boxes of 0.1; trackers have their own thresholds
    max_iou: float = 0.5  # of non-maximum suppression within a class (torchvision; Tracktor)
    max_boxes: int = 300  # per frame, by score: as of OnnxDetector; torchvision's 100 are few in a crowd
    shorter: int | None = None  # px, greatest shorter side of the resized image; None: as the file says, 800
    longer: int | None = None  # px, greatest longer side; None: as the file says, 1333

    def __post_init__(self) -> None:
        if not (0 <= self.min_score <= 1 and 0 <= self.max_iou <= 1):
            raise ValueError(f"min_score={self.min_score} and max_iou={self.max_iou} must lie in 0…1")
        if self.max_boxes < 1:
            raise ValueError(f"max_boxes={self.max_boxes} must be at least 1")
        if min(self.shorter or STRIDE, self.longer or STRIDE) < STRIDE:
            raise ValueError(f"shorter={self.shorter} and longer={self.longer} must be at least {STRIDE} px")


class TwoStageDetector:
    """A detector whose views answer `refine` by the box head of the network.

    The network takes `image` uint8 (1, H, W, 3) BGR and returns candidates: boxes (K, 4) in its pixels, scores (K,) and
    classes (K,), and the levels; of `proposals` (N, 4) and the levels, boxes (N, C, 4) and scores (N, C) of each class.
    classes: names or numbers of the classes to detect; None detects all. sessions: of the two parts, see `open_parts`.
    Raises UserError if the file is no such network or gives NaN.
    """

    needs_images = True
    has_embeddings = False
    is_network = True

    def __init__(
        self,
        path: Path | str,
        sessions: tuple[Session, Session],
        settings: TwoStageDetectorSettings | None = None,
        classes: Sequence[str | int] | None = None,
    ):
        self.settings = settings or TwoStageDetectorSettings()
        self.model, self.head = (OnnxModel(path, session=session) for session in sessions)
        self.name, self.metadata = self.model.name, self.model.metadata
        with prefix_errors(str(path)):
            self.levels = level_names(self.metadata)
            self.names = class_names(self.metadata, None)
            self.class_ids = None if classes is None else select_class_ids(classes, self.names)
            self.sides = (
                self.settings.shorter or self.stored_side("shorter"),
                self.settings.longer or self.stored_side("longer"),
            )
        self.letterbox: Letterbox | None = None

    def stored_side(self, key: str) -> int:
        """A side in pixels from the metadata. Raises UserError if it is missing or too small."""
        side = self.model.stored_number(key, STRIDE - 1, expected=f"at least {STRIDE} px")
        if side is None:
            raise UserError(f"its metadata lack {key}")
        return int(side)

    def __call__(self, frame: Frame) -> View:
        if frame.image is None:
            raise UserError(f"frame {frame.number} comes without its image: the detector {self.name} needs one")
        geometry = self.draw_input(frame.image)
        with prefix_errors(f"{self.name}, frame {frame.number}"):
            boxes, score, class_id, *levels = self.model.run({"image": self.image}, describe(geometry.input_hw))
        refiner = partial(self.refine, dict(zip(self.levels, levels, strict=True)), geometry)
        detections = self.select_detections(boxes, score, class_id, geometry)
        return View(detections, frame, geometry.image_hw, refiner=refiner)

    def select_detections(
        self, boxes: NDArray[Any], score: NDArray[Any], class_id: NDArray[Any], geometry: Letterbox
    ) -> Detections:
        """Candidates in input pixels → detections in image pixels, by descending score."""
        mask = score >= max(self.settings.min_score, np.finfo(np.float32).tiny)  # 0: no candidate
        if self.class_ids is not None:
            mask &= np.isin(class_id, self.class_ids)
        xyxy = clip(geometry.to_image(boxes[mask].astype(np.float64)), geometry.image_hw)
        score, class_id = score[mask].astype(np.float64), class_id[mask]
        rows = nms(xyxy, score, class_id, self.settings.max_iou)[: self.settings.max_boxes]
        detections = Detections(xyxy[rows], score[rows], class_id[rows])
        return detections[detections.valid_mask(geometry.image_hw)]

    def refine(
        self, levels: dict[str, NDArray[Any]], geometry: Letterbox, xyxy: Floats, class_id: Integers
    ) -> tuple[Floats, Floats]:
        """Boxes regressed by the box head, within the image, and scores (N,) of boxes (N, 4) of these classes (N,).

        Boxes of classes that the network does not know stay as they are, with score 0.
        """
        regressed, scores = xyxy.copy(), np.zeros(len(xyxy))
        if not len(xyxy):
            return regressed, scores
        proposals = geometry.to_input(xyxy).astype(np.float32)
        with prefix_errors(f"{self.name}, its box head"):
            boxes, score = self.head.run({"proposals": proposals, **levels}, f"{len(xyxy)} boxes")
        rows = np.flatnonzero((class_id >= 0) & (class_id < score.shape[1]))
        of_class = boxes[rows, class_id[rows]].astype(np.float64)
        regressed[rows] = clip(geometry.to_image(of_class), geometry.image_hw)
        scores[rows] = score[rows, class_id[rows]]
        return regressed, scores

    def draw_input(self, bgr: Image) -> Letterbox:
        """Draw an image into the input buffer: top left, aspect kept; a new buffer for an image of another size."""
        import cv2

        image_hw = (bgr.shape[0], bgr.shape[1])
        if self.letterbox is None or self.letterbox.image_hw != image_hw:
            self.letterbox = fit(image_hw, *self.sides)
            self.image = np.full((1, *self.letterbox.input_hw, 3), PADDING, dtype=np.uint8)
        height, width = self.letterbox.resized_hw
        self.image[0, :height, :width] = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_LINEAR)
        return self.letterbox


def open_two_stage(
    spec: Path | str, settings: TwoStageDetectorSettings, classes: Sequence[str | int] | None, session: Session
) -> TwoStageDetector:
    """Open a file of the kind two-stage. session: of the whole file. Raises UserError."""
    with prefix_errors(str(spec)):
        sessions = open_parts(session, spec)
    return TwoStageDetector(spec, sessions, settings, classes)


def open_parts(session: Session, path: Path | str) -> tuple[Session, Session]:
    """Sessions of the two parts of a file: image → candidates and levels; levels and boxes → refined boxes.

    session: of the whole file, or of a network in training, which has `parts`. Raises UserError for an OpenVINO IR, and
    for a file without the names of its levels.
    """
    if hasattr(session, "parts"):
        parts: tuple[Session, Session] = session.parts()
        return parts
    if is_ir(path):
        raise UserError(
            "is an OpenVINO IR, which cannot be cut in two; use the .onnx, with --device openvino if wanted"
        )
    model, levels = Path(path).read_bytes(), level_names(session.get_modelmeta().custom_metadata_map)
    first, second = cut(model, (*COLUMNS, *levels)), cut(model, REFINED, levels)
    return open_part(session, first), open_part(session, second)


def level_names(metadata: dict[str, str]) -> list[str]:
    """Names of the outputs that are levels. Raises UserError if the metadata lack them."""
    if LEVELS_KEY not in metadata:
        raise UserError(f"its metadata lack {LEVELS_KEY}: expected a file that idfree export wrote")
    return metadata[LEVELS_KEY].split(",")


def fit(image_hw: tuple[int, int], shorter: int, longer: int) -> Letterbox:
    """An image resized to the greatest size within these sides, in an input of the next multiples of STRIDE."""
    ratio = min(shorter / min(image_hw), longer / max(image_hw))
    height, width = (max(int(side * ratio + SLACK), 1) for side in image_hw)
    input_hw = (-(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE)
    return Letterbox(image_hw, input_hw, (height, width), (0, 0))


def describe(size_hw: tuple[int, int]) -> str:
    """A size as text."""
    return f"{size_hw[1]}x{size_hw[0]}"


def default_names(classes: int) -> dict[int, str]:
    """Names by class number, from 0 after the background, of a network with so many classes, the background included.

    COCO's if there are as many, "person" if there is one; else {}, as they are not known.
    """
    if classes == COCO_CATEGORIES:
        return {number - 1: name for number, name in class_names({}, COCO_CATEGORIES).items()}
    return {0: "person"} if classes == 2 else {}
