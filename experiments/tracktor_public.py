"""Tracktor as a preprocessing of public detections, then the default tracker offline, beside a published tracker.

    python experiments/tracktor_public.py --data ../shared/data --out runs/tracktor_public

Of MOT17-04 and MOT17-09, the FRCNN and SDP detections are refined: tracktor follows the boxes of the package's people
detector that start near them (`--public`). What it tracks are detections for `fused` (motion only) with `--offline`.
"given and refined": the public detections, and of tracktor's boxes those that overlap none of the same frame. Beside
them, Lif_T's published results on the same detections (`reference/lif_t`). Settings are defaults but for those named.
Writes the tables of docs/tracktor_public.md; results are stored in OUT/VIDEO.json. Takes about ten minutes of one core.
"""

from dataclasses import replace

import numpy as np
from study import DOCS, make_parser, show_section, stored, tracking_table, write_section

from idfree.core.boxes import iou
from idfree.core.progress import progress
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.offline.track_rows import concatenate
from idfree.offline.whole_video import Video, refine_tracks
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.pipelines.detection.stored_detections import read_stored_detections
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracking_run import concatenate_tracks
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.sequences.tables import read_boxes
from idfree.trackers.registry import make_tracker

VIDEOS, DETECTORS = ("MOT17-04", "MOT17-09"), ("FRCNN", "SDP")
REFINERS = {"refined": (), "refined, kill_score=0.2": ("kill_score=0.2",)}  # settings of tracktor, by title
KEYS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")
MIN_IOU = 0.5  # of boxes of one object


def refined(data, video, public):
    """What tracktor makes of the public detections: {(detector, refiner): annotation}; the video is read once."""
    (sequence,) = open_source(str(data / "videos" / f"{video}.mp4"))
    detector = DetectorConfig("people").open()(sequence)
    run = make_tracking_run(sequence, detector, "bytetrack", camera="none")
    keys = [(name, title) for name in DETECTORS for title in REFINERS]
    trackers = {key: make_tracker("tracktor", REFINERS[key[1]], sequence.frame_rate) for key in keys}
    results = {key: [] for key in keys}
    for frame in progress(run.read(), video, sequence.count, False):
        view = run.make_view(frame)
        for (name, title), tracker in trackers.items():
            given = replace(view, public=public[name].detections_at(frame.number).xyxy)
            results[name, title].append((frame.number, tracker.update(given)))
    return {key: concatenate_tracks(tracks) for key, tracks in results.items()}


def given_and_refined(given, refined):
    """The given boxes, and the refined ones that overlap none of them in their frame."""
    is_new = np.ones(len(refined), dtype=bool)
    for frame in np.unique(refined.frame).tolist():
        rows, others = refined.rows_at(frame), given.rows_at(frame)
        is_new[rows] = (iou(refined.xyxy[rows], given.xyxy[others]) < MIN_IOU).all(axis=1)
    both = concatenate(given, refined[is_new])
    return both[np.argsort(both.frame, kind="stable")]


def whole_video(sequence, boxes):
    """Tracks of `fused` of these boxes, made off-line."""
    detector = PrecomputedDetector(boxes, sequence.size_hw)
    tracks = make_tracking_run(sequence.without_images(), detector, "fused", images=False).track_all()
    return refine_tracks(tracks, Video(sequence.frame_rate, sequence.size_hw))


def measure(data, video):
    """Rows [detector, title, metrics] of one video."""
    folders = {name: data / "MOT17" / "train" / f"{video}-{name}" for name in DETECTORS}
    sequences = {name: open_source(str(folder))[0] for name, folder in folders.items()}
    public = {name: read_stored_detections("det", sequences[name]) for name in DETECTORS}
    found, rows = refined(data, video, public), []
    for name in DETECTORS:
        truth = read_ground_truth(folders[name] / "gt" / "gt.txt")
        published = read_boxes(data / "reference" / "lif_t" / f"{video}-{name}.txt")
        tracks = {f"{title}: tracktor": found[name, title] for title in REFINERS}
        boxes = {"given": public[name]} | {title: found[name, title] for title in REFINERS}
        boxes["given and refined"] = given_and_refined(public[name], found[name, "refined"])
        tracks |= {f"{title}: fused, offline": whole_video(sequences[name], each) for title, each in boxes.items()}
        tracks["given: Lif_T, published"] = published
        rows += [[name, title, compute_metrics(evaluate(truth, each))] for title, each in tracks.items()]
    return rows


def tables(options):
    """Sections of the page, one for each video and detector."""
    for video in options.only:
        rows = stored(options.out / f"{video}.json", lambda video=video: measure(options.data, video))
        for name in DETECTORS:
            found = [((title,), metrics) for detector, title, metrics in rows if detector == name]
            yield show_section(f"{video} {name}", tracking_table(["detections: tracker"], KEYS, found))


def main():
    parser = make_parser(__doc__, "tracktor_public", DOCS / "tracktor_public.md")
    parser.add_argument("--only", nargs="+", choices=VIDEOS, default=VIDEOS, help="videos")
    options = parser.parse_args()
    write_section(options.page, "tables", tables(options))


if __name__ == "__main__":
    main()
