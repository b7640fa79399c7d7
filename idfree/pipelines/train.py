"""From labelled footage to what is learnt from: pictures at hand, crops of people, and how a network is judged."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from idfree.appearance.crops import cut
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.datasets.frame_cache import cached
from idfree.detectors import PrecomputedDetector, open_detector
from idfree.pipelines.adapt import merged
from idfree.pipelines.detect import rows_of
from idfree.pipelines.label import label
from idfree.pipelines.pseudolabels import LabelSettings, at_least, clean, covered, frames_of, numbered, spread
from idfree.pipelines.validate import validate, video_of

if TYPE_CHECKING:
    from idfree.learn.networks.centre import CentreNetwork
    from idfree.learn.schedule import Precision


@dataclass(frozen=True)
class CropsSettings:
    """identities: ids are people, and no two of a video are one; otherwise they are tracklets, of which two may be."""

    identities: bool = False


# Boxes drawn by people show one person each, even where two overlap; a detector's may pass from one to the other.
LINKED = LabelSettings(max_overlap=1.0)  # of MOT17-04, 09 and PETS09-S2L1: purity 1.0, 0.99 and 1.0

Watch = Callable[[str, list[int]], Iterable[int]]  # a name and the numbers of pictures to be kept → the numbers


def at_hand(footages: Sequence[Footage], folder: Path, height: int, watch: Watch) -> list[Footage]:
    """The footages, of which pictures can be read in any order: those of videos are kept below `folder`, no higher than
    `height` px. Raises UserError where one cannot be decoded or written.
    """
    return [
        cached(footage, folder, height, watch=partial(watch, footage.name)) if footage.in_video else footage
        for footage in footages
    ]


def by_motion(footage: Footage, settings: LabelSettings) -> Footage:
    """A footage with tracklets in place of its identities, which nobody reads: the boxes that motion alone links.

    settings: what is clean enough. Of other boxes, and of still images, the identity is unknown.
    """
    rows = np.flatnonzero((footage.boxes.score != 0) & footage.moving)
    objects = footage.boxes[rows]
    found = label(video_of(footage), PrecomputedDetector(objects, scores=None), settings).boxes
    identity = np.full(len(footage.boxes), -1)
    identity[rows[rows_of(found, objects)]] = found.id
    return replace(footage, boxes=replace(footage.boxes, id=identity))


def judge_on(
    footages: Sequence[Footage], tracker: str, precision: "Precision" = "fp32"
) -> "Callable[[CentreNetwork, dict[str, str]], dict[str, float]]":
    """What judges a network, of which something is known, by how it tracks footages (see `validate`)."""

    def judge(network: "CentreNetwork", known: dict[str, str]) -> dict[str, float]:
        from idfree.learn.torch_session import TorchSession

        detector = open_detector("the network", session=TorchSession(network, known, precision))
        return validate(detector, footages, tracker)

    return judge


def crops_of(
    footages: Sequence[Footage], size_hw: tuple[int, int], labels: LabelSettings, settings: CropsSettings
) -> CropSet:
    """Crops of everybody who is clean enough to be seen, by the id that the footages give: pseudo-labels, or truth.

    labels: what is clean, and how many crops of each. Raises UserError where there are none, or a picture cannot be
    read.
    """
    sets = []
    for footage in footages:
        boxes = worth_learning(footage.boxes, labels)
        rows = boxes[spread(boxes, labels, footage.frame_rate)]
        if len(rows):
            sets.append(cropped(footage, rows, size_hw))
    if not sets:
        names = ", ".join(footage.name for footage in footages)
        raise UserError(f"nobody to learn from in {names}: no id has {labels.min_clean} boxes that are clean enough")
    return replace(merged(sets), identities=settings.identities)


def worth_learning(boxes: Annotation, settings: LabelSettings) -> Annotation:
    """The clean boxes of all ids that have enough of them, ids 1, 2, 3 …; what is not known may still cover others."""
    visible = np.concatenate([np.zeros(0), *(1 - covered(boxes.xyxy[rows]) for rows in frames_of(boxes))])
    known = replace(boxes, id=np.where(boxes.score != 0, boxes.id, -1), visibility=visible)
    kept = numbered(at_least(clean(known, settings), settings.min_clean))
    return kept[np.flatnonzero(kept.id >= 0)]


def cropped(footage: Footage, boxes: Annotation, size_hw: tuple[int, int]) -> CropSet:
    """The boxes cut out, by id; frames are read in their order."""
    crops = [cut(footage.image(int(boxes.frame[rows.start])), boxes.xyxy[rows], size_hw) for rows in frames_of(boxes)]
    tracklet = np.unique(boxes.id, return_inverse=True)[1].astype(np.int64)
    return CropSet(np.concatenate(crops), tracklet, boxes.frame, np.zeros_like(boxes.frame), boxes.xyxy)
