"""Pseudo-labels of many videos, from which `idfree adapt` collects crops and `idfree teach` features of boxes."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from idfree.core.types import Detector, Sequence
from idfree.core.workers import PicklableFactory
from idfree.pipelines.crop_buffer import CropFunction
from idfree.pipelines.label_sequence import PseudoLabels, label_sequence
from idfree.pipelines.manifest import settings_to_json
from idfree.pipelines.open_detector import DetectorConfig, DetectorOf, detection_inputs
from idfree.pipelines.pseudolabels import LabelSettings
from idfree.pipelines.selection import Selection
from idfree.pipelines.video_jobs import VideoJobs, result_name
from idfree.sequences import open_source


@dataclass(frozen=True)
class Labelling:
    """How each video is labelled; picklable, for other processes.

    out: folder of the results. config, detector_of: of the detector, and opened. selection: of frames and detections.
    """

    out: Path
    config: DetectorConfig
    detector_of: PicklableFactory[DetectorOf]
    selection: Selection
    labels: LabelSettings
    quiet: bool

    @classmethod
    def of(
        cls,
        jobs: VideoJobs,
        out: Path,
        config: DetectorConfig,
        selection: Selection,
        labels: LabelSettings,
        quiet: bool = True,
    ) -> "Labelling":
        """With paths that the processes of the jobs can read."""
        detector_of, quiet = jobs.open_detector(config), quiet or jobs.uses_other_processes
        return cls(jobs.path_for_workers(out), config, detector_of, selection, labels, quiet)

    def open(self, path: Path) -> tuple[Sequence, Detector]:
        """A video, named as its results, and the detector for it."""
        sequence = replace(open_source(path)[0], name=result_name(path))
        return sequence, self.detector_of.instance(sequence)

    def inputs(self, sequence: Sequence, detector: Detector) -> dict[str, Any]:
        """Everything that the pseudo-labels of a video depend on, for a manifest."""
        inputs = detection_inputs(sequence, detector, self.config, self.selection)
        return inputs | {"labels": settings_to_json(asdict(self.labels))}

    def label(self, sequence: Sequence, detector: Detector, crop: CropFunction) -> PseudoLabels:
        """The pseudo-labels of a video, with what a function of an image and boxes makes of their boxes."""
        return label_sequence(sequence, detector, self.labels, crop, selection=self.selection, quiet=self.quiet)
