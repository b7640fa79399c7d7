"""Write synthetic streets as MOTChallenge folders: images or a video, gt/gt.txt, det/det.txt and seqinfo.ini."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_bytes
from idfree.core.progress import progress
from idfree.core.types import Sequence
from idfree.core.workers import WorkerPool, map_items
from idfree.datasets.export_images import leave_no_images, prepare_folder
from idfree.datasets.write_sequence import write_seqinfo
from idfree.sequences.motchallenge import write_ground_truth, write_results
from idfree.sequences.seqinfo import IMAGE_FOLDER
from idfree.show.video_writer import VideoWriter, VideoWriterSettings
from idfree.synthetic.exposure import expose
from idfree.synthetic.moving_camera import VIEW, CameraMove, move_camera
from idfree.synthetic.scene import SyntheticSequence, make_street
from idfree.synthetic.street import StreetSettings
from idfree.synthetic.trajectories import WALKING_SPEED

CAMERAS = ("still", *get_args(CameraMove))
ENCODING = VideoWriterSettings(crf=18, preset="ultrafast")  # twice as fast as veryfast


@dataclass(frozen=True)
class SceneSettings:
    """A scene. size_hw: (height, width). occlusion: seconds that a walker is hidden by a hoarding, 0 for none.

    camera: one of CAMERAS. light: factor of brightness. noise: standard deviation in grey levels. images: JPEG files in
    place of a video.
    """

    people: int = 24
    frames: int = 200
    frame_rate: float = 20.0
    size_hw: tuple[int, int] = (480, 640)
    occlusion: float = 0.0
    camera: str = "still"
    light: float = 1.0
    noise: float = 0.0
    images: bool = False
    street: StreetSettings = field(default_factory=StreetSettings)

    def __post_init__(self) -> None:
        street = self.street
        fractions = (street.lookalikes, street.miss_clear, street.merged)
        if not all(0 <= value <= 1 for value in fractions):
            raise UserError(f"data synth: lookalikes, misses and merged are {fractions}, expected 0 to 1 each")
        amounts = (self.occlusion, self.light, self.noise, street.jitter, street.false_positives)
        if not all(0 <= value < float("inf") for value in amounts):
            raise UserError(
                f"data synth: occlusion, light, noise, jitter and false positives are {amounts}, expected 0 or more"
            )
        if self.camera not in CAMERAS:
            raise UserError(f"data synth: camera {self.camera!r}, expected one of {', '.join(CAMERAS)}")


@dataclass(frozen=True)
class SceneTask:
    """A scene to write; picklable."""

    folder: Path
    seed: int
    settings: SceneSettings
    quiet: bool


def synthesise(
    out: str | Path,
    settings: SceneSettings | None = None,
    scenes: int = 1,
    seed: int = 0,
    workers: int = 1,
    quiet: bool = True,
) -> list[Path]:
    """Write `scenes` streets of the seeds seed, seed + 1, … below `out`; return their folders, in order.

    The same arguments give the same files. Raises UserError.
    """
    if scenes < 1:
        raise UserError(f"data synth: {scenes} scenes, expected 1 or more")
    pool, settings = WorkerPool(workers), settings or SceneSettings()
    is_single = not pool.uses_other_processes(scenes)
    tasks = {
        f"street-{each}": SceneTask(Path(out) / f"street-{each}", each, settings, quiet or not is_single)
        for each in range(seed, seed + scenes)
    }
    for _, outcome in map_items(write_scene, tasks, pool, "scenes", quiet):
        if isinstance(outcome, UserError):
            raise outcome
    return [task.folder for task in tasks.values()]


def write_scene(task: SceneTask) -> None:
    """Write one scene; seqinfo.ini, which makes the folder a sequence, comes last."""
    street, folder = make_scene(task.settings, task.seed), task.folder
    make_folder(folder)
    write_images(folder, street.sequence, task)
    write_ground_truth(folder / "gt" / "gt.txt", street.truth)
    write_results(folder / "det" / "det.txt", street.detections)
    height, width = street.sequence.size_hw or task.settings.size_hw
    info: dict[str, object] = {"name": folder.name, "imDir": IMAGE_FOLDER}
    info |= {"frameRate": f"{street.sequence.frame_rate:.10g}", "seqLength": street.sequence.length}
    write_seqinfo(folder, {**info, "imWidth": width, "imHeight": height})


def make_scene(settings: SceneSettings, seed: int) -> SyntheticSequence:
    """The street of a seed, seen by the camera, with light and noise."""
    view = 1.0 if settings.camera == "still" else VIEW  # a moving camera sees a part of a larger image
    height, width = (round(side / view) for side in settings.size_hw)
    behaviour = replace(settings.street, hoarding=settings.occlusion * WALKING_SPEED[0])
    street = make_street(seed, settings.people, settings.frames, (height, width), settings.frame_rate, behaviour)
    for move in get_args(CameraMove):
        if move == settings.camera:
            street, _ = move_camera(street, move, seed)
    return replace(street, sequence=expose(street.sequence, settings.light, settings.noise, seed))


def write_images(folder: Path, sequence: Sequence, task: SceneTask) -> None:
    """Write the images as img1/000001.jpg … or as NAME.mp4; links of an earlier run are deleted, images refused."""
    import cv2

    frames = progress(sequence, f"{folder.name}: rendering", sequence.length, task.quiet)
    if task.settings.images:
        files = [folder / IMAGE_FOLDER / f"{number:06d}.jpg" for number in range(1, (sequence.length or 0) + 1)]
        prepare_folder(files)
        make_folder(folder / IMAGE_FOLDER)
        for frame in frames:
            if frame.image is not None:
                write_bytes(files[frame.number - 1], cv2.imencode(".jpg", frame.image)[1].tobytes())
        return
    leave_no_images(folder / IMAGE_FOLDER)
    size_hw = sequence.size_hw or task.settings.size_hw
    with VideoWriter(folder / f"{folder.name}.mp4", sequence.frame_rate, size_hw, ENCODING) as video:
        for frame in frames:
            if frame.image is not None:
                video.write(frame.image)
