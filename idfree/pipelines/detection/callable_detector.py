"""A function of the user as a detector."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Detections, DetectionsLike, Frame, View
from idfree.detectors.scores import ScoreScale, check_scale, scale_scores

LOG = logging.getLogger("idfree")

DetectorFunction = Callable[[Frame], View | DetectionsLike]


@dataclass
class CallableDetector:
    """Detector from a function of the user, which maps a Frame to a View or to anything that `View` accepts.

    scores: the scale of its scores; with "auto" they are kept, with a warning if they lie outside 0…1. Raises UserError
    for "logit", which needs the scores of all frames.
    """

    function: DetectorFunction
    name: str = "yours"
    needs_images: bool = True
    has_embeddings: bool = True  # possibly; trackers that use embeddings accept detections without
    scores: ScoreScale = "auto"
    warned: bool = False

    def __post_init__(self) -> None:
        check_scale(self.scores)
        if self.scores == "logit":
            raise UserError("scores='logit' needs the scores of all frames: map them to 0…1 in your detector function")
        self.score_range = scale_scores(np.zeros(0), self.scores).range

    def __call__(self, frame: Frame) -> View:
        output = self.function(frame)
        size_hw = None if frame.image is None else frame.image.shape[:2]
        view = output if isinstance(output, View) else View(Detections.convert(output), frame, size_hw)
        if not self.warned and self.scores == "auto" and (fault := describe_output(output, view.detections)):
            LOG.warning("frame %d: %s", frame.number, fault)
            self.warned = True
        return view


def describe_output(output: View | DetectionsLike, detections: Detections) -> str | None:
    """What is odd about the output of a user's detector function; None if nothing is."""
    if output is None:
        return "the detector function returned None, which counts as no detections"
    if message := scale_scores(detections.score).message:
        extent = message.partition(",")[0].partition(":")[0]
        return f"{extent}: trackers expect 0…1; name their scale (scores='percent', '255', or 'raw' to keep them)"
    return None
