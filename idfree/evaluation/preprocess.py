"""What counts and what does not: from a sequence's truth and results to the boxes that are compared.

The protocols are those of the MOTChallenge sets (Milan 2016, Dendorfer 2020), as TrackEval applies them.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Integers
from idfree.evaluation.alignment import EPS, Alignment, align, numbered
from idfree.evaluation.matching import heaviest

PEDESTRIAN = 1
CROWD = 13  # the last class of MOT20; MOT17 has twelve
DISTRACTORS = {
    "mot17": (2, 7, 8, 12),  # person on vehicle, static person, distractor, reflection
    "mot20": (2, 6, 7, 8, 12),  # and non-motorised vehicle
}
CLASSES = np.arange(1, CROWD + 1)
PROTOCOLS = ("auto", "mot17", "mot20", "mot15", "plain")
MIN_IOU = 0.5  # of a result that stands on a distractor


def prepare(
    truth: Annotation,
    results: Annotation,
    protocol: str = "auto",
    frames: int | None = None,
    classes: Iterable[int] | None = None,
    names: tuple[str, str] = ("truth", "results"),
) -> Alignment:
    """The boxes of one sequence that are to be compared, by the rules of a protocol.

    mot17 (also MOT16), mot20: results that stand on a distractor are taken out, then all truth that is marked 0 or no
    pedestrian; the class of results is not looked at. mot15: truth marked 0 is taken out, classes are not looked at.
    plain: the same; with `classes`, boxes of other classes are taken out of both sides. auto: see `recognise`.
    frames: the length of the sequence; without it, the last frame of either side.
    Raises UserError, beginning with the name of the side at fault, where an identity appears twice in a frame, a
    frame lies outside the sequence, or a class is none of MOTChallenge's.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol {protocol!r}: expected one of {', '.join(PROTOCOLS)}")
    if protocol == "auto":
        protocol = recognise(truth, names[0])
    if frames is None:
        frames = int(max(truth.frame.max(initial=0), results.frame.max(initial=0)))
    check_frames(truth, frames, names[0])
    check_frames(results, frames, names[1])
    if classes is not None and protocol == "plain":
        truth, results = (side[np.isin(side.class_id, list(classes))] for side in (truth, results))
    check_identities(truth, names[0])
    check_identities(results, names[1])

    scene = align(truth, results, frames)
    ignored, on_distractor = truth.score == 0, np.zeros(len(results), dtype=np.bool_)
    if protocol != "plain":
        ignored = truth.score.astype(np.int64) == 0  # the official kit reads whole marks: 0.9 is 0
    if protocol in DISTRACTORS:
        check_classes(truth, protocol, names[0])
        ignored |= truth.class_id != PEDESTRIAN
        on_distractor[standing_on(scene, np.isin(truth.class_id, DISTRACTORS[protocol]))] = True
    return scene.without(ignored, on_distractor)


def recognise(truth: Annotation, name: str = "") -> str:
    """The protocol that suits a truth.

    mot15: no class is known (−1 throughout). plain: a class that MOTChallenge has not, a box of another class than
    the pedestrian's that counts, or a mark that is no whole number: no MOTChallenge truth has these. mot20: its class
    13, or a name with MOT20 in it. Otherwise mot17, whose rules change nothing where all is of class 1 (DanceTrack).
    """
    classes, _ = numbered(truth.class_id)
    if np.any(truth.score != np.rint(truth.score)):
        return "plain"
    if np.all(classes == -1) and len(classes):
        return "mot15"
    if np.any(truth.class_id[truth.score != 0] != PEDESTRIAN) or not np.all(np.isin(classes, CLASSES)):
        return "plain"
    return "mot20" if CROWD in classes or "MOT20" in name else "mot17"


def standing_on(scene: Alignment, distractor: NDArray[np.bool_]) -> Integers:
    """The rows of results that match a distractor (mask over truth) when every box of truth is matched by IoU."""
    wanted = distractor[scene.gt]
    weight = np.where(scene.similarity >= MIN_IOU - EPS, scene.similarity, 0.0)
    return scene.tracker[heaviest(scene, weight, asked=wanted) & wanted]


def check_frames(side: Annotation, frames: int, name: str) -> None:
    """Raises UserError where a frame is not in 1…frames."""
    outside = side.frame[(side.frame < 1) | (side.frame > frames)]
    if len(outside):
        raise UserError(
            f"{name}: frame {outside[0]} lies outside the sequence, whose frames are 1 to {frames}; "
            "does this file belong to another sequence?"
        )


def check_identities(side: Annotation, name: str) -> None:
    """Raises UserError where an identity appears twice in a frame."""
    ids, place = numbered(side.id)
    cells, cell = numbered(side.frame * len(ids) + place)
    if len(cells) < len(side):
        times = np.bincount(cell)
        frame, which = divmod(cells[times > 1][0], len(ids))
        hint = " (-1 is no identity: are these detections?)" if ids[which] == -1 else ""
        raise UserError(
            f"{name}: frame {frame}: id {ids[which]} appears {times[times > 1][0]} times, expected once{hint}"
        )


def check_classes(truth: Annotation, protocol: str, name: str) -> None:
    """Raises UserError where a class is none of MOTChallenge's."""
    odd = np.setdiff1d(numbered(truth.class_id)[0], CLASSES)
    if len(odd):
        raise UserError(
            f"{name}: class {odd[0]} is none of MOTChallenge's classes 1 to {CROWD}; "
            f"for data with classes of its own use the protocol plain, not {protocol}"
        )
