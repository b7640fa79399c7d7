"""Recordings of the viewer Rerun (rerun.io): NAME.rrd with the images, and the boxes of each frame. Written only."""

from pathlib import Path
from typing import Any

from idfree.core.errors import MissingExtra
from idfree.core.files import atomic_write
from idfree.datasets.footage import Footage

FRAME, TIME = "frame", "time"  # timelines: frame number, and seconds
IMAGE, BOXES = "video", "video/tracks"  # entities
QUALITY = 75  # of JPEG, 0 to 100
COLOURS = 1 << 16  # Rerun chooses a colour by a number of 16 bits


def write_rerun(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.rrd: images as JPEG, a colour and a label with id and score for each box. Returns its path.

    Raises MissingExtra without rerun-sdk.
    """
    rerun = import_rerun()
    path = folder / f"{footage.name}.rrd"
    with atomic_write(path) as partial:
        recording = rerun.RecordingStream("idfree", recording_id=footage.name)
        recording.save(str(partial))
        for number in range(1, footage.length + 1):
            recording.set_time(FRAME, sequence=number)
            recording.set_time(TIME, duration=(number - 1) / footage.frame_rate)
            if footage.paths:
                recording.log(IMAGE, rerun.Image(footage.image(number), color_model="BGR").compress(QUALITY))
            recording.log(BOXES, boxes_at(rerun, footage, number))
        recording.flush()
        recording.disconnect()
    return path


def boxes_at(rerun: Any, footage: Footage, number: int) -> Any:
    """The rerun.Boxes2D of one frame; regions to ignore have the label "ignored"."""
    rows = footage.boxes.rows_at(number)
    boxes, ignored = footage.boxes[rows], footage.ignored[rows]
    labels = [
        "ignored" if skip else f"{footage.class_name(class_id)} {id}" + f" {score:.2f}" * footage.scored
        for skip, class_id, id, score in zip(ignored, boxes.class_id, boxes.id, boxes.score, strict=True)
    ]
    return rerun.Boxes2D(
        array=boxes.xyxy, array_format=rerun.Box2DFormat.XYXY, labels=labels, class_ids=boxes.id % COLOURS
    )


def import_rerun() -> Any:
    """Import rerun. Raises MissingExtra."""
    try:
        import rerun
    except ImportError:
        raise MissingExtra("rerun-sdk", "rerun", "writing recordings of Rerun") from None
    return rerun
