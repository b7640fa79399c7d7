"""tracktor, which regresses boxes, beside fairmot and fused, which match them: with each appearance.

    python experiments/tracktor.py --data ../shared/data --out runs/tracktor

writes docs/tracktor.md. Each video is read once for each detector, and its detections are given to all trackers. A
finished part is kept in OUT/*.json, so that the command goes on where it was stopped; the page holds all parts until
then. --only NAME restricts it to sequences of that name. About eight minutes of one core. Needs the package openvino.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.appearance import open_encoder
from idfree.core.files import make_folder, write_text
from idfree.core.progress import progress
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.pipelines.open_detector import DetectorConfig
from idfree.pipelines.track import prepare
from idfree.pipelines.tracking_run import concatenate_tracks
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.show.table_formats import to_markdown
from idfree.show.tables import TRACKING, Row, Table, show
from idfree.trackers.registry import make_tracker

TRUTH = {"MOT17-09": "MOT17/train/MOT17-09-SDP", "PETS09-S2L1": "MOT15/train/PETS09-S2L1"}  # by video
DETECTORS = {"yolox_nano.onnx": "person", "omz/person-detection-retail-0013-FP16.xml": ""}  # and classes
ENCODERS = {"none": None, "colour": "colour", "0288": "omz/person-reidentification-retail-0288-FP32.xml"}
TRACKERS = {
    "tracktor": ("tracktor", ()),
    "tracktor, kill_score=0.2": ("tracktor", ("kill_score=0.2",)),
    "tracktor, patience=1": ("tracktor", ("patience=1",)),
    "fairmot": ("fairmot", ()),
    "fused": ("fused", ()),
}
KEYS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")
HEAD = """# Tracktor on any detector

Made by `python experiments/tracktor.py --data ../shared/data --out runs/tracktor`; see there what each row is. One
detector's outputs go to all trackers; the camera stands still in these videos. All settings are defaults (those of the
public code for `tracktor`) but for those named. On TUD-Campus with both detectors, of scores of 0.3, 0.4, 0.5 to start
a track and 0.1, 0.2, 0.3, 0.5 to keep it, the published 0.5 and 0.5 had the highest HOTA, so they stayed.

**How boxes are regressed.** Tracktor asks a two-stage detector's box head. Here every detector answers
(`detectors/refinement.py`): of its candidates before suppression, with IoU of at least 0.5 to the track's last box, the
one of the greatest score × IoU gives the score, and the mean of its like, by score, the box (box voting). Nothing is
trained. yolox_nano has hundreds of candidates. person-detection-retail-0013 suppresses boxes within its graph (at IoU
0.45): its candidates are what is left, so that two people who overlap more have one between them. A RoIAlign head is
not there, nor a refiner learnt on feature maps.

**Public detections refined.** With `--public`, tracktor is a preprocessing of given detections: the detector's boxes
start only near them, and are followed where they have gaps. Its results are detections for any tracker:

    idfree track street.mp4 --detector yolox.onnx --classes person --tracker tracktor --public det.txt -o refined
    idfree track street.mp4 --detector refined/street.txt

On TUD-Campus (71 frames; yolox_nano, the MOT15 detections), the default tracker without appearance has an IDF1 of 47.5
on the given boxes and of 68.2 on the refined ones (HOTA 31.4 and 50.2, MOTA 47.4 and 70.5); tracktor's own tracks have
67.0 (52.0, 67.7). The boxes are those of the detector, so that its quality counts, too. Settings were not chosen here,
and one short sequence proves little. `experiments/tracktor_public.py` does it for MOT17-04 and MOT17-09 beside a
published tracker; it was not run to its end yet.

**What to expect.** The detector associates: an object that it misses is lost, and only a look-alike nearby takes up its
track, within a third of a second. `fused` predicts and remembers, and has the higher IDF1 with every appearance on
MOT17-09. Use `tracktor` to compare with papers that build on it. The 0288 network tells the people of MOT17-09 apart
suspiciously well (its training data is not published): trust PETS09 more. It has no calibrated match threshold, so that
tracktor compares its distances with DeepSORT's 0.2 as they are, which revives fewer tracks than the colours do.
"""
PAGE = Path(__file__).resolve().parents[1] / "docs" / "tracktor.md"


def follow(data, name, spec, classes, quiet=False):
    """Results of all trackers with all encoders on one video and detector: {(tracker, encoder): annotation}."""
    (sequence,) = open_source(str(data / "videos" / f"{name}.mp4"))
    detector = DetectorConfig.from_options(str(data / "models" / spec), None, classes).open()(sequence)
    run = prepare(sequence, detector, "bytetrack", camera="none")
    encoders = {looks: open_encoder(locate(data, file)) for looks, file in ENCODERS.items() if file}
    rate = sequence.frame_rate
    trackers = {(t, e): make_tracker(*TRACKERS[t], rate) for t in TRACKERS for e in ENCODERS}
    least = min(tracker.min_embedded_score for tracker in trackers.values())
    results = {key: [] for key in trackers}
    for frame in progress(run.read(), f"{name} {spec}", sequence.count, quiet):
        views = with_looks(run.make_view(frame), encoders, least)
        for (label, looks), tracker in trackers.items():
            results[label, looks].append((frame.number, tracker.update(views[looks])))
    return {key: concatenate_tracks(tracks) for key, tracks in results.items()}


def locate(data, file):
    return file if file == "colour" else data / "models" / file


def with_looks(view, encoders, least):
    """The view by encoder, with embeddings of detections of scores above `least`; as it is for `none`."""
    views, found = {"none": view}, view.detections
    is_used = found.score > least
    for looks, encoder in encoders.items():
        embedding = np.zeros((len(found), encoder.dimension), dtype=np.float32)
        embedding[is_used] = encoder(view.frame.image, found.xyxy[is_used])
        thresholds = {"match_threshold": encoder.match_threshold, "upper_threshold": encoder.upper_threshold}
        views[looks] = replace(view, detections=replace(found, embedding=embedding), **thresholds)
    return views


def measured(data, out, name, spec, classes):
    """Rows [tracker, encoder, metrics] of one video and detector, kept in a file."""
    path = out / f"{name}-{Path(spec).stem}.json"
    if not path.exists():
        truth = read_ground_truth(data / TRUTH[name] / "gt" / "gt.txt")
        rows = [
            [label, looks, compute_metrics(evaluate(truth, tracks))]
            for (label, looks), tracks in follow(data, name, spec, classes).items()
        ]
        write_text(path, json.dumps(rows))
    return json.loads(path.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/tracktor"))
    parser.add_argument("--only", help="name of a sequence")
    options = parser.parse_args()
    make_folder(options.out)
    columns = tuple(column for column in TRACKING if column.key in KEYS)
    parts = [(name, *detector) for name in TRUTH for detector in DETECTORS.items() if options.only in (None, name)]
    titles, page = [f"{name}, {Path(spec).stem}" for name, spec, _ in parts], [HEAD]
    for number, (title, part) in enumerate(zip(titles, parts, strict=True), 1):
        rows = measured(options.data, options.out, *part)
        table = Table(("Tracker", "Appearance"), columns, (tuple(Row((t, e), m) for t, e, m in rows),))
        print(title)
        show(table)
        page.append(f"## {title}\n\n{to_markdown(table)}")
        missing = [f"Not measured yet: {'; '.join(titles[number:])}.\n"] if titles[number:] else []
        if options.only is None:
            write_text(PAGE, "\n".join([*page, *missing]))


if __name__ == "__main__":
    main()
