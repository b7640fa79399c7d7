"""Camera motion and embeddings of tracks, from images of a video that are read once, to refine tracks with."""

from typing import TYPE_CHECKING

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Detections, Floats, Sequence
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.track_rows import by_frame, by_track
from idfree.offline.tracklet_appearance import unoccluded_rows
from idfree.pipelines.tracking.camera_motion import KeptCameraMotion, open_camera_motion

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder


def read_images(
    sequence: Sequence, tracks: Annotation, camera: str, encoder: "Encoder | None"
) -> tuple[Floats | None, KeptEmbeddings | None]:
    """Maps (F, 2, 3) of the camera's motion, None if it stood still or is not followed; and embeddings of a few clear
    boxes of each track, None without an encoder.

    camera: as the option `--camera`; auto measures it if there are images. Raises UserError if a file is missing.
    """
    motion, kept = open_camera(camera, sequence), None if encoder is None else KeptEmbeddings()
    if motion is None and kept is None:
        return None, None
    rows = by_track(tracks)
    clear = Annotation.empty() if encoder is None else by_frame(rows[unoccluded_rows(rows)])
    uses_images = encoder is not None or (motion is not None and motion.needs_images)
    for frame in sequence if uses_images else sequence.without_images():
        if motion is None and frame.number > clear.frame.max(initial=0):
            break
        if motion is not None:
            shown = tracks.tracks_at(frame.number)
            motion(frame, Detections(shown.xyxy, shown.score, shown.class_id))
        embedded = clear.tracks_at(frame.number)
        if kept is not None and encoder is not None and len(embedded) and frame.image is not None:
            for identity, vector in zip(embedded.id.tolist(), encoder(frame.image, embedded.xyxy), strict=True):
                kept.add_sample(identity, frame.number, vector)
    if motion is not None:
        motion.finish()
    return None if motion is None else motion.all_maps(), kept


def open_camera(camera: str, sequence: Sequence) -> KeptCameraMotion | None:
    """The camera's motion; None for auto without images."""
    source = open_camera_motion(camera, sequence) if camera != "auto" or has_images(sequence) else None
    return None if source is None else KeptCameraMotion(source)


def has_images(sequence: Sequence) -> bool:
    """Whether the first frame of a sequence can be read."""
    try:
        return next((frame.image is not None for frame in sequence), False)
    except UserError:  # a MOTChallenge folder with annotations alone
        return False
