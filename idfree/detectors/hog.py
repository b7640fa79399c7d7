"""OpenCV's HOG people detector: needs no model file, but is slow and finds only some people.

Histograms of oriented gradients and a linear SVM (Dalal & Triggs 2005), trained on upright, unoccluded people at least
96 pixels high: it misses seated, crowded and truncated people, and detects lamp posts as people.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from idfree.core.boxes import clip, xywh_to_xyxy
from idfree.core.errors import UserError
from idfree.core.suppression import nms
from idfree.core.types import Detections, Floats, Frame, Image, View
from idfree.detectors.candidates import Candidates
from idfree.detectors.refinement import refine_by_candidates

WINDOW_HW = (128, 64)  # px, of the descriptor


@dataclass(frozen=True)
class HogDetectorSettings:
    width: int = 1280  # px to which the frame is resized
    stride: int = 8  # px between windows: a cell of the descriptor
    padding: int = 16  # px around the frame, for people truncated by its border
    scale: float = 1.1  # between levels of the image pyramid
    hit_threshold: float = 0.4  # minimum SVM weight
    max_iou: float = 0.3  # of non-maximum suppression
    trim_x: float = 0.18  # fraction of the window's width on each side that is background
    trim_y: float = 0.10  # of its height; in training 16 of 128 px (Dalal & Triggs 2005)
    slope: float = 2.6  # score = 1 / (1 + exp(−slope · (weight − even)))
    even: float = 0.9  # SVM weight at which the score is 0.5


class HogDetector:
    """Detect people (class 0) by OpenCV's HOG detector.

    The score is the probability that the box is a person (IoU ≥ 0.5): a logistic function of the SVM weight (Platt
    1999), fitted to ground truth, so that trackers' thresholds suit it as they suit a network.
    Raises UserError if OpenCV has no HOGDescriptor (OpenCV 5).
    """

    name = "hog"
    needs_images = True
    has_embeddings = False

    def __init__(self, settings: HogDetectorSettings | None = None):
        import cv2

        if not hasattr(cv2, "HOGDescriptor"):
            raise UserError(
                f"the detector hog needs OpenCV 4, here is {cv2.__version__}: pip install 'opencv-python-headless<5'"
            )
        self.settings = settings or HogDetectorSettings()
        self.descriptor = cv2.HOGDescriptor()
        self.descriptor.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def __call__(self, frame: Frame) -> View:
        if frame.image is None:
            raise UserError(f"frame {frame.number} comes without its image: the detector hog needs one")
        settings, size_hw = self.settings, (frame.image.shape[0], frame.image.shape[1])
        found, weight = self.detect_windows(frame.image)
        xyxy = clip(trim_windows(found, settings), size_hw)
        windows = Detections(xyxy, person_probability(weight, settings))
        detections = windows[nms(xyxy, weight, windows.class_id, settings.max_iou)]
        refiner = partial(refine_by_candidates, candidates=Candidates(xyxy, windows.score, windows.class_id))
        return View(detections[detections.valid_mask(size_hw)], frame=frame, size_hw=size_hw, refiner=refiner)

    def detect_windows(self, bgr: Image) -> tuple[Floats, Floats]:
        """Windows above the threshold, before suppression: xyxy (N, 4) in image pixels, SVM weight (N,)."""
        import cv2

        settings = self.settings
        ratio = settings.width / bgr.shape[1]
        width, height = settings.width, round(bgr.shape[0] * ratio)
        if height < WINDOW_HW[0] or width < WINDOW_HW[1]:  # OpenCV crashes if no window fits
            return np.zeros((0, 4)), np.zeros(0)
        xywh, weight = self.descriptor.detectMultiScale(
            cv2.resize(bgr, (width, height)),
            hitThreshold=settings.hit_threshold,
            winStride=(settings.stride, settings.stride),
            padding=(settings.padding, settings.padding),
            scale=settings.scale,
            groupThreshold=0,  # no grouping, which would discard the weights
        )
        return xywh_to_xyxy(xywh) / ratio, np.asarray(weight, dtype=np.float64).reshape(-1)


def trim_windows(windows: Floats, settings: HogDetectorSettings) -> Floats:
    """Boxes of the people in detection windows (N, 4): the windows without their margin."""
    size = windows[:, 2:] - windows[:, :2]
    margin = size * (settings.trim_x, settings.trim_y)
    return np.concatenate([windows[:, :2] + margin, windows[:, 2:] - margin], axis=1)


def person_probability(weight: Floats, settings: HogDetectorSettings) -> Floats:
    """Probability of a person, 0…1, from SVM weights (N,)."""
    return np.asarray(1 / (1 + np.exp(-settings.slope * (weight - settings.even))))
