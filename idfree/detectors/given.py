"""Detections that are there already: from a file, or from an array."""

import numpy as np

from idfree.types import Annotation, Floats, Frame, View

LOWEST = 0.05  # of scores are taken for 0


class Given:
    """A detector that looks its boxes up by frame number; it needs no image.

    annotation: rows sorted by frame, embeddings and all. size_hw: (height, width) of the frames, if known.
    name: what it is called in reports. A frame without rows gives an empty view.
    score_range: None where scores lie in 0…1, as trackers' thresholds expect; else the scores that stand for 0 and 1.
    """

    needs_images = False

    def __init__(self, annotation: Annotation, size_hw: tuple[int, int] | None = None, name: str = "given"):
        self.annotation = annotation
        self.size_hw = size_hw
        self.name = name
        self.has_embeddings = annotation.embedding is not None
        self.score_range = score_range(annotation.score)

    def __call__(self, frame: Frame) -> View:
        return View(self.annotation.at(frame.number), frame=frame, size_hw=self.size_hw)


def score_range(score: Floats) -> tuple[float, float] | None:
    """The scores that stand for 0 and 1 where some lie outside: the `LOWEST` quantile and the median.

    Measured with bytetrack on MOT17-02, 04, 09 and 10 (DPM), and on MOT15's KITTI-17, PETS09-S2L1 and TUD-Campus:
    HOTA 28.4 → 30.1 and 38.2 → 49.2, combined; with the 95 % quantile in place of the median, 25.4 and 37.4.
    """
    finite = score[np.isfinite(score)]
    if not len(finite) or (finite.min() >= 0 and finite.max() <= 1):
        return None
    low, high = np.quantile(finite, [LOWEST, 0.5]).tolist()
    return (low, high) if high > low else (low - 1, low)
