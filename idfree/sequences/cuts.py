"""Scene cuts: where a film goes on somewhere else, told by its colours.

Zhang, Kankanhalli and Smoliar 1993, *Automatic partitioning of full-motion video*.
"""

from dataclasses import dataclass, field

import numpy as np

from idfree.core.types import Floats, Frame, Image

THUMBNAIL = (27, 48)  # rows and columns of pixels that stand for a picture
SHADES = 6  # of blue, of green and of red that are told apart


@dataclass
class SceneCuts:
    """Looks at frames in turn; `cuts` are the numbers of those with which another scene begins, ascending.

    limit: the share of colours that must change from one frame to the next (their total variation), None to look at
    no picture. A flash is two cuts, a slow fade none.
    """

    limit: float | None
    cuts: list[int] = field(default_factory=list)
    last: Floats | None = None

    def look(self, frame: Frame) -> None:
        """Compare a frame with the one before; without an image, nothing is learnt."""
        if self.limit is None or frame.image is None:
            return
        colours = colours_of(frame.image)
        if self.last is not None and np.abs(colours - self.last).sum() / 2 > self.limit:
            self.cuts.append(frame.number)
        self.last = colours

    @property
    def count(self) -> int | None:
        """How many scenes there are, None where no picture was seen."""
        return None if self.last is None else len(self.cuts) + 1


def colours_of(image: Image) -> Floats:
    """(216,) how much there is of each colour, in shares, in a picture seen from afar.

    A pixel counts among the eight colours around it, by how near they are: were it counted among one, a dark picture
    that becomes a trifle brighter would be all of another colour.
    """
    rows, columns = (max(1, size // few) for size, few in zip(image.shape[:2], THUMBNAIL, strict=True))
    shade = image[::rows, ::columns].reshape(-1, 3) * ((SHADES - 1) / 255)
    darker = np.minimum(shade.astype(np.int64), SHADES - 2)
    share = np.stack([darker + 1 - shade, shade - darker])  # of the darker and the brighter shade
    place = np.stack([darker, darker + 1]) * SHADES ** np.arange(3)
    colours = np.zeros(SHADES**3)
    for b, g, r in np.ndindex(2, 2, 2):
        weight = share[b, :, 0] * share[g, :, 1] * share[r, :, 2]
        colours += np.bincount(place[b, :, 0] + place[g, :, 1] + place[r, :, 2], weight, len(colours))
    return np.asarray(colours / len(shade))
