"""Places of the labels of boxes, so that they cover each other as little as possible and do not jump."""

from collections.abc import Iterable, Sequence

Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels
Size = tuple[int, int]  # height, width

TOLERANCE, KEPT = 0.1, 0.3  # share of a label that others may cover, in a new place and in that of the last frame
HIGH = 4  # label heights: boxes as high as that are not hidden by a label within them
ABOVE, ABOVE_RIGHT, INSIDE, BELOW, BELOW_RIGHT = range(5)


class LabelPlaces:
    """Places the labels of the frames of one sequence, in order."""

    def __init__(self) -> None:
        self.chosen: dict[int, int] = {}  # ABOVE … by id, in the last frame

    def place(
        self, ids: Sequence[int], boxes: Sequence[Box], sizes_hw: Sequence[Size], image_hw: Size
    ) -> list[tuple[int, int]]:
        """Left upper corners (x, y) of labels of these sizes inside the image, one for each box; those that come first
        have the first choice.

        A label stays where it was in the last frame, relative to its box, while earlier labels leave that free (but for
        KEPT), and the first of `preferences` is not wholly free. Else it has the first place that is free but for
        TOLERANCE; without any, the one that is covered least.
        """
        chosen: dict[int, int] = {}
        taken: list[Box] = []
        for id, box, size_hw in zip(ids, boxes, sizes_hw, strict=True):
            chosen[id] = choose(box, size_hw, image_hw, taken, self.chosen.get(id))
            taken.append(rectangle(chosen[id], box, size_hw, image_hw))
        self.chosen = chosen
        return [(x, y) for x, y, _, _ in taken]


def choose(box: Box, size_hw: Size, image_hw: Size, taken: Sequence[Box], last: int | None) -> int:
    """The place of a label among those that are taken. last: its place in the last frame."""
    area, places = size_hw[0] * size_hw[1], preferences(box, size_hw)

    def cover(place: int) -> float:
        """The share of the label that others would cover."""
        return covered_area(rectangle(place, box, size_hw, image_hw), taken) / area

    if cover(places[0]) == 0:
        return places[0]
    if last in places and last is not None and cover(last) <= KEPT:
        return last
    covered = {place: cover(place) for place in places}
    free = (place for place in places if covered[place] <= TOLERANCE)
    return next(free, min(places, key=lambda place: covered[place]))


def preferences(box: Box, size_hw: Size) -> tuple[int, ...]:
    """The places of a label, best first: at the top of the image inside its box; small boxes stay visible."""
    if box[1] < size_hw[0]:
        return (INSIDE, BELOW, BELOW_RIGHT)
    if box[3] - box[1] < HIGH * size_hw[0]:
        return (ABOVE, ABOVE_RIGHT, BELOW, BELOW_RIGHT, INSIDE)
    return (ABOVE, ABOVE_RIGHT, INSIDE, BELOW, BELOW_RIGHT)


def rectangle(place: int, box: Box, size_hw: Size, image_hw: Size) -> Box:
    """A label in a place beside its box, moved into the image."""
    (x1, y1, x2, y2), (height, width) = box, size_hw
    x = x2 - width if place in (ABOVE_RIGHT, BELOW_RIGHT) else x1
    y = {ABOVE: y1 - height, ABOVE_RIGHT: y1 - height, INSIDE: y1}.get(place, y2)
    x, y = (max(0, min(*limits)) for limits in ((x, image_hw[1] - width), (y, image_hw[0] - height)))
    return x, y, x + width, y + height


def covered_area(box: Box, others: Iterable[Box]) -> int:
    """Pixels of a box that others cover; twice where two of them do."""
    x1, y1, x2, y2 = box
    overlaps = ((min(x2, c) - max(x1, a), min(y2, d) - max(y1, b)) for a, b, c, d in others)
    return sum(width * height for width, height in overlaps if width > 0 and height > 0)
