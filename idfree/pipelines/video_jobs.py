"""Process many videos one by one, in several processes or on a cluster; one that fails does not stop the others."""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.names import file_name
from idfree.core.path_list import as_list
from idfree.core.pipes import is_pipe
from idfree.core.reading import exists, is_file
from idfree.core.workers import WorkerPool, map_items
from idfree.detectors.people import PEOPLE
from idfree.pipelines.detection.open_detector import DetectorConfig, OpenedDetector
from idfree.pipelines.detection.report import NETWORKS
from idfree.sequences.folders import list_entries, list_files
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.motchallenge import is_sequence
from idfree.sequences.video import VIDEO_SUFFIXES

LOG = logging.getLogger("idfree")

READ_TWICE = "the video is read more than once: write it into a file first"

Report = dict[str, Any]  # of one video, ready for JSON
Source = str | Path

# Values of --detector, --appearance and --camera that are no paths; ./det is one
KEYWORDS = (PEOPLE, "det", "colour", "auto", "own", "none", "flow", "ecc")


@dataclass(frozen=True)
class VideoJobs:
    """Videos by name, and the processes that they are processed in."""

    videos: dict[str, Path]
    pool: WorkerPool

    @property
    def uses_other_processes(self) -> bool:
        """Whether the videos are processed in other processes than the current one."""
        return self.pool.uses_other_processes(len(self.videos))

    @property
    def threads(self) -> int | None:
        """CPU threads for each process; None (no limit) if there is only one process."""
        return self.pool.threads_per_process(len(self.videos))

    def open_detector(self, config: DetectorConfig) -> OpenedDetector:
        """Open the detector; it is opened again in each worker process."""
        return open_for_workers(config, self.pool, len(self.videos))

    def run(
        self, process: Callable[[Path], Report], verb: str, quiet: bool = True
    ) -> tuple[dict[str, Report], dict[str, str]]:
        """Process all videos; return the reports, in the order of the videos, and the error messages of the others.

        process: picklable. verb: past participle for messages, such as "labelled". Failures are logged as warnings.
        Raises UserError if all videos fail; KeyboardInterrupt on Ctrl-C, with the number of finished videos.
        """
        reports: dict[str, Report] = {}
        failed: dict[str, str] = {}
        items = {name: self.pool.path_for_workers(path) for name, path in self.videos.items()}
        try:
            for name, outcome in map_items(process, items, self.pool, verb, quiet):
                if isinstance(outcome, UserError):
                    failed[name] = str(outcome)
                    if len(items) > 1:
                        LOG.warning("%s is left out: %s", name, outcome)
                else:
                    reports[name] = outcome
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{len(reports)} of {len(items)} videos are {verb} and kept") from None
        if not reports:
            first = next(iter(failed.values()))
            raise UserError(first if len(items) == 1 else f"none of the {len(items)} videos could be {verb}: {first}")
        return {name: reports[name] for name in self.videos if name in reports}, failed

    def sources_of(self, names: Collection[str], sources: Source | Iterable[Source]) -> list[str]:
        """The sources of these videos, for commands: as they were given, or, if some videos were left out, each."""
        if len(names) < len(self.videos):
            return [str(self.videos[name]) for name in names]
        return [str(each) for each in as_list(sources)]


def spec_for_workers(spec: str | Path | None, pool: WorkerPool) -> str:
    """A value of --detector, --appearance or --camera, None for `none`; paths are absolute for a cluster."""
    text = "none" if spec is None else str(spec)
    return str(Path(text).absolute()) if pool.dask and text not in KEYWORDS else text


def open_for_workers(config: DetectorConfig, pool: WorkerPool, videos: int) -> OpenedDetector:
    """Open the detector of so many videos; it is opened again in each worker process.

    Raises UserError if its boxes come from a pipe, which is read once, for several videos.
    """
    if videos > 1 and is_pipe(config.spec):
        raise UserError(f"--detector {config.spec} is a pipe, for {videos} videos: write the boxes into files first")
    config = replace(config, spec=spec_for_workers(config.spec, pool))
    return OpenedDetector(config, pool.threads_per_process(videos))


def make_jobs(
    sources: Source | Iterable[Source], detector: DetectorConfig, workers: int = 1, dask: str | None = None
) -> VideoJobs:
    """Find the videos of all sources: video files, folders of videos or images, MOTChallenge folders.

    workers: processes on this machine. dask: address of a Dask scheduler instead. Raises UserError if two videos have
    the same name, if `detector` is one file of detections for several videos, and for cameras and streams,
    and for pipes if other processes would read them.
    """
    paths = [path for source in as_list(sources) for path in find_videos(str(source))]
    names = [result_name(path) for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{names.count(name)} sources are called {name}: their results would overwrite each other")
    spec = detector.spec
    if is_file(spec) and not spec.endswith(NETWORKS) and len(paths) > 1:
        raise UserError(f"--detector {spec}: one file for {len(paths)} videos; expected a folder of them")
    pool = WorkerPool(workers, dask)
    if pool.uses_other_processes(len(paths)):
        option = "--dask" if dask else f"--workers {workers}"
        refuse_pipes(paths, f"other processes cannot read it: leave out {option}, or write the video into a file")
    return VideoJobs(dict(zip(names, paths, strict=True)), pool)


def refuse_pipes(videos: Iterable[Path], reason: str) -> None:
    """Raises UserError if one of the videos is a pipe. reason: why it cannot be, and what to do."""
    for path in videos:
        if is_pipe(path):
            raise UserError(f"{path} is a pipe: {reason}")


def find_videos(source: str) -> list[Path]:
    """The files and folders of a source that are one sequence each.

    Raises UserError for a camera or stream, and if there is no such file or folder.
    """
    path = Path(source)
    if not exists(path):
        is_live = "://" in source or source.isdecimal()
        raise UserError(
            f"{source}: only files and folders can be worked through" if is_live else f"no such file or folder: {path}"
        )
    if not path.is_dir() or is_sequence(path):
        return [path]
    sequences = [entry for entry in list_entries(path) if entry.is_dir() and is_sequence(entry)]
    if sequences or list_files(path, IMAGE_SUFFIXES):
        return sequences or [path]
    return list_files(path, VIDEO_SUFFIXES) or [path]  # open_source raises UserError for an empty folder


def result_name(path: Path) -> str:
    """Name of the results of a video: that of its folder, or of its file without the suffix."""
    return file_name(path.resolve().name if path.is_dir() else path.stem, "sequence")
