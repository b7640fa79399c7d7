"""Preprocessing by evaluation protocol: remove boxes that are not evaluated, and align ground truth and results.

The protocols are those of the MOTChallenge benchmarks (Milan 2016, Dendorfer 2020) as implemented by TrackEval.
"""

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Integers
from idfree.evaluation.alignment import EPS, MIN_IOU, Alignment, Mask, align, unique_inverse
from idfree.evaluation.matching import max_weight_matching

PEDESTRIAN = 1  # class of ground truth (Milan 2016, table 3)
CROWD = 13  # the last class of MOT20; MOT17 has twelve
DISTRACTORS = {
    "mot17": (2, 7, 8, 12),  # person on vehicle, static person, distractor, reflection
    "mot20": (2, 6, 7, 8, 12),  # the same, and non-motorised vehicle
}
CLASSES = np.arange(1, CROWD + 1)
PROTOCOLS = ("auto", "mot17", "mot20", "mot15", "plain")


def preprocess(
    ground_truth: Annotation,
    results: Annotation,
    protocol: str = "auto",
    frames: int | None = None,
    class_id: int | None = None,
    names: tuple[str, str] = ("truth", "results"),
) -> Alignment:
    """The alignment of the boxes of one sequence that are evaluated.

    protocol: "mot17" (also MOT16) and "mot20" remove results that match a distractor, then ground truth that is marked
    0 or is not a pedestrian; the class of results is ignored. "mot15" and "plain" remove ground truth marked 0. "auto":
    see infer_protocol.
    frames: length of the sequence; by default the last frame of either side. class_id: for "plain", the only class that
    is kept, on both sides. names: of both sides, for messages. Raises UserError: see check_sides.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol {protocol!r}: expected one of {', '.join(PROTOCOLS)}")
    if protocol == "auto":
        protocol = infer_protocol(ground_truth, names[0])
    if frames is None:
        frames = int(max(ground_truth.frame.max(initial=0), results.frame.max(initial=0)))
    if class_id is not None and protocol == "plain":
        ground_truth, results = (side[side.class_id == class_id] for side in (ground_truth, results))
    check_sides(ground_truth, results, protocol, frames, names)
    alignment = align(ground_truth, results, frames)
    return alignment.without_boxes(*find_removed(alignment, ground_truth, protocol))


def check_sides(
    ground_truth: Annotation, results: Annotation, protocol: str, frames: int, names: tuple[str, str]
) -> None:
    """Raises UserError if a frame lies outside 1…frames, an identity is repeated in a frame, or, for MOT16 to MOT20, a
    class of the ground truth is not one of MOTChallenge's. names: of both sides, for messages.
    """
    for side, name in zip((ground_truth, results), names, strict=True):
        check_frames(side, frames, name)
        check_identities(side, name)
    if protocol in DISTRACTORS:
        check_classes(ground_truth, protocol, names[0])


def find_removed(alignment: Alignment, ground_truth: Annotation, protocol: str) -> tuple[Mask, Mask]:
    """Masks (G,), (D,) of the ground truth boxes and results that a protocol does not evaluate; see preprocess."""
    ignored, on_distractor = ground_truth.score == 0, np.zeros(len(alignment.tracker_id), dtype=np.bool_)
    if protocol != "plain":
        ignored = ground_truth.score.astype(np.int64) == 0  # TrackEval reads integer marks: 0.9 is 0
    if protocol in DISTRACTORS:
        ignored |= ground_truth.class_id != PEDESTRIAN
        is_distractor = np.isin(ground_truth.class_id, DISTRACTORS[protocol])
        on_distractor[match_distractors(alignment, is_distractor)] = True
    return ignored, on_distractor


def infer_protocol(ground_truth: Annotation, name: str = "") -> str:
    """Infer the protocol from the ground truth, and from its file name.

    "plain" if a mark is not whole, a class is not one of MOTChallenge's, or a box of another class than pedestrian has
    a mark other than 0. "mot15" if all classes are −1 (unknown). "mot20" if there is its class 13, or MOT20 in the
    name. Otherwise "mot17", which equals "plain" if there are only pedestrians (DanceTrack).
    """
    classes, _ = unique_inverse(ground_truth.class_id)
    if np.any(ground_truth.score != np.rint(ground_truth.score)):
        return "plain"
    if np.all(classes == -1) and len(classes):
        return "mot15"
    if np.any(ground_truth.class_id[ground_truth.score != 0] != PEDESTRIAN) or not np.all(np.isin(classes, CLASSES)):
        return "plain"
    return "mot20" if CROWD in classes or "MOT20" in name else "mot17"


def match_distractors(alignment: Alignment, is_distractor: Mask) -> Integers:
    """The rows of results matched to a distractor (mask (G,)) in the IoU matching with all ground truth boxes."""
    relevant = is_distractor[alignment.gt_row]
    weight = np.where(alignment.similarity >= MIN_IOU - EPS, alignment.similarity, 0.0)
    return alignment.tracker_row[max_weight_matching(alignment, weight, relevant) & relevant]


def check_frames(side: Annotation, frames: int, name: str) -> None:
    """Raises UserError if a frame is not in 1…frames."""
    outside = side.frame[(side.frame < 1) | (side.frame > frames)]
    if len(outside):
        raise UserError(
            f"{name}: frame {outside[0]} lies outside the sequence, whose frames are 1 to {frames}; "
            "does this file belong to another sequence?"
        )


def check_identities(side: Annotation, name: str) -> None:
    """Raises UserError if an identity is repeated in a frame."""
    ids, id_index = unique_inverse(side.id)
    keys, key_index = unique_inverse(side.frame * len(ids) + id_index)
    if len(keys) < len(side):
        count = np.bincount(key_index)
        frame, index = divmod(keys[count > 1][0], len(ids))
        hint = " (-1 is no identity: are these detections?)" if ids[index] == -1 else ""
        raise UserError(
            f"{name}: frame {frame}: id {ids[index]} appears {count[count > 1][0]} times, expected once{hint}"
        )


def check_classes(ground_truth: Annotation, protocol: str, name: str) -> None:
    """Raises UserError if a class is not one of MOTChallenge's."""
    unknown = np.setdiff1d(unique_inverse(ground_truth.class_id)[0], CLASSES)
    if len(unknown):
        raise UserError(
            f"{name}: class {unknown[0]} is none of MOTChallenge's classes 1 to {CROWD}; "
            f"for data with classes of its own use the protocol plain, not {protocol}"
        )
