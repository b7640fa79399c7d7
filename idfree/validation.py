"""How well a detector with looks tracks footage of which the truth is known: as users track, and as papers measure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from idfree.appearance.calibrate import calibrate
from idfree.detect import detect, looks_of_tracklets
from idfree.detectors import Given
from idfree.errors import UserError
from idfree.evaluation.tracking import Scores, evaluate, figures
from idfree.run import prepare
from idfree.sequences.footage import Footage
from idfree.sequences.motchallenge import read_truth
from idfree.types import Annotation, Detector, Frame
from idfree.types import Sequence as Video

MEASURES = ("HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")  # of TrackEval's names


def validate(detector: Detector, footages: Sequence[Footage], tracker: str) -> dict[str, float]:
    """MEASURES of all footages together, and "limit": where the detector's embeddings of one person and of two cross.

    The limit is found without a label, from tracklets that motion links, and the tracker uses it; where there are too
    few of them, there is none. tracker: by its name. Raises UserError where a picture cannot be read, or the truth does
    not say who is who.
    """
    videos = [video_of(footage) for footage in footages]
    truths = [truth_of(footage) for footage in footages]
    seen = [detect(video, detector).boxes for video in videos]
    limit = limit_of(videos, seen)
    total = Scores()
    for footage, video, truth, boxes in zip(footages, videos, truths, seen, strict=True):
        run = prepare(video, Given(boxes, appearance_limit=limit, scores=None), tracker, images=False)
        for _ in run:
            pass
        total = total + evaluate(truth, run.result(), "auto", footage.length, (str(footage.source), video.name))
    said = {name: float(value) for name, value in figures(total).items() if name in MEASURES}
    return said if limit is None else {**said, "limit": limit}


def video_of(footage: Footage) -> Video:
    """A footage as a video to be tracked."""

    def read() -> Iterator[Frame]:
        numbers = range(1, footage.length + 1)
        return (Frame(n, footage.image(n), (n - 1) / footage.frame_rate) for n in numbers)

    return Video(footage.name, read, footage.length, footage.frame_rate, footage.size_hw)


def truth_of(footage: Footage) -> Annotation:
    """What a footage is measured by: of MOTChallenge sequences all that stands in gt.txt, else the boxes that count.

    Raises UserError where these do not say who is who.
    """
    if footage.source is not None and footage.source.name == "gt.txt":
        truth = read_truth(footage.source)
        frame = truth.frame - footage.offset
        return replace(truth, frame=frame)[(frame >= 1) & (frame <= footage.length)]
    truth = footage.boxes[footage.boxes.score != 0]
    if not footage.moving or (truth.id < 0).any():
        what = "has boxes of which nobody says whose they are" if footage.moving else "is no video"
        raise UserError(f"{footage.name}: {what}, so that tracking cannot be validated on it")
    return truth


def limit_of(videos: Sequence[Video], seen: Sequence[Annotation]) -> float | None:
    """The cosine distance at which "same" and "different" cross for what was seen; None where there is too little."""
    looks = [
        looks_of_tracklets(video, Given(boxes, scores=None))
        for video, boxes in zip(videos, seen, strict=True)
        if boxes.embedding is not None
    ]
    if not looks:
        return None
    embedding = np.concatenate([unit_rows for _, unit_rows in looks])
    identity, frame = (np.concatenate([getattr(people, name) for people, _ in looks]) for name in ("id", "frame"))
    which = np.repeat(np.arange(len(looks)), [len(people) for people, _ in looks])
    try:
        return calibrate(embedding, identity, frame, which).limit
    except UserError:  # no two people at a time
        return None
