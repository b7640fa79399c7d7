"""Make the tracking run of a sequence from its detector, tracker, camera motion and appearance encoder."""

from typing import TYPE_CHECKING

from idfree.core.settings import Assignments, parse_assignments
from idfree.core.types import Detector, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.detection.callable_detector import CallableDetector
from idfree.pipelines.detection.open_appearance import automatic_encoder, leave_out_embeddings
from idfree.pipelines.tracking.camera_motion import open_camera_motion
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.tracking.tracker_settings import open_tracker
from idfree.pipelines.tracking.tracking_run import TrackingRun
from idfree.trackers.registry import Tracker

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder


def make_tracking_run(
    sequence: Sequence,
    detector: Detector,
    tracker: str | Tracker | type[Tracker] | None = None,
    assignments: Assignments = (),
    selection: Selection | None = None,
    *,
    images: bool = True,
    camera: str = "none",
    encoder: "Encoder | None" = None,
    public: Detector | None = None,
) -> TrackingRun:
    """A TrackingRun, ready to iterate. Raises UserError for an unknown tracker, setting or camera motion.

    tracker, assignments: as `tracker` and `set` of `track`. camera: as the option `--camera`. encoder: embeds the
    detections, in place of their own embeddings; None: as `selection.appearance` says. public: gives the public
    detections; tracks start only near them. images: whether the caller needs images; if neither the caller nor the
    detector, camera motion or encoder does, they are not read.
    """
    selection = selection or Selection()
    encoder = encoder or automatic_encoder(selection.appearance, detector)
    detector = leave_out_embeddings(detector, selection.appearance, encoder)
    uses_images = images or detector.needs_images or encoder is not None
    motion = open_camera_motion(camera, sequence, uses_images)
    uses_images |= motion is not None and motion.needs_images
    if not uses_images:
        sequence = sequence.without_images()
    frame_rate = sequence.frame_rate  # of the source: trackers count the time of skipped frames, too
    sequence = selection.select_frames(sequence)
    opened = open_tracker(tracker, tuple(parse_assignments(assignments)), detector, frame_rate)
    opened.class_agnostic |= selection.class_agnostic
    opened.detected_boxes |= selection.boxes == "detected"
    score_range = detector.score_range if isinstance(detector, PrecomputedDetector | CallableDetector) else None
    return TrackingRun(
        sequence, detector, opened, selection, motion, score_range, encoder, parallel=uses_images, public=public
    )
