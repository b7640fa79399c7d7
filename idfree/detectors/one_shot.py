"""Detectors trained by idfree: boxes and embeddings from one forward pass (JDE, FairMOT; Zhang 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.letterbox import Letterbox, letterbox
from idfree.core.onnx_model import OnnxModel, prefix_errors, requested_size
from idfree.core.onnx_outputs import leave_out_outputs
from idfree.core.onnx_session import Session
from idfree.core.types import Detections, Floats, Frame, Image, View
from idfree.detectors.candidates import Candidates
from idfree.detectors.classes import class_names, select_class_ids
from idfree.detectors.refinement import MIN_SCORE, refine_by_candidates

PADDING = 127  # grey level around a letterboxed image, as in training
STRIDE = 32  # of the network: its input's sides are multiples
EMBEDDING = "embedding"  # the fourth of the network's outputs
OCCLUSIONS = "occlusions"  # the last, of networks with occlusion heads
MIN_OCCLUSION = 0.1  # score of an occlusion centre (OUTrack's code)
EXAMPLE_HW = (608, 1088)  # size of the input of the published FairMOT, for messages


@dataclass(frozen=True)
class OneShotDetectorSettings:
    """Set by `--set detector.NAME=VALUE`. Raises ValueError for values out of range."""

    min_score: float = 0.1  # ByteTrack (Zhang 2022, sec. 3) still uses boxes of 0.1; trackers have their own thresholds
    size: str | None = None  # WIDTHxHEIGHT of the network's input; None: that of training

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score={self.min_score} must lie in 0…1")


class OneShotDetector:
    """A detector whose boxes have embeddings, and whose file may have the calibrated thresholds of their distances.

    The network takes `image` uint8 (1, H, W, 3) BGR, letterboxed, and returns boxes (K, 4) in its pixels, scores (K,),
    classes (K,) and embeddings (K, D), by descending score; with occlusion heads also occlusion centres (M, 3): x, y,
    score. classes: names or numbers of the classes to detect; None detects all. device, threads: see `open_session`.
    session: an open session to use; `path` is then only a name.
    Raises UserError if the file cannot be opened, is no such network, or gives NaN.
    """

    needs_images = True
    has_embeddings = True
    is_network = True

    def __init__(
        self,
        path: Path | str,
        settings: OneShotDetectorSettings | None = None,
        classes: Sequence[str | int] | None = None,
        device: str = "auto",
        threads: int | None = None,
        session: Session | None = None,
    ):
        self.path, self.settings = path, settings or OneShotDetectorSettings()
        self.model = OnnxModel(path, device, threads, session)
        self.name, self.metadata = self.model.name, self.model.metadata
        with prefix_errors(str(path)):
            self.size_hw = network_size(self.model, self.settings.size)
            self.match_threshold = self.model.stored_number("limit")
            self.upper_threshold = self.model.stored_number("farthest")
            self.names = class_names(self.metadata, None)
            self.class_ids = None if classes is None else select_class_ids(classes, self.names)
        self.has_occlusions = OCCLUSIONS in self.model.output_names
        self.image = np.full((1, *self.size_hw, 3), PADDING, dtype=np.uint8)
        self.letterbox: Letterbox | None = None

    def __call__(self, frame: Frame) -> View:
        if frame.image is None:
            raise UserError(f"frame {frame.number} comes without its image: the detector {self.name} needs one")
        geometry = self.draw_input(frame.image)
        with prefix_errors(f"{self.name}, frame {frame.number}"):
            peaks, occlusions = self.detect(geometry)
        detections = peaks.select(peaks.score >= self.settings.min_score)
        candidates = Candidates(peaks.xyxy, peaks.score, peaks.class_id)
        return View(
            detections,
            frame,
            geometry.image_hw,
            occlusions,
            refiner=partial(refine_by_candidates, candidates=candidates),
            match_threshold=self.match_threshold,
            upper_threshold=self.upper_threshold,
        )

    def without_embeddings(self) -> "OneShotDetector":
        """The same detector of boxes alone: with ONNX Runtime, the embedding head is not computed."""
        session = leave_out_outputs(self.model.session, self.path, [EMBEDDING])
        detector = OneShotDetector(self.path, self.settings, session=session)
        detector.class_ids, detector.has_embeddings = self.class_ids, False
        detector.match_threshold, detector.upper_threshold = None, None
        return detector

    def draw_input(self, bgr: Image) -> Letterbox:
        """Draw an image into the input buffer: centred, aspect kept, as in training."""
        import cv2

        image_hw = (bgr.shape[0], bgr.shape[1])
        if self.letterbox is None or self.letterbox.image_hw != image_hw:
            self.letterbox = letterbox(image_hw, self.size_hw, "centre")
            self.image[...] = PADDING
        (left, top), (height, width) = self.letterbox.offset_xy, self.letterbox.resized_hw
        target = self.image[0, top : top + height, left : left + width]
        target[...] = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_LINEAR)
        return self.letterbox

    def detect(self, geometry: Letterbox) -> tuple[Detections, Floats]:
        """Run the network on the input buffer; all its boxes, and occlusions (M, 3) of score MIN_OCCLUSION and more, in
        image pixels. Raises UserError if it fails.
        """
        boxes, score, class_id, *others = self.run()
        mask = score >= min(self.settings.min_score, MIN_SCORE)
        if self.class_ids is not None:
            mask &= np.isin(class_id, self.class_ids)
        xyxy = geometry.to_image(boxes[mask].astype(np.float64))  # not clipped: boxes are amodal
        columns = {name: column[mask] for name, column in self.other_columns(others, geometry).items()}
        detections = Detections(xyxy, score[mask], class_id[mask], **columns)
        found = detections.select(detections.valid_mask(geometry.image_hw))
        return found, occlusions_in_image(others[-1] if self.has_occlusions else np.zeros((0, 3)), geometry)

    def other_columns(self, others: Sequence[NDArray[Any]], geometry: Letterbox) -> dict[str, NDArray[Any]]:
        """Further columns of Detections, from the outputs after the classes."""
        return {"embedding": others[0]} if self.has_embeddings else {}

    def run(self) -> Sequence[NDArray[Any]]:
        """Outputs for the input buffer. Raises UserError if the network fails or gives NaN."""
        return self.model.run({"image": self.image}, f"{self.size_hw[1]}x{self.size_hw[0]}")


def occlusions_in_image(occlusions: NDArray[Any], geometry: Letterbox) -> Floats:
    """Occlusion centres (M, 3) in pixels of the network's input → (K, 3) in image pixels, those that are likely."""
    likely = occlusions[occlusions[:, 2] >= MIN_OCCLUSION].astype(np.float64)
    return np.column_stack([geometry.to_image(likely[:, [0, 1, 0, 1]])[:, :2], likely[:, 2]])


def network_size(model: OnnxModel, requested: str | None) -> tuple[int, int]:
    """(height, width) of the network's input: `requested` ("WIDTHxHEIGHT"), or that of training in the metadata.

    Raises UserError if it is malformed or not of multiples of STRIDE.
    """
    height, width = model.stored_size() if requested is None else requested_size(requested, EXAMPLE_HW)
    if height % STRIDE or width % STRIDE:
        raise UserError(f"size {width}x{height}: expected multiples of {STRIDE}")
    return height, width
