"""The options of counting, parsed: lines, zones, anchor point and ground plane."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from idfree.core.types import Floats
from idfree.counting.counter import Counter
from idfree.counting.ground import read_ground
from idfree.counting.shapes import Line, Shapes, Zone, read_lines, read_zones


@dataclass(frozen=True)
class CountRequest:
    """Lines and zones to count at, a key of ANCHORS, and the homography (3, 3) from pixels to metres, or None."""

    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    anchor: str = "bottom"
    ground: Floats | None = None

    @classmethod
    def read(
        cls,
        lines: Shapes = (),
        zones: Shapes = (),
        anchor: str = "bottom",
        scale: float | None = None,
        homography: Any = None,
    ) -> "CountRequest":
        """Parse the options of users; see `read_lines`, `read_zones`, `read_ground`. Raises UserError."""
        request = cls(read_lines(lines), read_zones(zones), anchor, read_ground(scale, homography))
        request.counter(frame_rate=1)  # raises UserError for an unknown anchor
        return request

    def __bool__(self) -> bool:
        """Whether there is anything to count or to measure."""
        return bool(self.lines or self.zones or self.ground is not None)

    def counter(self, frame_rate: float) -> Counter:
        """A counter of these lines and zones. frame_rate: frame numbers per second."""
        return Counter(self.lines, self.zones, self.anchor, frame_rate)

    def to_json(self) -> dict[str, Any]:
        """The request as it is written to summary.json."""
        return {
            "lines": {line.name: np.ravel(line.corners).tolist() for line in self.lines},
            "zones": {zone.name: np.ravel(zone.corners).tolist() for zone in self.zones},
            "anchor": self.anchor,
            "ground": None if self.ground is None else self.ground.tolist(),
        }
