"""CenterTrack's detectors, trained by idfree: they see the previous frame, too, and say where each object was in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.heatmaps import centre_heatmap
from idfree.core.letterbox import Letterbox
from idfree.core.types import Detections, Frame, Image, View
from idfree.detectors.one_shot import OneShotDetector, OneShotDetectorSettings

DISPLACEMENT = "displacement"  # the fourth of the network's outputs


@dataclass(frozen=True)
class CenterTrackDetectorSettings(OneShotDetectorSettings):
    """Those of OneShotDetector, and one of the heatmap. Raises ValueError for values out of range."""

    heat_score: float = 0.5  # of the objects that the next frame is shown (pre_thresh of the public code)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.heat_score <= 1:
            raise ValueError(f"heat_score={self.heat_score} must lie in 0…1")


class CenterTrackDetector(OneShotDetector):
    """A detector with displacements, for frames in order; it begins anew where frame numbers do not ascend.

    The network also takes `previous`, the image before, and `previous_heat` float32 (1, H, W, 1), peaks at the objects
    of score `heat_score` and more that were seen in it; of a first frame itself, and no peaks. Its fourth output is the
    displacements (K, 2) in pixels of the input. Arguments and errors as of OneShotDetector.
    """

    has_embeddings = False
    settings: CenterTrackDetectorSettings

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        if DISPLACEMENT not in self.model.output_names:
            raise UserError(f"{self.path}: its outputs are {', '.join(self.model.output_names)}, without displacements")
        self.previous, self.heat = self.image.copy(), np.zeros((1, *self.size_hw, 1), dtype=np.float32)
        self.number, self.is_first = 0, True

    def restarted(self) -> "CenterTrackDetector":
        """A detector of the same network that has seen no frame."""
        fresh = CenterTrackDetector(self.path, self.settings, session=self.model.session)
        fresh.class_ids = self.class_ids
        return fresh

    def without_embeddings(self) -> "CenterTrackDetector":
        """It has none."""
        return self

    def __call__(self, frame: Frame) -> View:
        self.is_first, self.number = frame.number <= self.number, frame.number
        return super().__call__(frame)

    def draw_input(self, bgr: Image) -> Letterbox:
        """As of OneShotDetector. A first frame, or one of another size, is its own previous one."""
        before, geometry = self.letterbox, super().draw_input(bgr)
        if self.is_first or geometry is not before:
            self.previous[...], self.heat[...] = self.image, 0
        return geometry

    def other_columns(self, others: Sequence[NDArray[Any]], geometry: Letterbox) -> dict[str, NDArray[Any]]:
        """The column "displacement" (K, 2), in pixels of the image."""
        return {"displacement": others[0].astype(np.float64) / geometry.scale_xy}

    def detect(self, geometry: Letterbox) -> tuple[Detections, Any]:
        """As of OneShotDetector; then this frame is the previous one."""
        detections, occlusions = super().detect(geometry)
        shown = geometry.to_input(detections.xyxy[detections.score >= self.settings.heat_score])
        shown = np.clip(shown, 0, np.tile(self.size_hw[::-1], 2))  # peaks are of the visible parts, as in training
        centre, size = (shown[:, :2] + shown[:, 2:]) / 2, shown[:, 2:] - shown[:, :2]
        self.heat[0, ..., 0] = centre_heatmap(centre, size, self.size_hw)[0]
        self.previous[...] = self.image
        return detections, occlusions

    def run(self) -> Sequence[NDArray[Any]]:
        """The outputs for this frame, the previous one and its heatmap."""
        feed = {"image": self.image, "previous": self.previous, "previous_heat": self.heat}
        return self.model.run(feed, f"{self.size_hw[1]}x{self.size_hw[0]}")
