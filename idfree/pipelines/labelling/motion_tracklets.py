"""Tracklets of stored detections by motion alone, and the match threshold of embeddings that follows from them."""

import numpy as np

from idfree.appearance.calibrate import Calibration, calibrate
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Integers, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.labelling.label_sequence import label_sequence
from idfree.pipelines.tracking.selection import Selection
from idfree.trackers.embeddings import Embeddings, normalise


def calibrate_on_motion(sequence: Sequence, detector: PrecomputedDetector) -> Calibration:
    """Calibrate the match threshold of the embeddings of stored detections, without labels and without images.

    Tracklets by motion alone give the pairs: of one person within a tracklet, of two between tracklets that coexist.
    Raises UserError if there are too few of them, or no embeddings.
    """
    tracklets, embedding = embeddings_of_tracklets(sequence, detector)
    return calibrate(embedding, tracklets.id, tracklets.frame)


def embeddings_of_tracklets(sequence: Sequence, detector: PrecomputedDetector) -> tuple[Annotation, Embeddings]:
    """Boxes of the tracklets (see `label_sequence`) and the unit embedding of each. Raises UserError without any."""
    annotation = detector.annotation
    if annotation.embedding is None:
        raise UserError("nothing to calibrate: the detections have no embeddings")
    frames = detector.frames
    selection = Selection(start=frames.start, frames=len(frames), every=frames.step)
    tracklets = label_sequence(sequence, detector, selection=selection).boxes
    return tracklets, normalise(annotation.embedding[find_rows(tracklets, annotation)])


def find_rows(part: Annotation, whole: Annotation) -> Integers:
    """(K,) for each row of `part`, the row of `whole` with the same frame and box."""
    keys = [np.column_stack([annotation.frame, annotation.xyxy]) for annotation in (whole, part)]
    key = np.unique(np.concatenate(keys), axis=0, return_inverse=True)[1].ravel()
    row_of_key = np.zeros(key.max(initial=-1) + 1, dtype=np.int64)
    row_of_key[key[: len(whole)]] = np.arange(len(whole))
    return row_of_key[key[len(whole) :]]
