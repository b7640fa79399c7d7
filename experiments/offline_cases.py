"""Sequences with detections, videos and ground truth for offline.py and offline_links.py, and their scores."""

from dataclasses import dataclass
from pathlib import Path

from footage import TRUTH

import idfree

METRICS = ("HOTA", "IDF1", "MOTA")
TRACKERS = {"fused": "colour", "bytetrack": "none", "sort": "none"}  # and the appearance of each
MAIN = ("MOT17-04", "MOT17-09", "PETS09-S2L1", "TUD-Campus")  # prefixes of names; their DPM detections left out


@dataclass(frozen=True)
class Case:
    """A sequence with detections.

    folder: of the ground truth. boxes: file of detections. video: None if there is none. half: "val" to evaluate the
    second half alone.
    """

    name: str
    folder: Path
    boxes: Path
    video: Path | None
    half: str = "none"

    @property
    def is_main(self) -> bool:
        return self.name.startswith(MAIN) and not self.name.endswith("DPM")

    def source(self, tracker: str) -> Path:
        """What the tracker reads: the video if it needs images."""
        return self.folder if TRACKERS[tracker] == "none" else self.video


def all_cases(data):
    """All cases, in the order of the tables."""
    stored, videos = data / "detections", data / "videos"
    for name in ("MOT17-02", "MOT17-04", "MOT17-09", "MOT17-10"):
        yield from mot17_cases(data, name)
    for name in ("PETS09-S2L1", "TUD-Campus", "KITTI-17"):
        folder = data / TRUTH[name]
        yield Case(name, folder, folder / "det" / "det.txt", videos / f"{name}.mp4")
    moving = data / TRUTH["ETH-Sunnyday"]
    yield Case(moving.name, moving, moving / "det" / "det.txt", moving / "ETH-Sunnyday.mp4")
    crowd = data / "MOT20" / "train" / "MOT20-01"
    yield Case(crowd.name, crowd, stored / "yolox-x-mot20" / "MOT20-01.txt", None)
    for folder in sorted((data / "DanceTrack" / "val").iterdir()):
        yield Case(folder.name, folder, stored / "yolox-x-dancetrack" / f"{folder.name}.txt", None)


def mot17_cases(data, name):
    """A sequence of MOT17 with each of its public detections, and with those of yolox-x, trained on first halves."""
    mot17, video = data / "MOT17" / "train", data / "videos" / f"{name}.mp4"
    video = video if video.exists() else None
    for detector in ("SDP", "FRCNN", "DPM"):
        folder = mot17 / f"{name}-{detector}"
        yield Case(folder.name, folder, folder / "det" / "det.txt", video)
    boxes = data / "detections" / "yolox-x-mot17" / f"{name}.txt"
    yield Case(f"{name} yolox-x", mot17 / f"{name}-SDP", boxes, video, "val")


def track_online(case, tracker, out):
    """The file of a tracker's tracks, made unless it is there."""
    folder = out / tracker / case.name.replace(" ", "-") / "on-line"
    if not (folder / "summary.json").exists():
        options = {"tracker": tracker, "appearance": TRACKERS[tracker], "camera": "none"}
        idfree.track_videos(case.source(tracker), folder, detector=case.boxes, **options)
    (file,) = folder.glob("*.txt")
    return file


def refine_offline(case, tracker, online):
    """The file of the refined tracks, made unless it is there."""
    folder = online.parent.parent / "off-line"
    if not (folder / "summary.json").exists():
        idfree.refine(online, case.source(tracker), folder, appearance=TRACKERS[tracker])
    (file,) = folder.glob("*.txt")
    return file


def evaluate(case, results):
    """METRICS of a file of tracks, in percent."""
    figures = idfree.evaluate(results, case.folder, half=case.half)["COMBINED"]
    return [100 * figures[name] for name in METRICS]


def hota_idf1(figures):
    """A cell: HOTA / IDF1."""
    return f"{figures[0]:.1f} / {figures[1]:.1f}"
