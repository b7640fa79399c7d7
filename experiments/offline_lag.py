"""Tracks of one run of a tracker, online, refined with several lags, and refined as a whole video; for offline.py."""

from offline_cases import TRACKERS

from idfree.core.files import make_folder
from idfree.offline.fixed_lag import FixedLag
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.whole_video import Video, refine_tracks
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.pipelines.detection.open_detector import open_any_detector
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracking_run import concatenate_tracks
from idfree.sequences import open_source
from idfree.sequences.motchallenge import write_results

LAGS = {f"lag {lag:g} s": lag for lag in (1.0, 2.0, 5.0)}
ONLINE, WHOLE = "online", "whole video"


def track_with_lags(case, tracker, out):
    """Files of tracks by title, made unless they are there."""
    folder = out / "delayed" / tracker / case.name
    titles = (ONLINE, *LAGS, WHOLE)
    files = {title: folder / title.replace(" ", "-") / f"{case.folder.name}.txt" for title in titles}
    if not files[WHOLE].exists():
        for title, tracks in compute(case, tracker).items():
            make_folder(files[title].parent)
            write_results(files[title], tracks)
    return files


def compute(case, tracker):
    """Tracks by title."""
    (sequence,) = open_source(case.source(tracker))
    detector, _ = open_any_detector(case.boxes, "", "auto", sequence)
    run = make_tracking_run(sequence, detector, tracker, images=False, encoder=open_appearance(TRACKERS[tracker]))
    run.kept_embeddings, video = KeptEmbeddings(), Video(sequence.frame_rate, sequence.size_hw)
    refiners = {title: FixedLag(lag, video) for title, lag in LAGS.items()}
    found = {title: [] for title in (ONLINE, *LAGS)}
    for frame, now in run:
        found[ONLINE].append((frame.number, now))
        for title, refiner in refiners.items():
            found[title] += refiner.add(frame.number, now, frame.time, None, run.detections)
    for title, refiner in refiners.items():
        found[title] += refiner.finish()
    tracks = {title: concatenate_tracks(rows) for title, rows in found.items()}
    return tracks | {WHOLE: refine_tracks(tracks[ONLINE], video, run.kept_embeddings)}
