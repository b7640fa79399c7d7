"""Tracktor with the box head of a Faster R-CNN trained here, beside the default tracker on the same detections.

    python experiments/faster_rcnn.py --data ../shared/data --out runs/faster_rcnn

The network is that of the table `idfree-experiments run simplereid-tracktor`, trained on the first halves of MOT17-04,
MOT17-09 and PETS09-S2L1 and on PennFudan, from the backbone of the detector that all its rows start from. It is
judged on the second halves: average precision, then tracktor and fused, both without appearance, on its own
detections; tracktor started by public detections (PETS09: MOT15's, which are not tracked twice), whose boxes the
network regresses; and fused on the public detections themselves. Results are stored in OUT/VIDEO.json. Writes the table
of docs/tracktor_trained.md. Takes about half an hour of one core, and half an hour more for the initial detector.
"""

from dataclasses import replace
from pathlib import Path

from study import DOCS, make_parser, show_section, stored, tracking_table, write_section

from idfree.core.progress import progress
from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.datasets.open_footage import open_all
from idfree.detectors import PrecomputedDetector, open_detector
from idfree.evaluation.detection import evaluate_detections
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.experiments.crop_encoders import public_detections
from idfree.experiments.one_shot_rows import OneShotRows
from idfree.experiments.protocol import MINI
from idfree.experiments.table import OneShot
from idfree.learn.methods.one_shot import MODEL
from idfree.pipelines.detection.detect_sequence import concatenate_detections
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracking_run import concatenate_tracks
from idfree.pipelines.training.validate import footage_as_sequence, ground_truth_of
from idfree.trackers.registry import make_tracker

PUBLIC = {  # by video: the folders of its public detections
    "MOT17-09": {name: f"MOT17/train/MOT17-09-{name}" for name in ("SDP", "FRCNN")},
    "MOT17-04": {name: f"MOT17/train/MOT17-04-{name}" for name in ("SDP", "FRCNN")},
    "PETS09-S2L1": {"MOT15": "MOT15/train/PETS09-S2L1"},
}
KEYS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")


def measure(data: Path, model: Path, video: str) -> dict:
    """Average precision of the network on the second half of a video, and rows [detections, tracker, metrics]."""
    folders = {name: data / folder for name, folder in PUBLIC[video].items()}
    (footage,) = open_all([next(iter(folders.values()))], "val", data / "videos")
    public = {name: public_detections(folder, "val") for name, folder in folders.items()}
    truth, (boxes, tracks) = ground_truth_of(footage), track(footage, model, public)
    scores = [[*key, compute_metrics(evaluate(truth, each, "auto", footage.length))] for key, each in tracks.items()]
    return {"AP": evaluate_detections(boxes, truth)["all"].ap, "rows": scores}


def track(
    footage: Footage, model: Path, public: dict[str, Annotation]
) -> tuple[Annotation, dict[tuple[str, str], Annotation]]:
    """The network's detections, and tracks by (detections, tracker); the images are read once."""
    sequence = footage_as_sequence(footage)
    detector = open_detector(model, device="cpu", threads=1)
    run = make_tracking_run(sequence, detector, "bytetrack", camera="none")
    keys = [("own", "tracktor"), ("own", "fused"), *((name, "tracktor") for name in public)]
    trackers = {key: make_tracker(key[1], (), sequence.frame_rate) for key in keys}
    tracks: dict = {key: [] for key in keys}
    numbers, detections = [], []
    for frame in progress(run.read(), footage.name, sequence.count, False):
        view = run.make_view(frame)
        numbers.append(frame.number)
        detections.append(view.detections)
        for (name, title), tracker in trackers.items():
            given = view if name == "own" else replace(view, public=public[name].detections_at(frame.number).xyxy)
            tracks[name, title].append((frame.number, tracker.update(given)))
    found = {key: concatenate_tracks(parts) for key, parts in tracks.items()}
    for name, each in public.items():
        given = PrecomputedDetector(each, sequence.size_hw, score_range=None)
        found[name, "fused"] = make_tracking_run(sequence, given, "fused", images=False, camera="none").track_all()
    return concatenate_detections(numbers, detections), found


def tables(options):
    """Sections of the page, one for each video."""
    rows = OneShotRows(MINI, options.data, options.out, "cpu", quiet=False)
    model = rows.train(OneShot("fasterrcnn"), seed=0) / MODEL
    for video in options.only:
        found = stored(options.out / f"{video}.json", lambda video=video: measure(options.data, model, video))
        title = f"{video}, AP {100 * found['AP']:.1f}"
        parts = [(labels, metrics) for *labels, metrics in found["rows"]]
        yield show_section(title, tracking_table(["Detections", "Tracker"], KEYS, parts))


def main():
    parser = make_parser(__doc__, "faster_rcnn", DOCS / "tracktor_trained.md")
    parser.add_argument("--only", nargs="+", choices=PUBLIC, default=PUBLIC, help="videos")
    options = parser.parse_args()
    write_section(options.page, "tables", tables(options))


if __name__ == "__main__":
    main()
