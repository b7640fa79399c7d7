"""CenterTrack's detectors with a stub session: what each frame is shown of the one before."""

from types import SimpleNamespace

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Frame
from idfree.detectors import open_detector

HW = (96, 128)  # the input's: images of 192×256 are halved


class Network:
    """Finds one person of score 0.9 and one of 0.3, whom displacements of (4, −2) px lead back."""

    def __init__(self, outputs=("boxes", "scores", "classes", "displacement")):
        self.names, self.seen = outputs, []

    def get_inputs(self):
        return []

    def get_outputs(self):
        return [SimpleNamespace(name=name) for name in self.names]

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map={"idfree.kind": "centertrack", "size": "96x128"})

    def run(self, names, feed):
        self.seen.append({name: array.copy() for name, array in feed.items()})
        boxes = np.array([[20.0, 20, 40, 60], [80, 20, 100, 60]], np.float32)
        return [boxes, np.array([0.9, 0.3], np.float32), np.zeros(2, np.int64), np.array([[4.0, -2]] * 2, np.float32)]


def frame(number, value, size_hw=(192, 256)):
    return Frame(number, np.full((*size_hw, 3), value, dtype=np.uint8))


def test_displacements_are_in_pixels_of_the_image():
    view = open_detector("it", session=Network())(frame(1, 5))
    np.testing.assert_array_equal(view.detections.displacement, [[8, -4], [8, -4]])
    np.testing.assert_array_equal(view.detections.xyxy[0], [40, 40, 80, 120])


def test_each_frame_sees_the_one_before():
    network = Network()
    detector = open_detector("it", session=network)
    for number, value in enumerate((10, 20, 30), start=1):
        detector(frame(number, value))
    images, before, heats = ([each[name] for each in network.seen] for name in ("image", "previous", "previous_heat"))
    assert [each[0, 0, 0, 0] for each in images] == [10, 20, 30]
    assert [each[0, 0, 0, 0] for each in before] == [10, 10, 20]
    assert not heats[0].any()
    for heat in heats[1:]:
        assert np.argwhere(heat[0, :, :, 0] == 1).tolist() == [[40, 30]]  # the likely person's centre: y, x
        assert heat.dtype == np.float32


@pytest.mark.parametrize("second", [frame(1, 20), frame(5, 20, (96, 96))])
def test_another_video_begins_anew(second):
    network = Network()
    detector = open_detector("it", session=network)
    detector(frame(4, 10))
    detector(second)
    assert network.seen[1]["previous"].max() == network.seen[1]["image"].max()
    assert not network.seen[1]["previous_heat"].any()


def test_sequences_get_detectors_of_their_own():
    detector = open_detector("it", assignments=["heat_score=0.2"], session=Network())
    detector(frame(1, 10))
    other = detector.restarted()
    assert other.settings == detector.settings
    assert detector.heat.any()
    assert not other.heat.any()


def test_files_without_displacements_are_refused():
    with pytest.raises(UserError, match="without displacements"):
        open_detector("it", session=Network(("boxes", "scores", "classes")))
