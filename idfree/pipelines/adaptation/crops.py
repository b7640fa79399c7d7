"""Crops of the pseudo-labels of videos, from which `idfree adapt` learns and on which it tests."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from idfree.appearance.crops import crop_boxes
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.types import Floats
from idfree.detectors.classes import reported_class_names
from idfree.pipelines.adaptation.relink import Cut, cut_tracklets
from idfree.pipelines.labelling.crop_sets import concatenate_crops, crops_of_labels
from idfree.pipelines.labelling.videos import Labelling
from idfree.pipelines.manifest import make_once
from idfree.pipelines.video_jobs import Report
from idfree.sequences import open_source

LOG = logging.getLogger("idfree")

PEOPLE_NAMES = ("person", "pedestrian")  # of the data sets that detectors are trained on


@dataclass(frozen=True)
class LabelledCrops:
    """Crops of the pseudo-labels, the report on these of each video, its frame rate (V,), and the cut tracklets."""

    crops: CropSet
    reports: Mapping[str, Report]
    frame_rate: Floats
    cuts: list[Cut]

    @classmethod
    def of(cls, crops: CropSet, reports: Mapping[str, Report], frame_rate: Floats, seed: int) -> "LabelledCrops":
        """Cut all tracklets that are long enough."""
        everything = np.ones(crops.tracklet_count, dtype=bool)
        return cls(crops, reports, frame_rate, cut_tracklets(crops, everything, frame_rate.tolist(), seed))

    @property
    def are_people(self) -> bool:
        """Whether the labelled objects are people, as far as the detector names its classes."""
        names = {name for report in self.reports.values() for name in report.get("class_names", ())}
        return names <= set(PEOPLE_NAMES)


def label_crops(labelling: Labelling, size_hw: tuple[int, int], seed: int) -> LabelledCrops:
    """The crops of all videos that can be read, with the cut tracklets. Raises UserError if none can."""
    crops, reports = collect_crops(labelling, size_hw)
    rates = [open_source(labelling.jobs.videos[name])[0].frame_rate for name in reports]
    return LabelledCrops.of(crops, reports, np.array(rates), seed)


def collect_crops(labelling: Labelling, size_hw: tuple[int, int]) -> tuple[CropSet, dict[str, Report]]:
    """Crops of the pseudo-labels of all videos that can be read, and the reports on these labels by video.

    The crops of each video are kept in files (see `crops_file`). Raises UserError if no video can be read.
    """
    reports = labelling.run(partial(collect_video_crops, labelling=labelling, size_hw=size_hw))
    return concatenate_crops([CropSet.open(crops_file(labelling.out, name)) for name in reports]), reports


def collect_video_crops(path: Path, labelling: Labelling, size_hw: tuple[int, int]) -> Report:
    """Write the crops of one video's pseudo-labels, unless that is done; return the report on the labels."""
    sequence, detector = labelling.open_video(path)
    file, names = crops_file(labelling.out, sequence.name), reported_class_names(detector)

    def make() -> Report:
        pseudo_labels = labelling.label(sequence, detector, partial(crop_boxes, size_hw=size_hw))
        crops_of_labels(pseudo_labels).save(file)
        found = np.unique(pseudo_labels.boxes.class_id).tolist()
        return {**pseudo_labels.report, "class_names": [names[number] for number in found if number in names]}

    inputs = labelling.inputs(sequence, detector) | {"size": list(size_hw)}
    # Reports of earlier versions lack the names of what was found: those of all that the detector may have found.
    return {"class_names": list(names.values()), **make_once(file, inputs, make, can_be_opened)}


def can_be_opened(file: Path) -> bool:
    """Whether a file holds crops; warns if not. Earlier versions wrote no checksum of it into the manifest."""
    try:
        CropSet.open(file)
    except UserError:
        LOG.warning("%s is missing or damaged: it is made again", file)
        return False
    return True


def crops_file(out: Path, name: str) -> Path:
    """The file of a video's crops; beside it lies the manifest."""
    return out / "crops" / name / "crops.npz"
