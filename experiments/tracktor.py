"""Tracking by Tracktor, which regresses boxes, beside fairmot and fused, which match them, with each appearance.

    python experiments/tracktor.py --data ../shared/data --out runs/tracktor

Writes docs/tracktor.md. Each video is read once for each detector, and all trackers get the same detections. Results
are stored in OUT/*.json; until all are measured, the page lists the missing ones. --only NAME measures one video and
leaves the page alone. Takes about eight minutes of one core. Needs the package openvino.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from footage import TRUTH, video_path
from study import DOCS, make_parser, show_section, stored, tracking_table

from idfree.appearance import open_encoder
from idfree.core.files import write_text
from idfree.core.progress import progress
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracking_run import concatenate_tracks
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.trackers.registry import make_tracker

VIDEOS = ("MOT17-09", "PETS09-S2L1")
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
HEAD = """# Tracktor on any detector: results

Made by `python experiments/tracktor.py --data ../shared/data --out runs/tracktor`; how boxes are regressed is on the
[method's page](methods/tracktor.md). The outputs of one detector go to all trackers; the camera is static in these
videos. All settings are defaults (those of the public code for `tracktor`) except those named.

**In short.** `fused` has the higher IDF1 with every appearance and detector, on PETS09 (7 frames/s) by a factor of 1.9
to 5: there people move far between two frames. With `tracktor` the detector associates: a track ends where its object
is not detected, and only a box of similar appearance nearby resumes it, within a third of a second. Use it to compare
with papers that build on it.

**The detectors.** yolox_nano has hundreds of candidates before suppression, by which boxes are regressed.
person-detection-retail-0013 suppresses boxes within its graph (at IoU 0.45), so that only the remaining ones are
candidates, and two people who overlap more share one. With a Faster R-CNN trained here, which has a box head, IDF1 is
35, 48 and 23 with `tracktor`, 34, 56 and 75 with `fused` on MOT17-09, MOT17-04 and PETS09
([details](tracktor_trained.md)).

**Thresholds.** On TUD-Campus with both detectors, of scores of 0.3, 0.4, 0.5 to start a track and 0.1, 0.2, 0.3, 0.5 to
keep it, the published 0.5 and 0.5 had the highest HOTA, and are the defaults.

**Appearance.** 0288 is a Re-ID network of the Open Model Zoo. Its training data is not published, and its results on
MOT17-09 are suspiciously good: trust those on PETS09 more. It has no calibrated match threshold, so tracktor compares
its distances with DeepSORT's 0.2 directly, which resumes fewer tracks than the colour histograms do.

**Refined public detections** (`--public`). On TUD-Campus (71 frames; yolox_nano, the MOT15 detections), the default
tracker without appearance has an IDF1 of 47.5 with the given boxes and of 68.2 with the refined ones (HOTA 31.4 and
50.2, MOTA 47.4 and 70.5); tracktor's own tracks have 67.0 (52.0, 67.7). The boxes are the detector's, so its quality
contributes to the gain. No setting was chosen on this sequence, but it is one short sequence. On MOT17-04 and MOT17-09
the refined boxes are worse than the given ones, and useful only in addition to weak ones
([measured](tracktor_public.md)).

**The export of Faster R-CNN.** No weights trained on COCO were at hand; random ones were compared. With torchvision
0.28's own code (RoIAlign in its Python version, suppression by ours, as its compiled operators do not load beside
PyTorch for CPUs), 4 classes and an image of 256×160, the 100 detections are the same within 4e-5 px and 5e-7 of score.
At 1344×768, ONNX Runtime regresses 30 given boxes as PyTorch does, within 6e-6 px. A 1080p frame takes 2.4 s of CPU
time on one thread (AVX-512), and 30 boxes 0.02 s in the box head. Weights of Tracktor's authors should be of this
layout, which was not tried; the norms of the backbone have an epsilon of 0, as in torchvision's published weights.
"""


def track(data, name, spec, classes):
    """Tracks of all trackers with all encoders on one video and detector: {(tracker, encoder): annotation}."""
    (sequence,) = open_source(video_path(data, name))
    detector = DetectorConfig.from_options(str(data / "models" / spec), None, classes).open()(sequence)
    run = make_tracking_run(sequence, detector, "bytetrack", camera="none")
    encoders = {title: open_encoder(encoder_path(data, file)) for title, file in ENCODERS.items() if file}
    pairs = [(title, encoder) for title in TRACKERS for encoder in ENCODERS]
    trackers = {pair: make_tracker(*TRACKERS[pair[0]], sequence.frame_rate) for pair in pairs}
    min_score = min(tracker.min_embedded_score for tracker in trackers.values())
    results = {pair: [] for pair in pairs}
    for frame in progress(run.read(), f"{name} {spec}", sequence.count, False):
        views = embedded_views(run.make_view(frame), encoders, min_score)
        for (title, encoder), tracker in trackers.items():
            results[title, encoder].append((frame.number, tracker.update(views[encoder])))
    return {pair: concatenate_tracks(tracks) for pair, tracks in results.items()}


def encoder_path(data, file):
    return file if file == "colour" else data / "models" / file


def embedded_views(view, encoders, min_score):
    """The view by encoder, with embeddings of detections of scores above `min_score`; "none": without embeddings."""
    views, found = {"none": view}, view.detections
    is_used = found.score > min_score
    for name, encoder in encoders.items():
        embedding = np.zeros((len(found), encoder.dimension), dtype=np.float32)
        embedding[is_used] = encoder(view.frame.image, found.xyxy[is_used])
        thresholds = {"match_threshold": encoder.match_threshold, "upper_threshold": encoder.upper_threshold}
        views[name] = replace(view, detections=replace(found, embedding=embedding), **thresholds)
    return views


def measure(data, name, spec, classes):
    """Rows [tracker, encoder, metrics] of one video and detector."""
    truth = read_ground_truth(data / TRUTH[name] / "gt" / "gt.txt")
    results = track(data, name, spec, classes)
    return [[*pair, compute_metrics(evaluate(truth, tracks))] for pair, tracks in results.items()]


def main():
    parser = make_parser(__doc__, "tracktor", DOCS / "tracktor.md")
    parser.add_argument("--only", choices=VIDEOS, help="one video")
    options = parser.parse_args()
    parts = [(name, *detector) for name in VIDEOS for detector in DETECTORS.items() if options.only in (None, name)]
    titles, page = [f"{name}, {Path(spec).stem}" for name, spec, _ in parts], [HEAD]
    for number, (title, part) in enumerate(zip(titles, parts, strict=True), 1):
        file = options.out / f"{part[0]}-{Path(part[1]).stem}.json"
        rows = stored(file, partial(measure, options.data, *part))
        table = tracking_table(("Tracker", "Appearance"), KEYS, ((labels, metrics) for *labels, metrics in rows))
        page.append(show_section(title, table))
        missing = [f"Not measured yet: {'; '.join(titles[number:])}.\n"] if titles[number:] else []
        if options.only is None:
            write_text(options.page, "\n".join([*page, *missing]))


if __name__ == "__main__":
    main()
