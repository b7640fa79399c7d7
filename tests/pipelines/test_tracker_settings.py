"""Score thresholds of trackers that have none, with detections of a network."""

import numpy as np
import pytest

from idfree.core.types import Annotation, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.detectors.people import open_people
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracker_settings import NETWORK_MIN_SCORE, PEOPLE_NEW_SCORE, with_new_score


def detections() -> Annotation:
    """Ten frames with a strong box and a weak one."""
    frame = np.repeat(np.arange(1, 11), 2)
    boxes = np.tile([[10.0, 10, 50, 90], [200.0, 10, 240, 90]], (10, 1))
    score = np.tile([0.9, 0.15], 10)
    whole = np.zeros(20, dtype=np.int64)
    return Annotation(frame=frame, id=whole - 1, xyxy=boxes, score=score, class_id=whole, visibility=np.ones(20))


def tracks_of(tracker: str, is_network: bool, assignments: tuple[str, ...] = ()) -> int:
    """Number of tracks of a tracker on the detections."""
    detector = PrecomputedDetector(detections(), (100, 300), score_range=None, is_network=is_network)
    run = make_tracking_run(Sequence("a", lambda: iter(()), length=10), detector, tracker, assignments, images=False)
    return len({number for _, tracks in run for number in tracks.id.tolist()})


@pytest.mark.parametrize("tracker", ["sort", "deepsort", "iou"])
def test_weak_detections_of_a_network_start_no_tracks(tracker: str) -> None:
    assert tracks_of(tracker, is_network=True) == 1
    assert tracks_of(tracker, is_network=False) == 2  # published parity on files
    assert tracks_of(tracker, is_network=True, assignments=("min_score=0.1",)) == 2


def test_trackers_with_a_threshold_keep_theirs() -> None:
    detector = PrecomputedDetector(detections(), (100, 300), score_range=None, is_network=True)
    run = make_tracking_run(Sequence("a", lambda: iter(()), length=10), detector, "ocsort", images=False)
    assert run.tracker.settings.min_score != NETWORK_MIN_SCORE


def test_tracks_of_the_detector_in_the_package_start_at_a_higher_score() -> None:
    """Alike if its detections are stored; --set takes precedence; other trackers and detectors are as they were."""
    higher, people = (f"new_score={PEOPLE_NEW_SCORE}",), open_people(None, (), ())
    stored = PrecomputedDetector(detections(), (100, 300), "people", score_range=None)
    for detector in (people, stored):
        assert with_new_score("fused", (), detector) == higher
        assert with_new_score("fused", ("new_score=0.5",), detector) == ("new_score=0.5",)
        assert with_new_score("bytetrack", (), detector) == ()
    assert with_new_score("fused", (), PrecomputedDetector(detections(), (100, 300), score_range=None)) == ()
    run = make_tracking_run(Sequence("a", lambda: iter(()), length=10), stored, images=False)
    assert run.tracker.settings.new_score == PEOPLE_NEW_SCORE
