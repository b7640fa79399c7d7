"""From raw video to an appearance model of its own people, without a label: simplereid end to end (Karthik 2020)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from idfree.appearance.calibrate import Calibration, calibrate, close_pairs, distances
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import concatenate, weight
from idfree.appearance.crops import cut
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.files import make_folder
from idfree.core.types import Detector, Floats, Sequence
from idfree.pipelines.label import LabelSettings, PseudoLabels, label
from idfree.pipelines.manifest import is_done, read_manifest, write_manifest
from idfree.pipelines.selection import Selection

if TYPE_CHECKING:
    from idfree.appearance.encoder import Embedding
    from idfree.core.types import Crops

LOG = logging.getLogger("idfree")
Describe = Callable[["Crops"], "Embedding"]

HELD_OUT = 0.15  # share of the tracklets that training does not see, to judge on
FEWEST = 4  # tracklets: two to learn from, two to judge on
FARS = (0.1, 0.01)
MAX_GAP = 60  # frames between the crops of a pair, as for calibration


@dataclass(frozen=True)
class Split:
    """What is learnt from, and what is judged on: the tracklets of the one are not in the other."""

    train: CropSet
    held: CropSet


def collect(
    sequence: Sequence,
    detector: Detector,
    settings: LabelSettings,
    selection: Selection,
    size_hw: tuple[int, int],
    file: Path,
    asked: dict[str, Any],
    quiet: bool,
) -> dict[str, Any]:
    """Keep the crops of a video's pseudo-labels in a file, unless they are there; gives what the labels look like.

    asked: all that these depend on, but for the size; the record beside the file holds it.
    """
    asked, folder = {**asked, "size": list(size_hw)}, file.parent
    record = read_manifest(folder)
    if is_done(record, asked) and file.is_file():
        return dict(record["report"])
    make_folder(folder)
    write_manifest(folder, asked, complete=False)
    labels = label(
        sequence,
        detector,
        settings,
        lambda image, xyxy: cut(image, xyxy, size_hw),
        selection=selection,
        quiet=quiet,
    )
    crops_of(labels).save(file)
    write_manifest(folder, asked, complete=True, report=labels.report)
    return labels.report


def crops_at(out: Path, name: str) -> Path:
    """Where the crops of the video of that name are kept."""
    return out / "crops" / name / "crops.npz"


def crops_of(labels: PseudoLabels) -> CropSet:
    """The crops that were cut, by tracklet; the numbers of tracklets of which none was are left out."""
    boxes = labels.boxes[labels.crop_of]
    _, tracklet = np.unique(boxes.id, return_inverse=True)
    video = np.zeros(len(boxes), dtype=np.int64)
    return CropSet(labels.crops, tracklet.astype(np.int64), boxes.frame, video, boxes.xyxy)


def merged(sets: list[CropSet]) -> CropSet:
    """The crops of several videos as one set."""
    first = np.cumsum([0, *(each.tracklets for each in sets)])
    return CropSet(
        crops=np.concatenate([each.crops for each in sets]),
        tracklet=np.concatenate([each.tracklet + first[n] for n, each in enumerate(sets)]),
        frame=np.concatenate([each.frame for each in sets]),
        video=np.repeat(np.arange(len(sets)), [len(each) for each in sets]),
        xyxy=np.concatenate([each.xyxy for each in sets]),
    )


def split(crops: CropSet, seed: int, share: float = HELD_OUT) -> Split:
    """Hold some tracklets out, at random, of each pair that coexist so that there are pairs of two people among them.

    Raises UserError where there are too few tracklets to learn anything from.
    """
    if crops.tracklets < FEWEST:
        raise UserError(
            f"tracklets worth learning from: {crops.tracklets}, expected {FEWEST} at the least: give more or longer"
            " videos, a better detector, or ask for less (--set label.min_score=0.3 --set label.min_height=16)"
        )
    wanted = max(2, round(share * crops.tracklets))
    beside = crops.coexisting()
    held: list[int] = []
    for one in np.random.default_rng(seed).permutation(crops.tracklets).tolist():
        partners = np.flatnonzero(beside[one])
        if one not in held and len(held) < wanted:
            held += [one, *(int(p) for p in partners[:1] if p not in held)]
    inside = np.isin(crops.tracklet, held)
    return Split(part(crops, ~inside), part(crops, inside))


def part(crops: CropSet, rows: "np.ndarray[Any, np.dtype[np.bool_]]") -> CropSet:
    """The crops of some rows, tracklets numbered anew."""
    tracklet = np.unique(crops.tracklet[rows], return_inverse=True)[1].astype(np.int64)
    return CropSet(crops.crops[rows], tracklet, crops.frame[rows], crops.video[rows], crops.xyxy[rows])


def judged(describe: Describe, crops: CropSet) -> dict[str, Any]:
    """How well embeddings tell tracklets apart: of crops at most MAX_GAP frames apart, those of one tracklet against
    those of two that coexist. TPR at false accept rates, the distance where both mistakes are equal, and that error.
    """
    i, j = close_pairs(crops.frame, crops.video, MAX_GAP)
    alike = crops.tracklet[i] == crops.tracklet[j]
    apart = crops.coexisting()[crops.tracklet[i], crops.tracklet[j]]
    if not alike.any() or not apart.any():
        return {"pairs": [int(alike.sum()), int(apart.sum())]}
    embedding = describe(crops.crops)
    same, different = (distances(embedding, i[kind], j[kind]) for kind in (alike, apart))
    found = calibrate(embedding, crops.tracklet, crops.frame, crops.video)
    return {
        "pairs": [len(same), len(different)],
        **{f"TPR@{far}": round(tpr(same, different, far), 4) for far in FARS},
        "limit": round(found.match_threshold, 4),
        "error": round(found.error, 4),
    }


def tpr(same: Floats, different: Floats, far: float) -> float:
    """The share of `same` accepted at the distance at which no more than the share `far` of `different` is."""
    return float((same < np.partition(different, k := int(far * len(different)))[k]).mean())


def calibration(embedding: "Embedding", crops: CropSet) -> Calibration | None:
    """How far apart one person's and two people's embeddings (K, D) lie; None, with a warning, where none coexist."""
    try:
        return calibrate(embedding, crops.tracklet, crops.frame, crops.video)
    except UserError as error:
        LOG.warning("the limit is not calibrated: %s", error)
        return None


def facts(describe: Describe, crops: CropSet, share: float) -> dict[str, str]:
    """What is to be known of a network: its `limit` and `farthest`, and where colour has a `share` of the say, its
    weight as `colour`.

    The distances are then those of both together. Nothing where no two tracklets coexist.
    """
    embedding = describe(crops.crops)
    network = calibration(embedding, crops)
    if network is None:
        return {}
    if not share:
        return network.facts()
    colour = ColourHistogram().describe(crops.crops)
    colours = calibration(colour, crops)
    if colours is None:
        return {}
    part = weight(share, network.match_threshold, colours.match_threshold)
    both = calibration(concatenate(embedding, colour, part), crops)
    return {} if both is None else {**both.facts(), "colour": repr(part)}


def judged_colour(crops: CropSet) -> dict[str, Any]:
    """The same of the colour histogram, which has learnt nothing: a model must beat it."""
    return judged(ColourHistogram().describe, crops)


def advice(crops: CropSet, reports: dict[str, dict[str, Any]]) -> list[str]:
    """What a person might mend, in sentences."""
    heights = np.median(crops.xyxy[:, 3] - crops.xyxy[:, 1]) if len(crops) else 0
    said = []
    if crops.tracklets < 30:
        said.append(f"Only {crops.tracklets} tracklets: more or longer footage teaches more.")
    if heights < 64:
        said.append(f"Half of the boxes are under {heights:.0f} px tall: appearance is hard to see in them.")
    for name, report in reports.items():
        if report["largest"] > 0.25:
            said.append(f"{name}: one tracklet holds {100 * report['largest']:.0f} % of all boxes.")
        if report["kept"] is not None and report["kept"] < 0.2:
            said.append(
                f"{name}: {100 * (1 - report['kept']):.0f} % of the boxes were not fit to learn from (--set label.…)."
            )
    if not crops.coexisting().any():
        said.append("No two tracklets overlap in time, so nobody is certainly somebody else.")
    return said
