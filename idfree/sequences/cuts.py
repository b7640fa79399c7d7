"""Shot boundary detection by colour histogram differences (Zhang, Kankanhalli and Smoliar 1993)."""

from dataclasses import dataclass, field

import numpy as np

from idfree.core.types import Floats, Frame, Image

THUMBNAIL_HW = (27, 48)  # images are subsampled to about this many rows and columns of pixels
LEVELS = 6  # of the histogram, for each colour channel


@dataclass
class SceneCuts:
    """Online detector of scene cuts: `cuts` are the numbers of the frames with which a new scene begins, ascending.

    threshold: total variation distance (0…1) of the colour histograms of consecutive frames above which there is a cut;
    None to turn the detector off. A flash gives two cuts, a slow fade none.
    """

    threshold: float | None
    cuts: list[int] = field(default_factory=list)
    previous: Floats | None = None  # histogram of the previous frame

    def update(self, frame: Frame) -> None:
        """Compare a frame with the previous one; frames without an image are skipped."""
        if self.threshold is None or frame.image is None:
            return
        histogram = colour_histogram(frame.image)
        if self.previous is not None and np.abs(histogram - self.previous).sum() / 2 > self.threshold:
            self.cuts.append(frame.number)
        self.previous = histogram

    @property
    def count(self) -> int | None:
        """Number of scenes, None if no frame had an image."""
        return None if self.previous is None else len(self.cuts) + 1


def colour_histogram(image: Image) -> Floats:
    """Normalised joint BGR histogram (216,) of a subsampled image.

    Each pixel is distributed over the eight nearest bins by trilinear interpolation; with hard assignment, a slight
    change of brightness of a dark image would move all its pixels to other bins.
    """
    rows, columns = (max(1, size // target) for size, target in zip(image.shape[:2], THUMBNAIL_HW, strict=True))
    level = image[::rows, ::columns].reshape(-1, 3) * ((LEVELS - 1) / 255)
    lower = np.minimum(level.astype(np.int64), LEVELS - 2)
    weights = np.stack([lower + 1 - level, level - lower])  # of the lower and the upper bin
    bins = np.stack([lower, lower + 1]) * LEVELS ** np.arange(3)
    histogram = np.zeros(LEVELS**3)
    for b, g, r in np.ndindex(2, 2, 2):
        weight = weights[b, :, 0] * weights[g, :, 1] * weights[r, :, 2]
        histogram += np.bincount(bins[b, :, 0] + bins[g, :, 1] + bins[r, :, 2], weight, len(histogram))
    return np.asarray(histogram / len(level))
