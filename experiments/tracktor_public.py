"""Tracktor as a preprocessing of public detections, then the default tracker off-line, beside a published tracker.

    python experiments/tracktor_public.py --data ../shared/data --out runs/tracktor_public

writes docs/tracktor_public.md. Of MOT17-04 and MOT17-09, the FRCNN and SDP detections are refined: tracktor follows the
boxes of the package's people detector that start near them. Its results are detections for `fused` (motion alone) with
`--offline`; beside them `fused --offline` on the detections as given, and LIF_T's published results on the same
(`reference/lif_t`). All settings are defaults but for those named. A finished video is kept in OUT/*.json, so that the
command goes on where it was stopped. About ten minutes of one core.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from idfree.core.files import make_folder, write_text
from idfree.core.progress import progress
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.offline.whole_video import Video, refine_tracks
from idfree.pipelines.open_detector import DetectorConfig
from idfree.pipelines.prepare import prepare
from idfree.pipelines.stored_detections import read_stored_detections
from idfree.pipelines.tracking_run import concatenate_tracks
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.sequences.tables import read_boxes
from idfree.show.table_formats import to_markdown
from idfree.show.tables import TRACKING, Row, Table, show
from idfree.trackers.registry import make_tracker

VIDEOS, DETECTORS = ("MOT17-04", "MOT17-09"), ("FRCNN", "SDP")
REFINERS = {"refined": (), "refined, kill\\_score=0.2": ("kill_score=0.2",)}  # settings of tracktor, by title
KEYS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "tracktor_public.md"
HEAD = """# Tracktor as a preprocessing of public detections
"""


def refined(data, video, public):
    """What tracktor makes of the public detections: {(detector, refiner): annotation}; the video is read once."""
    (sequence,) = open_source(str(data / "videos" / f"{video}.mp4"))
    detector = DetectorConfig("people").open()(sequence)
    run = prepare(sequence, detector, "bytetrack", camera="none")
    keys = [(name, title) for name in DETECTORS for title in REFINERS]
    trackers = {key: make_tracker("tracktor", REFINERS[key[1]], sequence.frame_rate) for key in keys}
    results = {key: [] for key in keys}
    for frame in progress(run.read(), video, sequence.count, False):
        view = run.make_view(frame)
        for (name, title), tracker in trackers.items():
            given = replace(view, public=public[name].detections_at(frame.number).xyxy)
            results[name, title].append((frame.number, tracker.update(given)))
    return {key: concatenate_tracks(tracks) for key, tracks in results.items()}


def whole_video(sequence, boxes):
    """Tracks of `fused` of these boxes, made off-line."""
    detector = PrecomputedDetector(boxes, sequence.size_hw)
    tracks = prepare(sequence.without_images(), detector, "fused", images=False).track_all()
    return refine_tracks(tracks, Video(sequence.frame_rate, sequence.size_hw))


def measure(data, video):
    """Rows [detector, title, metrics] of one video."""
    folders = {name: data / "MOT17" / "train" / f"{video}-{name}" for name in DETECTORS}
    sequences = {name: open_source(str(folder))[0] for name, folder in folders.items()}
    public = {name: read_stored_detections("det", sequences[name]) for name in DETECTORS}
    found, rows = refined(data, video, public), []
    for name in DETECTORS:
        truth = read_ground_truth(folders[name] / "gt" / "gt.txt")
        results = {"as given, fused, off-line": whole_video(sequences[name], public[name])}
        for title in REFINERS:
            results[f"{title}: tracktor's tracks"] = found[name, title]
            results[f"{title}, fused, off-line"] = whole_video(sequences[name], found[name, title])
        results["LIF\\\\_T, published"] = read_boxes(data / "reference" / "lif_t" / f"{video}-{name}.txt")
        rows += [[name, title, compute_metrics(evaluate(truth, tracks))] for title, tracks in results.items()]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/tracktor_public"))
    parser.add_argument("--only", nargs="+", default=VIDEOS, help="videos")
    options = parser.parse_args()
    make_folder(options.out)
    columns, page = tuple(column for column in TRACKING if column.key in KEYS), [HEAD]
    for video in options.only:
        path = options.out / f"{video}.json"
        if not path.exists():
            write_text(path, json.dumps(measure(options.data, video)))
        measured = json.loads(path.read_text())
        for name in DETECTORS:
            rows = tuple(Row((title,), metrics) for given, title, metrics in measured if given == name)
            table = Table((f"{video}-{name}",), columns, (rows,))
            show(table)
            page.append(f"## {video}-{name}\n\n{to_markdown(table)}")
        write_text(PAGE, "\n".join(page))


if __name__ == "__main__":
    main()
