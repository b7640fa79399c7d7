"""Plots of tracks: trajectories and density over an image, and a timeline of identities."""

from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from idfree.core.boxes import bottom_centres
from idfree.core.smooth_path import smooth_path
from idfree.core.types import Annotation, Floats, Image, Integers
from idfree.core.wording import counted
from idfree.show.axes import INK, PALE, Axes
from idfree.show.colours import contrasting_grey, palette
from idfree.show.figure import Figure

Plot = Literal["trails", "heat", "timeline"]
PLOTS = get_args(Plot)

WIDTH = 1400  # px, of the plots
MAX_LABELS = 60  # ids beside trails: those of the longest tracks
GAP = 0.5  # seconds without a box, from which on a trail is dashed
SMOOTHING_SECONDS = 0.5  # window in which trails are smoothed
LEGEND = 32  # px, height of the legend
LEGEND_ID = 4  # whose colour it has
TRAIL, EDGE = 4, 1.25  # px, width of a trail, and of the dark edges that set it off
FADED = 0.45  # share of white in the image below trails, on which dark and bright colours are visible
DIMMED = 0.45  # brightness of the image below a density
SPREAD = 0.02  # standard deviation of the Gaussian of each person, in widths of the image
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
LANES = 900  # px, height of all lanes, if the height of each is within:
LANE = (3.0, 16.0)  # px, minimum and maximum height of a lane of the timeline
MIN_LABELLED_LANE = 9.0  # px: lanes of this height have the id beside them


def draw_trails(tracks: Annotation, image: Image, frame_rate: float) -> Figure:
    """Plot the trajectories of bottom centres over a pale image, from a ring to a dot; dashed across gaps."""
    picture, scale = resize_to_width(image)
    figure = Figure(picture.shape[1], picture.shape[0] + LEGEND)
    figure.image(0, 0, fade(picture))
    parts = split_tracks(tracks)
    paths = [smooth_pieces(tracks[part], scale, frame_rate) for part in parts]
    colours = palette([tracks.id[part[0]] for part in parts])
    for pieces, colour in zip(paths, colours, strict=True):
        for piece in pieces:
            if len(piece) > 1:
                figure.line(piece, BLACK, TRAIL + 2 * EDGE, 0.7)
                figure.line(piece, colour, TRAIL)
        for before, after in pairwise(pieces):
            figure.line([before[-1], after[0]], colour, 0.5 * TRAIL, dash=6)
        figure.dot(pieces[0][0], 3.5, WHITE, colour)
        figure.dot(pieces[-1][-1], 5, colour, BLACK)
    longest = np.argsort([-len(part) for part in parts], kind="stable")[:MAX_LABELS]
    for k in longest.tolist():
        x, y = np.minimum(paths[k][-1][-1] + [9, 6], [figure.width - 32, picture.shape[0] - 6]).tolist()
        halo = WHITE if contrasting_grey(colours[k]) else BLACK
        figure.text(x, y, str(tracks.id[parts[k][0]]), 16, colours[k], halo=halo)
    draw_legend(figure, picture.shape[0] + LEGEND / 2)
    return figure


def draw_legend(figure: Figure, y: float) -> None:
    """Draw the legend of `draw_trails` in a row at height y."""
    (colour,) = palette([LEGEND_ID])
    figure.dot((22, y), 3.5, WHITE, colour)
    figure.text(34, y + 5, "start", 13, INK)
    figure.dot((92, y), 5, colour, BLACK)
    figure.text(104, y + 5, "end, with the id", 13, INK)
    figure.line([[226, y], [262, y]], colour, 0.5 * TRAIL, dash=6)
    figure.text(272, y + 5, f"not seen for more than {GAP:g} s", 13, INK)


def draw_heat(tracks: Annotation, image: Image, frame_rate: float) -> Figure:
    """Plot the density of bottom centres, in person-seconds per 1 % of the image, with a colour scale."""
    import cv2

    picture, scale = resize_to_width(image)
    height, width = picture.shape[:2]
    x, y = np.rint(bottom_centres(tracks.xyxy) * scale).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    seconds = np.zeros((height, width), dtype=np.float32)
    np.add.at(seconds, (y[inside], x[inside]), 1 / frame_rate)
    density = cv2.GaussianBlur(seconds, (0, 0), SPREAD * width) * (width * height / 100)  # in 1 % of the picture
    top = max(float(density.max()), 1e-9)
    strength = np.sqrt(density / top)  # so that low densities are visible, too
    colours = cv2.applyColorMap(np.rint(255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)
    opacity = np.minimum(1, 2.5 * strength)[..., None] * 0.85
    heat = np.rint(opacity * colours + (1 - opacity) * dim(picture)).astype(np.uint8)
    figure = Figure(width, height + 56)
    figure.image(0, 0, heat)
    scale_width = min(360, width // 3)
    ramp = np.sqrt(np.linspace(0, 1, scale_width))[None].repeat(14, axis=0)
    figure.image(
        16, height + 14, np.asarray(cv2.applyColorMap(np.rint(255 * ramp).astype(np.uint8), cv2.COLORMAP_INFERNO))
    )
    figure.text(16, height + 46, "0", 12, INK)
    figure.text(16 + scale_width, height + 46, f"{top:.3g}", 12, INK, "end")
    figure.text(32 + scale_width, height + 26, "person-seconds in 1 % of the picture", 13, INK)
    return figure


def draw_timeline(tracks: Annotation, frame_rate: float) -> Figure:
    """Plot a lane for each identity, in order of appearance, pale where filled in, below the number of people."""
    parts = split_tracks(tracks)
    parts.sort(key=lambda part: (int(tracks.frame[part[0]]), int(tracks.id[part[0]])))
    lane = float(np.clip(LANES / max(len(parts), 1), *LANE))
    lanes = lane * max(len(parts), 1)
    figure = Figure(WIDTH, round(lanes) + 270)
    end = max(float(tracks.frame.max(initial=1)) / frame_rate, 1e-9)
    frames = np.arange(1, int(tracks.frame.max(initial=1)) + 1)
    people = np.searchsorted(tracks.frame, frames, side="right") - np.searchsorted(tracks.frame, frames)
    above = Axes(figure, 70, 40, WIDTH - 100, 100, end, max(1.0, 1.1 * float(people.max(initial=0))))
    above.frame(f"people in the picture ({counted(len(parts), 'track')})", counts=True)
    changes = np.flatnonzero(np.diff(people, prepend=-1))
    above.steps((frames[changes] - 1) / frame_rate, people[changes], INK, fills=True)
    below = Axes(figure, 70, 210, WIDTH - 100, lanes, end, max(len(parts), 1))
    below.frame("identities", "seconds", shows_y=False)
    colours = palette([tracks.id[part[0]] for part in parts])
    for row, (part, colour) in enumerate(zip(parts, colours, strict=True)):
        draw_lane(figure, below, tracks, part, row * lane, lane, frame_rate, colour)
    return figure


def draw_lane(
    figure: Figure,
    axes: Axes,
    tracks: Annotation,
    part: Integers,
    offset: float,
    lane: float,
    frame_rate: float,
    colour: tuple[int, int, int],
) -> None:
    """Draw the lane of one track: a bar for each run of frames, pale where its boxes were filled in.

    part: rows of the track. offset: of the lane from the top of the axes, px. lane: its height, px.
    """
    top, height = axes.top + offset, max(2.0, lane - max(1.0, 0.25 * lane))
    is_filled = tracks.score[part] == 0
    frame = tracks.frame[part]
    step = int(np.diff(frame).min()) if len(frame) > 1 else 1
    starts = np.flatnonzero((np.diff(frame, prepend=frame[0] - 2 * step) > step) | np.diff(is_filled, prepend=False))
    begins = np.unique(np.concatenate([[0], starts]))
    ends = np.append(begins[1:], len(frame))
    (left, _), (right, _) = axes.to_pixels((frame[[0, -1]] - 0.5) / frame_rate, [0, 0]).tolist()
    figure.line([[left, top + height / 2], [right, top + height / 2]], PALE, 1)
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        times = np.array([frame[begin] - 1, frame[end - 1] - 1 + step]) / frame_rate
        (x1, _), (x2, _) = axes.to_pixels(np.minimum(times, axes.x_max), [0, 0]).tolist()
        figure.bar(x1, top, max(1.0, x2 - x1), height, colour, 0.35 if is_filled[begin] else 1)
    if lane >= MIN_LABELLED_LANE:
        figure.text(axes.left - 8, top + height - 1, str(tracks.id[part[0]]), min(12, lane), INK, "end")


def split_tracks(tracks: Annotation) -> list[Integers]:
    """Rows (K,) of each track, sorted by frame."""
    order = np.lexsort((tracks.frame, tracks.id))
    return np.split(order, np.flatnonzero(np.diff(tracks.id[order])) + 1) if len(order) else []


def smooth_pieces(track: Annotation, scale: float, frame_rate: float) -> list[Floats]:
    """The smoothed path of bottom centres, times `scale`, in pieces (K, 2) between gaps of more than GAP."""
    breaks = np.flatnonzero(np.diff(track.frame) > max(1, GAP * frame_rate)) + 1
    pieces = np.split(bottom_centres(track.xyxy) * scale, breaks)
    return [smooth_path(piece, SMOOTHING_SECONDS * frame_rate) for piece in pieces]


def resize_to_width(image: Image) -> tuple[Image, float]:
    """The image scaled to WIDTH, and the scale."""
    import cv2

    scale = WIDTH / image.shape[1]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (WIDTH, max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8), scale


def fade(image: Image) -> Image:
    """A pale version of an image, whose colours are half grey."""
    import cv2

    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    half = cv2.addWeighted(grey, 0.5, image, 0.5, 0)
    return np.asarray(cv2.addWeighted(half, 1 - FADED, np.full_like(half, 255), FADED, 0))


def dim(image: Image) -> Image:
    """A dark, almost grey version of an image, against which colours are visible."""
    import cv2

    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.addWeighted(grey, 0.8 * DIMMED, image, 0.2 * DIMMED, 0))
