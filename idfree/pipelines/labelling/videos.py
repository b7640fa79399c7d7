"""Pseudo-labels of many videos, from which `idfree adapt` collects crops and `idfree teach` features of boxes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from idfree.core.types import Detector, Sequence
from idfree.pipelines.detection.open_detector import DetectorConfig, OpenedDetector, detection_inputs
from idfree.pipelines.labelling.crop_buffer import CropFunction
from idfree.pipelines.labelling.label_sequence import PseudoLabels, label_sequence
from idfree.pipelines.labelling.pseudolabels import LabelSettings
from idfree.pipelines.manifest import settings_to_json
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.video_jobs import Report, VideoJobs, result_name
from idfree.sequences import open_source


@dataclass(frozen=True)
class Labelling:
    """Videos to label, and how; picklable, for other processes.

    out: folder of the results. selection: of frames and detections.
    """

    jobs: VideoJobs
    out: Path
    detector: OpenedDetector
    selection: Selection
    labels: LabelSettings
    quiet: bool

    @classmethod
    def prepare(
        cls,
        jobs: VideoJobs,
        out: Path,
        config: DetectorConfig,
        selection: Selection,
        labels: LabelSettings,
        quiet: bool = True,
    ) -> "Labelling":
        """Open the detector. Raises UserError."""
        return cls(jobs, jobs.pool.path_for_workers(out), jobs.open_detector(config), selection, labels, quiet)

    def run(self, process: Callable[[Path], Report]) -> dict[str, Report]:
        """Process each video; return the reports by video, without those that cannot be read.

        Raises UserError if none can be read.
        """
        reports, _ = self.jobs.run(process, "labelled", self.quiet)
        return reports

    def open_video(self, path: Path) -> tuple[Sequence, Detector]:
        """A video, named as its results, and the detector for it."""
        sequence = replace(open_source(path)[0], name=result_name(path))
        return sequence, self.detector.for_sequence(sequence)

    def inputs(self, sequence: Sequence, detector: Detector) -> dict[str, Any]:
        """Everything that the pseudo-labels of a video depend on, for a manifest."""
        inputs = detection_inputs(sequence, detector, self.detector.config, self.selection)
        return inputs | {"labels": settings_to_json(asdict(self.labels))}

    def label(self, sequence: Sequence, detector: Detector, crop: CropFunction) -> PseudoLabels:
        """The pseudo-labels of a video, with what a function of an image and boxes makes of their boxes."""
        quiet = self.quiet or self.jobs.uses_other_processes
        return label_sequence(sequence, detector, self.labels, crop, selection=self.selection, quiet=quiet)
