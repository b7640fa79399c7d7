"""OpenCV's built-in pedestrian detector: no model file, slow, and poor. A stop-gap until there is a real one.

Histograms of oriented gradients and a linear SVM (Dalal & Triggs 2005), trained on upright, unobstructed people at
least 96 pixels high: it misses the seated, the crowded and the cut-off, and takes lamp posts for people.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.boxes import clip, xywh_to_xyxy
from idfree.core.errors import UserError
from idfree.core.types import Detections, Floats, Frame, View
from idfree.detectors.suppression import nms

WINDOW_HW = (128, 64)  # px that the descriptor looks at


@dataclass(frozen=True)
class HogDetectorSettings:
    """Chosen on 40 frames of PETS09-S2L1 and 24 of TUD-Campus, together, for recall at a bearable precision."""

    width: int = 1280  # px the frame is resized to: PETS09's people are small; recall 0.83, 0.4 at its own 768 px
    stride: int = 8  # px between windows, the descriptor's cell; 4 is three times slower and no better
    padding: int = 16  # px around the frame: people cut by its border; 8 loses 5 of 100 on TUD-Campus
    scale: float = 1.1  # between pyramid levels; 1.05 doubles the time and finds no more, 1.2 loses 5 to 10 of 100
    hit_threshold: float = 0.4  # least SVM weight; 0 finds 4 to 10 more of 100 and nearly trebles the junk
    max_iou: float = 0.3  # above, of two boxes the better stays; at 0.5 one person often gets two
    trim_x: float = 0.18  # of the window's width on each side is background; the median against the truth
    trim_y: float = 0.10  # of its height; by design 16 of 128 px (Dalal & Triggs 2005), the truth says a little less
    slope: float = 2.6  # score = 1 / (1 + exp(−slope · (weight − even)))
    even: float = 0.9  # the weight at which a box is right half the time


class HogDetector:
    """People (class 0) in a picture, by OpenCV's HOG detector.

    The score is the chance that the box is a person (IoU ≥ 0.5), a logistic function of the SVM weight fitted to the
    truth of PETS09-S2L1 and TUD-Campus (Platt 1999; apart, the two give slopes 2.5 and 2.7 and the even chance at 0.8
    and 0.9): thresholds of trackers mean about the same here as with a network.
    Raises UserError where OpenCV has no HOGDescriptor (OpenCV 5).
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
        windows, weight = self.windows(frame)
        xyxy = clip(person(windows, settings), size_hw)
        kept = nms(xyxy, weight, np.zeros(len(xyxy), dtype=np.int64), settings.max_iou)
        detections = Detections(xyxy, score(weight, settings))[kept]
        return View(detections[detections.sane(size_hw)], frame=frame, size_hw=size_hw)

    def windows(self, frame: Frame) -> tuple[Floats, Floats]:
        """Every window above the threshold: xyxy (N, 4) in the frame's pixels, SVM weight (N,)."""
        import cv2

        settings, bgr = self.settings, frame.image
        assert bgr is not None
        ratio = settings.width / bgr.shape[1]
        width, height = settings.width, round(bgr.shape[0] * ratio)
        if height < WINDOW_HW[0] or width < WINDOW_HW[1]:  # where not one window fits, OpenCV crashes
            return np.zeros((0, 4)), np.zeros(0)
        xywh, weight = self.descriptor.detectMultiScale(
            cv2.resize(bgr, (width, height)),
            hitThreshold=settings.hit_threshold,
            winStride=(settings.stride, settings.stride),
            padding=(settings.padding, settings.padding),
            scale=settings.scale,
            groupThreshold=0,  # all hits: grouping would lose their weights
        )
        return xywh_to_xyxy(xywh) / ratio, np.asarray(weight, dtype=np.float64).reshape(-1)


def person(windows: Floats, settings: HogDetectorSettings) -> Floats:
    """The person in each detection window (N, 4): the window without its margin."""
    size = windows[:, 2:] - windows[:, :2]
    margin = size * (settings.trim_x, settings.trim_y)
    return np.concatenate([windows[:, :2] + margin, windows[:, 2:] - margin], axis=1)


def score(weight: Floats, settings: HogDetectorSettings) -> Floats:
    """SVM weights (N,) → the chance of a person, 0…1."""
    return np.asarray(1 / (1 + np.exp(-settings.slope * (weight - settings.even))))
