"""Lines and zones drawn in the picture, with what is counted so far."""

from idfree.core.types import Tracks
from idfree.counting.counter import Counter
from idfree.counting.request import CountRequest
from idfree.show.count_plot import shape_colours
from idfree.show.outlines import Outline


class LiveCount:
    """Counts tracks as they come; `outlines` is the state in the picture. frame_rate: of frame numbers, per second."""

    def __init__(self, request: CountRequest, frame_rate: float):
        self.counter = request.counter(frame_rate)

    def add(self, frame: int, tracks: Tracks) -> list[Outline]:
        """Count the tracks of the next frame; what to draw in it."""
        self.counter.add(frame, tracks)
        return outlines(self.counter)


def outlines(counter: Counter) -> list[Outline]:
    """The lines and zones of a counter, with the crossings so far and the people now."""
    colours = shape_colours(len(counter.lines) + len(counter.zones))
    lines = [
        Outline(line.corners, False, colour, f"{line.name}: {describe(line.directions, total.tolist())}")
        for line, colour, total in zip(counter.lines, colours[: len(counter.lines)], counter.totals, strict=True)
    ]
    zones = [
        Outline(zone.corners, True, colour, f"{zone.name}: {count}")
        for zone, colour, count in zip(counter.zones, colours[len(counter.lines) :], counter.present(), strict=True)
    ]
    return [*lines, *zones]


def describe(directions: tuple[str, str], totals: list[int]) -> str:
    """Counts of both directions as text."""
    return ", ".join(f"{count} {word}" for word, count in zip(directions, totals, strict=True))
