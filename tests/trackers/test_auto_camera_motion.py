"""Camera motion for every video: exact where it is there, exactly none where the camera stands still or in doubt."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Detections, Floats, Frame
from idfree.trackers.auto_camera_motion import AutoCameraMotion, AutoCameraMotionSettings, shrink

cv2 = pytest.importorskip("cv2")
HEIGHT, WIDTH = 361, 1003  # halved twice, with odd rows and columns
NO_MOTION = np.eye(2, 3)


def texture(seed: int = 0) -> np.ndarray:
    """Random image (H, W, 3) with structure of several sizes."""
    rng = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)), None, s) * s for s in (3.0, 8.0, 20.0)]
    grey = cv2.normalize(np.sum(layers, axis=0), None, 0, 255, cv2.NORM_MINMAX)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def moved(image: np.ndarray, affine: Floats) -> np.ndarray:
    """The image after the camera's motion; OpenCV's coordinates are those of pixel centres."""
    centred = affine.copy()
    centred[:, 2] += affine[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(image, centred, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def similarity(degrees: float, scale: float, shift: tuple[float, float]) -> Floats:
    """Similarity transform about the centre of the image."""
    angle, centre = np.radians(degrees), np.array([WIDTH / 2, HEIGHT / 2])
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, centre - linear @ centre + shift])


def error(estimate: Floats, truth: Floats) -> float:
    """Greatest error in px of the image's corners."""
    corners = np.array([[0, 0, 1], [WIDTH, 0, 1], [0, HEIGHT, 1], [WIDTH, HEIGHT, 1]])
    return float(np.abs(corners @ (estimate - truth).T).max())


def with_noise(image: np.ndarray, seed: int) -> np.ndarray:
    """The image with a sensor's noise of 3 grey levels."""
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "truth",
    [
        similarity(0, 1, (3.3, -1.7)),
        similarity(0, 1, (-90.0, 12.5)),  # every fifth frame of a fast pan
        similarity(1.5, 1, (2.0, 5.5)),
        similarity(0, 1.04, (0, 0)),
        similarity(-2, 0.95, (6, -3)),
    ],
)
def test_the_motion_is_found(truth):
    motion, image = AutoCameraMotion(), texture()
    np.testing.assert_array_equal(motion.estimate(image), NO_MOTION)  # the first image
    assert error(motion.estimate(with_noise(moved(image, truth), 1)), truth) < 0.6
    assert motion.doubtful == 0


def test_a_camera_that_stands_still_gives_exactly_none():
    """With noise, and people who cover a third of the picture and walk; half of them are not detected."""
    motion, image, people = AutoCameraMotion(), texture(), texture(1)
    for n in range(80):
        picture, boxes = with_noise(image, n), []
        for k, start in enumerate(range(0, WIDTH, 120)):
            left = (start + 4 * n) % (WIDTH - 50)
            picture[40:320, left : left + 50] = people[40:320, start % 900 : start % 900 + 50]
            boxes += [[left, 40, left + 50, 320]] * (k % 2)
        np.testing.assert_array_equal(motion.estimate(picture, np.array(boxes, dtype=float)), NO_MOTION)
    assert motion.doubtful == 0


def test_slow_drift_is_not_lost():
    """A tenth of a pixel a frame: no frame moves measurably, 60 of them do."""
    motion, image, position = AutoCameraMotion(), texture(), np.eye(3)
    steps = []
    for n in range(61):
        step = motion.estimate(moved(image, similarity(0, 1, (0.1 * n, 0))))
        position = np.vstack([step, [0, 0, 1]]) @ position
        steps.append(not np.array_equal(step, NO_MOTION))
    assert position[0, 2] == pytest.approx(6, abs=1)
    assert 1 <= sum(steps) <= 15


def test_a_scene_cut_gives_none_and_is_counted():
    motion = AutoCameraMotion()
    motion.estimate(texture(0))
    np.testing.assert_array_equal(motion.estimate(texture(1)), NO_MOTION)
    assert motion.doubtful == 1
    truth = similarity(0, 1, (5, 2))
    assert error(motion.estimate(moved(texture(1), truth)), truth) < 0.6  # and it goes on


def test_something_large_that_passes_by_is_not_the_camera():
    """A bus in more than half of the picture, undetected, while the rest stands still."""
    motion, street, bus = AutoCameraMotion(), texture(0), texture(1)
    for n in range(10):
        picture = street.copy()
        picture[:220] = moved(bus, similarity(0, 1, (12.0 * n, 0)))[:220]
        np.testing.assert_array_equal(motion.estimate(picture), NO_MOTION)


def test_objects_before_a_plain_wall_are_not_the_camera():
    """Corners in one part of the picture say nothing of the whole."""
    motion, thing = AutoCameraMotion(), texture(1)
    for n in range(5):
        picture = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
        picture[50:150, 100 + 9 * n : 250 + 9 * n] = thing[50:150, 100:250]
        np.testing.assert_array_equal(motion.estimate(picture), NO_MOTION)
    assert motion.doubtful == 4


def test_without_corners_there_is_none():
    motion = AutoCameraMotion()
    everything = np.array([[0.0, 0, WIDTH, HEIGHT]])
    grey = np.full((HEIGHT, WIDTH, 3), 127, dtype=np.uint8)
    for image, boxes in ((grey, None), (grey, None), (texture(), everything), (texture(), everything)):
        np.testing.assert_array_equal(motion.estimate(image, boxes), NO_MOTION)


def test_detections_are_masked_out():
    """Most of the picture moves left; the camera moves up."""
    crowd, truth = np.array([[120.0, 30, 880, 330]]), similarity(0, 1, (0, 6))
    image, later = texture(), moved(texture(), truth)
    left, top, right, bottom = crowd[0].astype(int)
    later[top:bottom, left:right] = moved(texture(1), similarity(0, 1, (-9, 0)))[top:bottom, left:right]
    image[top:bottom, left:right] = texture(1)[top:bottom, left:right]
    motion = AutoCameraMotion()
    motion(Frame(1, image), Detections(crowd))
    assert error(motion(Frame(2, later), Detections(crowd)), truth) < 0.6


def test_another_size_starts_again():
    motion = AutoCameraMotion()
    motion.estimate(texture())
    np.testing.assert_array_equal(motion.estimate(texture()[:300]), NO_MOTION)
    assert motion.doubtful == 0


def test_reset_makes_it_as_new():
    motion = AutoCameraMotion()
    images = [moved(texture(), similarity(n / 4, 1, (n, -2 * n))) for n in range(4)]
    first = [motion.estimate(image) for image in images]
    cv2.setRNGSeed(7)  # no effect
    motion.reset()
    np.testing.assert_array_equal([motion.estimate(image) for image in images], first)


def test_a_frame_without_image_raises():
    with pytest.raises(UserError, match="frame 3 has no image"):
        AutoCameraMotion()(Frame(3))


@pytest.mark.parametrize(("size", "small", "factor"), [((1080, 1920), (270, 480), 4), ((37, 481), (18, 240), 2)])
def test_pictures_are_halved(size, small, factor):
    grey, downscale = shrink(np.zeros((*size, 3), np.uint8), AutoCameraMotionSettings().width)
    assert (grey.shape, downscale) == (small, factor)
