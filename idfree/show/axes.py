"""Axes of a figure: grid, ticks at round numbers, and step curves in units of the data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from idfree.core.types import Floats
from idfree.show.colours import Colour
from idfree.show.figure import Figure

INK, PALE = (64, 60, 56), (228, 226, 224)  # b, g, r of text, and of the grid
TICK_TEXT = 12


@dataclass
class Axes:
    """Axes in a rectangle of a figure (left, top, width, height in px): x from 0 to x_max, y from 0 to y_max."""

    figure: Figure
    left: float
    top: float
    width: float
    height: float
    x_max: float
    y_max: float

    def to_pixels(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """Pixels (K, 2) in the figure of data x (K,), y (K,)."""
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        return np.stack(
            [self.left + x / self.x_max * self.width, self.top + self.height * (1 - y / self.y_max)], axis=-1
        )

    def frame(self, title: str, x_unit: str = "", shows_y: bool = True, counts: bool = False) -> None:
        """Draw title, grid and ticks. shows_y: ticks of y, too. counts: only at whole numbers of y."""
        figure, right, bottom = self.figure, self.left + self.width, self.top + self.height
        figure.text(self.left, self.top - 12, title, 15, INK)
        for value in ticks(self.x_max, self.width / 110):
            ((x, _),) = self.to_pixels([value], [0]).tolist()
            figure.line([[x, self.top], [x, bottom]], PALE)
            figure.text(x, bottom + 18, f"{value:g}", TICK_TEXT, INK, "middle")
        if x_unit:
            figure.text(right, bottom + 36, x_unit, TICK_TEXT, INK, "end")
        for value in ticks(self.y_max, self.height / 35, 1.0 if counts else 0.0) if shows_y else []:
            ((_, y),) = self.to_pixels([0], [value]).tolist()
            figure.line([[self.left, y], [right, y]], PALE)
            figure.text(self.left - 8, y + 4, f"{value:g}", TICK_TEXT, INK, "end")
        figure.line([[self.left, bottom], [right, bottom]], INK)

    def steps(self, x: ArrayLike, y: ArrayLike, colour: Colour, fills: bool = False, dash: float = 0) -> None:
        """Draw a step curve: each y (K,) from its x (K,) to the next one, the last to the right edge."""
        x, y = np.append(np.asarray(x, dtype=np.float64), self.x_max), np.asarray(y, dtype=np.float64)
        points = self.to_pixels(np.repeat(x, 2)[1:-1], np.repeat(y, 2))
        if fills and len(points):
            base = self.to_pixels([x[-1], x[0]], [0, 0])
            self.figure.area(np.concatenate([points, base]), colour, 0.15)
        self.figure.line(points, colour, 2, dash=dash)


def ticks(top: float, count: float, min_step: float = 0.0) -> list[float]:
    """About `count` round numbers from 0 to `top`, `min_step` or more apart: steps of 1, 2 or 5 × a power of ten."""
    rough = max(top / max(count, 1), min_step)
    power = 10.0 ** np.floor(np.log10(rough)) if rough > 0 else 1.0
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [float(value) for value in np.arange(0, top * 1.0001, step)]
