"""Camera motion: estimated from images, read from files, and applied to Kalman states and boxes."""

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
    warp_states,
    write_motion,
)
from idfree.trackers.kalman import POSITION, PP, PV, VELOCITY, VV
from idfree.trackers.motion import AreaMotion, HeightMotion, SizeMotion

cv2 = pytest.importorskip("cv2")
HEIGHT, WIDTH = 361, 502  # not multiples of the downscaling factors
NO_MOTION = np.eye(2, 3)


def texture(seed: int = 0) -> np.ndarray:
    """Random image (H, W, 3) with structure of several sizes."""
    rng = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)), None, s) * s for s in (2.0, 5.0, 12.0)]
    grey = np.sum(layers, axis=0)
    grey = 255 * (grey - grey.min()) / np.ptp(grey)
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


SHIFTS = [similarity(0, 1, (3.3, -1.7)), similarity(0, 1, (-21.0, 12.5)), similarity(1, 1, (2.0, 5.5))]


@pytest.mark.parametrize("truth", [*SHIFTS, similarity(-2, 1.04, (6, -3)), similarity(0, 0.95, (0, 0))])
@pytest.mark.parametrize("downscale", [1, 2, 3])
def test_flow_estimates_the_motion(truth, downscale):
    motion = CameraMotion(CameraMotionSettings(downscale=downscale))
    image = texture()
    np.testing.assert_array_equal(motion.estimate(image), NO_MOTION)  # first image
    assert error(motion.estimate(moved(image, truth)), truth) < 0.3


@pytest.mark.parametrize("truth", SHIFTS)
def test_ecc_estimates_the_motion(truth):
    motion = CameraMotion(CameraMotionSettings(method="ecc"))
    motion.estimate(texture())
    assert error(motion.estimate(moved(texture(), truth)), truth) < 0.5


@pytest.mark.parametrize("method", ["flow", "ecc"])
def test_detections_are_masked_out(method):
    """Most of the image moves left; the camera moves up."""
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


def test_boxes_may_extend_beyond_the_image():
    motion = CameraMotion()
    outside = Detections([[-50, -20, 30, 60], [-90, -90, -10, -10], [480, 300, 700, 900], [900, 900, 950, 990]])
    motion(Frame(1, texture()), outside)
    assert error(motion(Frame(2, moved(texture(), SHIFTS[0])), outside), SHIFTS[0]) < 0.3


@pytest.mark.parametrize("method", ["flow", "ecc"])
def test_no_motion_if_the_estimate_fails(method):
    motion = CameraMotion(CameraMotionSettings(method=method))
    grey = np.full((HEIGHT, WIDTH, 3), 127, dtype=np.uint8)
    everything = np.array([[0.0, 0, WIDTH, HEIGHT]])
    for image, boxes in ((grey, None), (grey, None), (texture(), everything), (texture(), everything)):
        np.testing.assert_array_equal(motion.estimate(image, boxes), NO_MOTION)


def test_no_motion_at_a_cut_or_a_change_of_image_size():
    motion = CameraMotion()
    motion.estimate(texture(0))
    np.testing.assert_array_equal(motion.estimate(texture(1)), NO_MOTION)
    np.testing.assert_array_equal(motion.estimate(texture(1)[:300]), NO_MOTION)


@pytest.mark.parametrize("method", ["flow", "ecc"])
def test_results_are_deterministic(method):
    motion = CameraMotion(CameraMotionSettings(method=method))
    images = [moved(texture(), similarity(n / 4, 1, (n, -2 * n))) for n in range(4)]
    first = [motion.estimate(image) for image in images]
    cv2.setRNGSeed(7)  # no effect
    motion.reset()
    np.testing.assert_array_equal([motion.estimate(image) for image in images], first)


def test_a_frame_without_image_raises():
    with pytest.raises(UserError, match="frame 3 has no image"):
        CameraMotion()(Frame(3))


def test_an_invalid_downscale_raises():
    with pytest.raises(UserError, match="downscale is 0"):
        CameraMotion(CameraMotionSettings(downscale=0))


def test_stored_maps_of_skipped_frames_are_composed():
    maps = np.stack([NO_MOTION, *SHIFTS])
    stored = StoredMotion(maps)
    np.testing.assert_array_equal(stored(Frame(1)), NO_MOTION)
    np.testing.assert_allclose(stored(Frame(2)), maps[1])
    point = np.array([100.0, 50, 1])
    expected = maps[3] @ np.append(maps[2] @ point, 1)
    np.testing.assert_allclose(stored(Frame(4)) @ point, expected)
    stored.reset()
    np.testing.assert_array_equal(stored(Frame(3)), NO_MOTION)  # the first call returns no motion
    with pytest.raises(UserError, match="stored for 4 frames, but there is a frame 5"):
        stored(Frame(5))


def test_measured_and_stored_motion_are_equal(tmp_path):
    """Written maps are read back with all digits."""
    motion, images = CameraMotion(), [moved(texture(), similarity(0, 1, (n, n / 3))) for n in range(4)]
    frames = [Frame(n, image) for n, image in enumerate(images, 1)]
    maps = [motion(frame) for frame in frames]
    write_motion(tmp_path / "camera.txt", np.stack(maps))
    stored = StoredMotion(read_motion(tmp_path / "camera.txt"))
    np.testing.assert_array_equal([stored(frame) for frame in frames], maps)


def test_public_files_are_read(tmp_path):
    """Two lines as in GMC-MOT17-10.txt, with trailing tabs."""
    path = tmp_path / "GMC.txt"
    path.write_text(
        "0\t1.000000\t0.000000\t0.000000\t0.000000\t1.000000\t0.000000\t\n"
        "1\t1.002077\t-0.001504\t-7.757202\t0.001504\t1.002077\t-3.126373\t\n"
    )
    expected = [NO_MOTION, [[1.002077, -0.001504, -7.757202], [0.001504, 1.002077, -3.126373]]]
    np.testing.assert_array_equal(read_motion(path), expected)
    (tmp_path / "empty.txt").write_text("")
    assert read_motion(tmp_path / "empty.txt").shape == (0, 2, 3)


@pytest.mark.parametrize(
    "line", ["1 1 0 0 0 1", "2 1 0 0 0 1 0", "1 1 0 x 0 1 0", "1 1 0 nan 0 1 0", "1 1 0 0 0 1 0 0"]
)
def test_malformed_files_raise_with_the_line(tmp_path, line):
    path = tmp_path / "GMC.txt"
    path.write_text(f"0 1 0 0 0 1 0\n{line}\n")
    with pytest.raises(UserError, match=r"GMC.txt:2: expected camera motion as `1 a11 a12 tx a21 a22 ty`, found"):
        read_motion(path)


@pytest.mark.parametrize("line", ["1e300 0 0 0 1 0", "1 0 1e12 0 1 0", "0 0 0 0 1 0", "1 1 0 1 1 0"])
def test_implausible_maps_raise(tmp_path, line):
    path = tmp_path / "GMC.txt"
    path.write_text(f"0 1 0 0 0 1 0\n1 {line}\n")
    with pytest.raises(
        UserError, match=r"GMC.txt:2: implausible camera motion '1 .*': expected factors of at most 100"
    ):
        read_motion(path)


def test_a_missing_file_raises(tmp_path):
    with pytest.raises(UserError, match=r"no such file: .*nowhere.txt"):
        read_motion(tmp_path / "nowhere.txt")


BOXES = np.array([[10.0, 20, 50, 140], [300, 100, 420, 400]])


@pytest.mark.parametrize(
    ("motion", "powers"), [(SizeMotion(), (1, 1)), (HeightMotion(), (0, 1)), (AreaMotion(), (2, 0))], ids=str
)
def test_states_move_as_the_corners_of_their_boxes(motion, powers):
    """Under a shift and a change of scale; warping and prediction commute."""
    affine = np.array([[1.25, 0, -30], [0, 1.25, 12]])
    state = motion.initialise(motion.to_measurement(BOXES))
    state[:, VELOCITY, :2] = [[4, -2], [0, 7]]
    later = motion.to_boxes(state)
    later = (later.reshape(-1, 2, 2) @ affine[:, :2].T + affine[:, 2]).reshape(-1, 4)
    np.testing.assert_allclose(motion.to_boxes(warp_states(state, affine, powers)), later)
    twice = motion.predict(warp_states(state, affine, powers))[:, POSITION]
    np.testing.assert_allclose(twice, warp_states(motion.predict(state), affine, powers)[:, POSITION])


def test_variances_are_the_diagonal_of_the_full_covariance():
    motion, affine = SizeMotion(), similarity(20, 1.1, (5, 6))
    state = motion.predict(motion.initialise(motion.to_measurement(BOXES)))
    before = state.copy()
    warped = warp_states(state, affine)
    linear, scale = affine[:, :2], 1.1
    for row in (PP, PV, VV):
        full = linear @ np.diag(state[0, row, :2]) @ linear.T
        np.testing.assert_allclose(warped[0, row, :2], np.diag(full))
        np.testing.assert_allclose(warped[0, row, 2:], scale**2 * state[0, row, 2:])
    np.testing.assert_array_equal(state, before)
    np.testing.assert_allclose(warp_states(state, camera_motion.no_motion()), state)
    assert warp_states(state[:0], affine).shape == (0, 5, 4)


def test_boxes_keep_their_size_if_the_camera_rotates():
    motion = SizeMotion()
    state = motion.initialise(motion.to_measurement(BOXES))
    turned = motion.to_boxes(warp_states(state, similarity(15, 1, (0, 0))))
    np.testing.assert_allclose(turned[:, 2:] - turned[:, :2], BOXES[:, 2:] - BOXES[:, :2])
