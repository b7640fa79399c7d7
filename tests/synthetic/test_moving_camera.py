"""A street seen by a moving camera: pixels, boxes and maps agree."""

import numpy as np
import pytest

from idfree.synthetic.moving_camera import maps_between, move_camera
from idfree.synthetic.scene import make_street
from idfree.trackers.auto_camera_motion import AutoCameraMotion

pytest.importorskip("cv2")
FRAMES = 12


@pytest.fixture(scope="module")
def street():
    return make_street(seed=3, people=8, frames=FRAMES, size_hw=(360, 640))


@pytest.mark.parametrize("move", ["pan", "zoom", "shake"])
def test_the_measured_motion_is_the_true_one(street, move):
    """Also a test of the pixels: their motion is that of the maps, to a pixel at the corners of the image."""
    seen, maps = move_camera(street, move)
    assert (seen.sequence.size_hw, maps.shape) == ((216, 384), (FRAMES, 2, 3))
    motion, corners = AutoCameraMotion(), np.array([[0, 0, 1], [384, 0, 1], [0, 216, 1], [384, 216, 1]])
    errors, shifts = [], []
    for frame, truth in zip(seen.sequence, maps, strict=True):
        boxes = seen.truth.detections_at(frame.number).xyxy
        estimate = motion.estimate(frame.image, boxes)
        errors.append(np.linalg.norm(corners @ (estimate - truth).T, axis=1).mean())
        shifts.append(np.linalg.norm(corners @ (np.eye(2, 3) - truth).T, axis=1).mean())
    assert max(shifts) > 1
    assert np.mean(errors) < 0.5
    assert motion.doubtful == 0


def test_boxes_move_as_the_pictures_do(street):
    seen, maps = move_camera(street, "pan")
    both = np.intersect1d(street.truth.tracks_at(1).id, seen.truth.tracks_at(1).id)
    assert len(both) > 0
    assert (seen.truth.xyxy >= 0).all()
    assert (seen.truth.xyxy <= [384, 216, 384, 216]).all()
    total = np.eye(3)
    for step in maps:
        total = np.vstack([step, [0, 0, 1]]) @ total
    windows = np.stack([np.eye(2, 3), total[:2]])
    np.testing.assert_allclose(maps_between(windows)[1], total[:2], atol=1e-9)
