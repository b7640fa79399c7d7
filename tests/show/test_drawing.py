"""Drawing of tracks: colours by id, labels inside the image, fading trails."""

import numpy as np
import pytest
from numpy.typing import NDArray

from idfree.core.types import Image, Tracks
from idfree.show.colours import EQUAL_CONTRAST_LUMINANCE, LUMINANCE_BGR, contrasting_grey, palette
from idfree.show.drawing import Drawing, DrawingSettings
from idfree.show.text import render_label

NO_LABELS = DrawingSettings(labels=False, trail=0)


def grey(height: int = 480, width: int = 640) -> Image:
    return np.full((height, width, 3), 90, dtype=np.uint8)


def tracks(*xyxy: tuple[float, float, float, float], ids: list[int] | None = None, kind: int = 0) -> Tracks:
    n = len(xyxy)
    boxes = np.array(xyxy, dtype=np.float64).reshape(n, 4)
    return Tracks(boxes, np.array(ids or range(1, n + 1), dtype=np.int64), np.ones(n), np.full(n, kind, dtype=np.int64))


def changed(a: Image, b: Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what differs."""
    y, x = np.nonzero((a != b).any(axis=2))
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1


def test_the_image_given_is_not_edited_and_the_result_is_new() -> None:
    image = grey()
    drawn = Drawing().draw(image, tracks((100, 100, 160, 250)), 7, "street")
    assert (image == 90).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert (drawn != image).any()


def test_without_tracks_the_image_is_unchanged() -> None:
    assert np.array_equal(Drawing().draw(grey(), tracks()), grey())


def test_colours_are_fixed_per_id() -> None:
    first, second = Drawing(), Drawing()
    first.draw(grey(), tracks((10, 10, 50, 90), ids=[5]))
    assert [first.colour(n) for n in range(1, 50)] == [second.colour(n) for n in range(1, 50)]
    assert palette([7])[0] == palette([3, 7])[1]


def test_ids_near_each_other_look_different() -> None:
    """In CIE Lab (not the space they are made in): ΔE 2.3 is just noticeable (Mahy 1994), 10 is at a glance."""
    cv2 = pytest.importorskip("cv2")
    colours = np.array(palette(np.arange(1, 401)), dtype=np.float32)[None] / 255
    lab = cv2.cvtColor(colours, cv2.COLOR_BGR2LAB)[0]
    distance = np.linalg.norm(lab[:, None] - lab, axis=-1)
    assert np.diag(distance, 1).min() > 50
    assert min(np.diag(distance, apart).min() for apart in range(1, 40)) > 14


def test_text_has_contrast_on_every_colour() -> None:
    """WCAG 2.1 asks for a contrast of 4.5; the better of black and white never has less."""
    for colour in palette(np.arange(1, 301)):
        srgb = np.array(colour) / 255
        luminance = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4) @ LUMINANCE_BGR
        lighter, darker = sorted([luminance, contrasting_grey(colour) / 255], reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5
    assert contrasting_grey((255, 255, 255)) == 0
    assert contrasting_grey((0, 0, 0)) == 255
    assert abs(EQUAL_CONTRAST_LUMINANCE - ((1.05 * 0.05) ** 0.5 - 0.05)) < 1e-3


def test_a_box_lies_on_its_edges() -> None:
    drawing = Drawing(NO_LABELS)
    drawn = drawing.draw(grey(), tracks((100, 120, 200, 300)))
    for y, x in ((120, 150), (299, 150), (200, 100), (200, 199)):
        assert tuple(drawn[y, x]) == drawing.colour(1)
    assert (drawn[200, 150] == 90).all()
    left, top, right, bottom = changed(drawn, grey())
    assert abs(np.array([left, top, right, bottom]) - [100, 120, 200, 300]).max() <= 2


def test_lines_and_text_scale_with_the_image() -> None:
    small, large = (Drawing().sizes(grey(*size)) for size in ((480, 640), (1080, 1920)))
    assert small[0] < large[0]
    assert small[1] < large[1]
    assert small[1] >= DrawingSettings().smallest_text
    assert render_label("12", large[1], (0, 0, 0)).shape[0] > render_label("12", small[1], (0, 0, 0)).shape[0]


def test_lines_of_long_images_are_seen_and_their_texts_are_low() -> None:
    line, text = Drawing().sizes(grey(200, 1920))
    assert line == 2
    assert text == DrawingSettings().smallest_text
    assert Drawing().sizes(grey(1920, 200)) == (line, text)
    assert Drawing().sizes(grey(400, 3840))[1] > Drawing().sizes(grey(400, 640))[1]
    assert Drawing().sizes(grey(1080, 1920)) == Drawing().sizes(grey(1080, 1440))  # as the shorter side is the same


@pytest.mark.parametrize(
    "box", [(-30, -20, 20, 60), (620, -5, 660, 80), (600, 470, 700, 520), (-20, 300, 5, 380), (0, 0, 640, 480)]
)
def test_labels_stay_inside_the_image(box: tuple[float, float, float, float]) -> None:
    drawing = Drawing(DrawingSettings(trail=0), {0: "person", 1: "car"})
    drawn = drawing.draw(grey(), tracks(box, ids=[123]))
    plate = render_label("123 person", drawing.sizes(drawn)[1], drawing.colour(123))
    height, width = plate.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(drawn[..., 0], (height, width))
    found = np.argwhere((windows[:, :, height // 2] == plate[height // 2, :, 0]).all(axis=2))
    assert any(np.array_equal(drawn[y : y + height, x : x + width], plate) for y, x in found)


def test_a_label_stands_above_its_box_or_below_the_top_edge() -> None:
    drawing = Drawing(DrawingSettings(trail=0))
    line, text = drawing.sizes(grey())
    high = render_label("1", text, drawing.colour(1)).shape[0]
    _, top, _, _ = changed(drawing.draw(grey(), tracks((100, 100, 200, 300))), grey())
    assert top == 100 - line // 2 - high
    at_the_top = drawing.draw(grey(), tracks((100, 5, 200, 300)))
    assert changed(at_the_top, grey())[1] == 5 - line // 2
    assert tuple(at_the_top[5 + high // 2, 101]) == drawing.colour(1)


def test_class_names_are_shown_if_there_is_more_than_one() -> None:
    assert Drawing().name(3, 2) == "3"
    assert Drawing(class_names={2: "car"}).name(3, 2) == "3"
    several = Drawing(class_names={1: "person", 2: "car"})
    assert several.name(3, 2) == "3 car"
    assert several.name(3, 9) == "3 9"
    assert render_label("3 voitures à côté", 10, (0, 0, 0)).shape[1] > render_label("3", 10, (0, 0, 0)).shape[1]


def test_the_frame_number_and_caption_are_in_the_upper_left_corner() -> None:
    drawn = Drawing().draw(grey(), tracks(), 12, "fairmot")
    assert (drawn[0, 0] < 90).all()
    left, top, right, bottom = changed(drawn, grey())
    assert (left, top) == (0, 0)
    assert right < 320
    assert bottom < 40
    longer = Drawing().draw(grey(), tracks(), 12, "fairmot, with a long caption " * 9)
    assert changed(longer, grey())[2] == 640


def test_the_order_of_tracks_does_not_matter() -> None:
    boxes = [(100, 100, 160, 250), (120, 110, 190, 280), (90, 130, 150, 240)]
    a = Drawing().draw(grey(), tracks(*boxes))
    b = Drawing().draw(grey(), tracks(*boxes[::-1], ids=[3, 2, 1]))
    assert np.array_equal(a, b)


def test_tracks_outside_the_image_are_not_drawn() -> None:
    outside = tracks((700, 100, 760, 250), (-90, 100, -20, 250), (1e12, 1e12, 2e12, 2e12))
    assert np.array_equal(Drawing().draw(grey(), outside), grey())


def test_a_trail_follows_the_feet_and_fades() -> None:
    drawing = Drawing(DrawingSettings(labels=False, trail=10))
    for step in range(9):
        drawn = drawing.draw(grey(), tracks((100 + 40 * step, 100, 120 + 40 * step, 300)))
    background, colour = np.full(3, 90), np.array(drawing.colour(1))
    along = drawn[300, 130:400:40].astype(float)
    nearness = (along - background) @ (colour - background) / ((colour - background) ** 2).sum()
    assert (np.diff(nearness) >= 0).all()
    assert 0 < nearness[0] < 0.5 < nearness[-2]
    assert (drawn[200, 110] == 90).all()


def test_trails_can_follow_centres_or_be_left_out() -> None:
    def moved(settings: DrawingSettings) -> Image:
        drawing = Drawing(settings)
        drawing.draw(grey(), tracks((100, 100, 140, 300)))
        return drawing.draw(grey(), tracks((300, 100, 340, 300)))

    assert (moved(DrawingSettings(trail_at="centre"))[200, 220] != 90).any()
    assert (moved(DrawingSettings())[200, 220] == 90).all()
    assert np.array_equal(moved(DrawingSettings(trail=0))[:, :290], grey()[:, :290])


def test_a_trail_is_dashed_across_frames_without_a_box() -> None:
    def trail(hidden: range) -> NDArray[np.bool_]:
        """Where the path of the feet is coloured, (80,)."""
        drawing = Drawing(DrawingSettings(labels=False))
        for step in range(13):
            box = (100 + 10 * step, 100, 120 + 10 * step, 300)
            drawn = drawing.draw(grey(), tracks() if step in hidden else tracks(box))
        return (drawn[300, 120:200] != 90).any(axis=-1)

    assert trail(range(0)).all()
    assert 0.3 < trail(range(1, 10)).mean() < 0.7


def test_a_trail_ends_with_its_track_and_memory_is_bounded() -> None:
    drawing = Drawing(DrawingSettings(trail=5, labels=False))
    for frame in range(60):
        shown = tracks((10 + frame, 10, 60 + frame, 200), ids=[frame // 2 + 1])  # a new identity every other frame
        drawing.draw(grey(), shown)
        assert len(drawing.trails.ids) <= 6
    assert np.array_equal(drawing.draw(grey(), tracks()), grey())
    again = drawing.draw(grey(), tracks((300, 10, 350, 200), ids=[30]))
    assert changed(again, grey())[0] < 130  # the same identity two frames later: its trail goes on


def test_reset_begins_another_sequence() -> None:
    drawing, fresh = Drawing(), Drawing()
    drawing.draw(grey(), tracks((10, 10, 60, 200)))
    drawing.reset()
    there = tracks((300, 10, 360, 200))
    assert np.array_equal(drawing.draw(grey(), there), fresh.draw(grey(), there))


def test_boxes_that_were_filled_in_are_dashed() -> None:
    image, box = np.zeros((200, 300, 3), dtype=np.uint8), np.array([[50.0, 60, 150, 160]])
    drawn = []
    for score in (0.9, 0.0):
        tracks = Tracks(box, np.array([1]), np.array([score]), np.array([0]))
        edge = Drawing(DrawingSettings(labels=False, trail=0)).draw(image, tracks)[160 - 1, 52:148]
        drawn.append((edge.any(axis=1)).mean())
    assert drawn[0] == 1
    assert 0.3 < drawn[1] < 0.8


def test_points_are_marked_where_they_are() -> None:
    canvas = Drawing(NO_LABELS).draw(grey(), tracks(), points=np.array([[300.0, 200, 0.7]]))
    left, top, right, bottom = changed(canvas, grey())
    assert (abs(left + right - 601) <= 1, abs(top + bottom - 401) <= 1) == (True, True)
    assert canvas[200, 300].tolist() == [255, 255, 255]
