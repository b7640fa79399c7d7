"""The camera's motion is found in pictures, read from files, and moves the filters as it moves the boxes' corners."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Detections, Floats, Frame
from idfree.trackers import camera_motion
from idfree.trackers.camera_motion import (
    CameraMotion,
    CameraMotionSettings,
    StoredMotion,
    read_motion,
    warp,
    write_motion,
)
from idfree.trackers.kalman import POSITION, PP, PV, VELOCITY, VV
from idfree.trackers.motion import AreaMotion, HeightMotion, SizeMotion

cv2 = pytest.importorskip("cv2")
HEIGHT, WIDTH = 361, 502  # no multiple of what it is shrunk by
STILL = np.eye(2, 3)


def texture(seed: int = 0) -> np.ndarray:
    """(H, W, 3) blots of many sizes."""
    rng = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)), None, s) * s for s in (2.0, 5.0, 12.0)]
    grey = np.sum(layers, axis=0)
    grey = 255 * (grey - grey.min()) / np.ptp(grey)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def moved(image: np.ndarray, affine: Floats) -> np.ndarray:
    """The picture as the camera sees it after the motion; OpenCV's coordinates are those of pixel centres."""
    centred = affine.copy()
    centred[:, 2] += affine[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(image, centred, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def similarity(degrees: float, scale: float, shift: tuple[float, float]) -> Floats:
    """About the middle of the picture."""
    angle, middle = np.radians(degrees), np.array([WIDTH / 2, HEIGHT / 2])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, middle - turn @ middle + shift])


def error(found: Floats, truth: Floats) -> float:
    """Px at the worst corner of the picture."""
    corners = np.array([[0, 0, 1], [WIDTH, 0, 1], [0, HEIGHT, 1], [WIDTH, HEIGHT, 1]])
    return float(np.abs(corners @ (found - truth).T).max())


SHIFTS = [similarity(0, 1, (3.3, -1.7)), similarity(0, 1, (-21.0, 12.5)), similarity(1, 1, (2.0, 5.5))]


@pytest.mark.parametrize("truth", [*SHIFTS, similarity(-2, 1.04, (6, -3)), similarity(0, 0.95, (0, 0))])
@pytest.mark.parametrize("downscale", [1, 2, 3])
def test_flow_finds_the_motion(truth, downscale):
    motion = CameraMotion(CameraMotionSettings(downscale=downscale))
    image = texture()
    np.testing.assert_array_equal(motion.estimate(image), STILL)  # the first picture has nothing to be compared with
    assert error(motion.estimate(moved(image, truth)), truth) < 0.3


@pytest.mark.parametrize("truth", SHIFTS)
def test_ecc_finds_the_motion(truth):
    motion = CameraMotion(CameraMotionSettings(method="ecc"))
    motion.estimate(texture())
    assert error(motion.estimate(moved(texture(), truth)), truth) < 0.5


@pytest.mark.parametrize("method", ["flow", "ecc"])
def test_what_moves_by_itself_does_not_count(method):
    """Most of the picture goes to the left; the camera goes up."""
    crowd = np.array([[60.0, 20, 460, 340]])
    image, truth = texture(), similarity(0, 1, (0, 4))
    left, top, right, bottom = crowd[0].astype(int)
    later = moved(image, truth)
    later[top:bottom, left:right] = moved(texture(1), similarity(0, 1, (-7, 0)))[top:bottom, left:right]
    image[top:bottom, left:right] = texture(1)[top:bottom, left:right]

    def estimate(boxes: Floats | None) -> Floats:
        motion = CameraMotion(CameraMotionSettings(method=method))
        motion.estimate(image, boxes)
        return motion.estimate(later, boxes)

    assert error(estimate(crowd), truth) < 0.5
    assert error(estimate(None), truth) > 3


def test_boxes_may_reach_outside_the_picture():
    motion = CameraMotion()
    outside = Detections([[-50, -20, 30, 60], [-90, -90, -10, -10], [480, 300, 700, 900], [900, 900, 950, 990]])
    motion(Frame(1, texture()), outside)
    assert error(motion(Frame(2, moved(texture(), SHIFTS[0])), outside), SHIFTS[0]) < 0.3


@pytest.mark.parametrize("method", ["flow", "ecc"])
def test_where_nothing_is_found_the_camera_stands_still(method):
    motion = CameraMotion(CameraMotionSettings(method=method))
    grey = np.full((HEIGHT, WIDTH, 3), 127, dtype=np.uint8)
    everything = np.array([[0.0, 0, WIDTH, HEIGHT]])
    for image, boxes in ((grey, None), (grey, None), (texture(), everything), (texture(), everything)):
        np.testing.assert_array_equal(motion.estimate(image, boxes), STILL)


def test_a_cut_or_a_picture_of_another_size_is_no_motion():
    motion = CameraMotion()
    motion.estimate(texture(0))
    np.testing.assert_array_equal(motion.estimate(texture(1)), STILL)
    np.testing.assert_array_equal(motion.estimate(texture(1)[:300]), STILL)


@pytest.mark.parametrize("method", ["flow", "ecc"])
def test_results_repeat(method):
    motion = CameraMotion(CameraMotionSettings(method=method))
    film = [moved(texture(), similarity(n / 4, 1, (n, -2 * n))) for n in range(4)]
    first = [motion.estimate(image) for image in film]
    cv2.setRNGSeed(7)  # what others do with it does not matter
    motion.reset()
    np.testing.assert_array_equal([motion.estimate(image) for image in film], first)


def test_a_frame_without_its_picture_is_refused():
    with pytest.raises(UserError, match="frame 3 has no picture"):
        CameraMotion()(Frame(3))


def test_a_senseless_downscale_is_refused():
    with pytest.raises(UserError, match="downscale is 0"):
        CameraMotion(CameraMotionSettings(downscale=0))


def test_stored_maps_are_put_together_over_skipped_frames():
    maps = np.stack([STILL, *SHIFTS])
    stored = StoredMotion(maps)
    np.testing.assert_array_equal(stored(Frame(1)), STILL)
    np.testing.assert_allclose(stored(Frame(2)), maps[1])
    point = np.array([100.0, 50, 1])
    there = maps[3] @ np.append(maps[2] @ point, 1)
    np.testing.assert_allclose(stored(Frame(4)) @ point, there)
    stored.reset()
    np.testing.assert_array_equal(stored(Frame(3)), STILL)  # where one begins, there is nothing to come from
    with pytest.raises(UserError, match="stored for 4 frames, but there is a frame 5"):
        stored(Frame(5))


def test_a_picture_and_its_stored_motion_agree(tmp_path):
    """A run that reads what another has written does the same, to the last digit."""
    motion, film = CameraMotion(), [moved(texture(), similarity(0, 1, (n, n / 3))) for n in range(4)]
    frames = [Frame(n, image) for n, image in enumerate(film, 1)]
    maps = [motion(frame) for frame in frames]
    write_motion(tmp_path / "camera.txt", np.stack(maps))
    stored = StoredMotion(read_motion(tmp_path / "camera.txt"))
    np.testing.assert_array_equal([stored(frame) for frame in frames], maps)


def test_the_public_files_are_read(tmp_path):
    """Two lines as in GMC-MOT17-10.txt, with their tabs at the end."""
    path = tmp_path / "GMC.txt"
    path.write_text(
        "0\t1.000000\t0.000000\t0.000000\t0.000000\t1.000000\t0.000000\t\n"
        "1\t1.002077\t-0.001504\t-7.757202\t0.001504\t1.002077\t-3.126373\t\n"
    )
    expected = [STILL, [[1.002077, -0.001504, -7.757202], [0.001504, 1.002077, -3.126373]]]
    np.testing.assert_array_equal(read_motion(path), expected)
    (tmp_path / "empty.txt").write_text("")
    assert read_motion(tmp_path / "empty.txt").shape == (0, 2, 3)


@pytest.mark.parametrize(
    "line", ["1 1 0 0 0 1", "2 1 0 0 0 1 0", "1 1 0 x 0 1 0", "1 1 0 nan 0 1 0", "1 1 0 0 0 1 0 0"]
)
def test_other_files_are_refused_with_the_line(tmp_path, line):
    path = tmp_path / "GMC.txt"
    path.write_text(f"0 1 0 0 0 1 0\n{line}\n")
    with pytest.raises(UserError, match=r"GMC.txt:2: expected camera motion as `1 a11 a12 tx a21 a22 ty`, found"):
        read_motion(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read camera motion from .*nowhere.txt"):
        read_motion(tmp_path / "nowhere.txt")


BOXES = np.array([[10.0, 20, 50, 140], [300, 100, 420, 400]])


@pytest.mark.parametrize(
    ("motion", "powers"), [(SizeMotion(), (1, 1)), (HeightMotion(), (0, 1)), (AreaMotion(), (2, 0))], ids=str
)
def test_boxes_move_as_their_corners_do(motion, powers):
    """Under a shift and a change of scale; and what was expected of the next frame moves alike."""
    affine = np.array([[1.25, 0, -30], [0, 1.25, 12]])
    state = motion.begin(motion.measure(BOXES))
    state[:, VELOCITY, :2] = [[4, -2], [0, 7]]
    later = motion.boxes(state)
    later = (later.reshape(-1, 2, 2) @ affine[:, :2].T + affine[:, 2]).reshape(-1, 4)
    np.testing.assert_allclose(motion.boxes(warp(state, affine, powers)), later)
    twice = motion.predict(warp(state, affine, powers))[:, POSITION]
    np.testing.assert_allclose(twice, warp(motion.predict(state), affine, powers)[:, POSITION])


def test_variances_are_the_diagonal_of_the_full_covariance():
    motion, affine = SizeMotion(), similarity(20, 1.1, (5, 6))
    state = motion.predict(motion.begin(motion.measure(BOXES)))
    before = state.copy()
    warped = warp(state, affine)
    turn, scale = affine[:, :2], 1.1
    for row in (PP, PV, VV):
        full = turn @ np.diag(state[0, row, :2]) @ turn.T
        np.testing.assert_allclose(warped[0, row, :2], np.diag(full))
        np.testing.assert_allclose(warped[0, row, 2:], scale**2 * state[0, row, 2:])
    np.testing.assert_array_equal(state, before)
    np.testing.assert_allclose(warp(state, camera_motion.still()), state)
    assert warp(state[:0], affine).shape == (0, 5, 4)


def test_a_box_that_turns_with_the_camera_keeps_its_size():
    motion = SizeMotion()
    state = motion.begin(motion.measure(BOXES))
    turned = motion.boxes(warp(state, similarity(15, 1, (0, 0))))
    np.testing.assert_allclose(turned[:, 2:] - turned[:, :2], BOXES[:, 2:] - BOXES[:, :2])
