"""AP50, tracking and CPU time of the people detector and of yolox_nano; the tables of docs/people_model.md.

Run by `people_model.py --judge`. Detections and embeddings of a video are computed once and stored below OUT; the
default tracker runs on them at every 1st, 3rd and 5th frame, with camera motion compensation where the camera moves.
"""

import time
from collections import defaultdict
from itertools import islice

import numpy as np
from footage import MOVING, STEP_TITLES, TRUTH, file_name, step_cells, track_at_steps, video_path
from study import Results, markdown_header, markdown_row

import idfree
from idfree.detectors import open_detector
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.sequences import open_source

UNSEEN = ("TUD-Campus", "ETH-Sunnyday", "KITTI-17")  # settings were not chosen on them; for TUD-Campus see the page
YOLOX = "models/yolox_nano.onnx"
ROWS = {  # detector, classes, `--appearance`, settings of the detector
    "yolox_nano, motion only": (YOLOX, "person", "none", ()),
    "yolox_nano + colour": (YOLOX, "person", "colour", ()),
    "people, motion only": ("people", "", "none", ()),
    "people + colour, part_score=1": ("people", "", "colour", ("detector.part_score=1",)),
    "people + colour": ("people", "", "colour", ()),
    "people + its crop network": ("people", "", "people", ()),
}
TIMED_VIDEOS, TIMED_ROWS = ("PETS09-S2L1", "MOT17-09"), ("yolox_nano + colour", "people + colour")
TIMED, WARM_UP = 40, 5  # frames that are timed, after the first ones
EMBEDDED_SCORE = 0.25  # boxes below it are rarely tracked; they are not embedded when frames are timed


class Study:
    """The data, the folder of results, and the results of both detectors."""

    def __init__(self, data, out):
        self.data, self.out, self.results = data, out, Results(out)

    def detector(self, row):
        """Detector, classes, appearance and settings of a row."""
        spec, classes, appearance, settings = ROWS[row]
        return (spec if spec == "people" else str(self.data / spec)), classes, appearance, list(settings)

    def detections(self, name, row):
        """The folder with the boxes and embeddings of a row, made unless it is there."""
        spec, classes, appearance, settings = self.detector(row)
        folder, video = self.out / name / file_name(row), video_path(self.data, name)
        with_colour = "people + colour" if spec == "people" else "yolox_nano + colour"
        if appearance == "none":  # the boxes of another row, whose embeddings are not used
            return self.detections(name, with_colour)
        if appearance == "people":
            idfree.detect(video, folder, self.detections(name, with_colour), appearance="people")
        else:
            idfree.detect(video, folder, spec, classes=classes, appearance=appearance, set=settings)
        return folder

    def precision(self, name, row):
        """AP50 in percent."""

        def evaluate():
            metrics = idfree.evaluate_detection(self.detections(name, row), self.data / TRUTH[name])
            return 100 * metrics["COMBINED"]["AP"]

        return self.results.get(f"{name} {row} AP", evaluate)

    def tracked(self, name, row):
        """(IDF1, HOTA) in percent at each frame step."""

        def track():
            options = {"appearance": "none"} if ROWS[row][2] == "none" else {}
            options["camera"] = "flow" if name in MOVING else "none"
            out, boxes = self.out / name / "tracks" / file_name(row), self.detections(name, row)
            return track_at_steps(video_path(self.data, name), out, self.data / TRUTH[name], detector=boxes, **options)

        return self.results.get(f"{name} {row}", track)

    def milliseconds(self, name, row, threads):
        """Median CPU time and wall time of a frame in ms, of detector and encoder with so many threads."""
        return self.results.get(f"{name} {row} {threads} ms", lambda: self.time_frames(name, row, threads))

    def time_frames(self, name, row, threads):
        spec, classes, appearance, settings = self.detector(row)
        settings = [each.removeprefix("detector.") for each in settings]
        detector = open_detector(spec, None, classes, settings, threads=threads)
        encoder = open_appearance(appearance, threads=threads) if appearance == "colour" else None
        spent = []
        for frame in islice(open_source(video_path(self.data, name))[0], WARM_UP + TIMED):
            start = time.process_time(), time.perf_counter()
            found = detector(frame).detections
            if encoder is not None:
                encoder(frame.image, found.xyxy[found.score >= EMBEDDED_SCORE])
            spent.append((time.process_time() - start[0], time.perf_counter() - start[1]))
        return (1000 * np.median(spent[WARM_UP:], axis=0)).tolist()


def tables(study, names, rows):
    """Lines of the tables of these videos and rows."""
    seen = tuple(name for name in TRUTH if name not in UNSEEN)
    for title, group in (("Not used to choose settings", UNSEEN), ("Used to choose settings", seen)):
        if chosen := [name for name in names if name in group]:
            yield f"\n### {title}\n"
            yield from accuracy_lines(study, chosen, rows)
    yield "\n### Milliseconds of a frame, detector and appearance, median\n"
    yield from time_lines(study)


def accuracy_lines(study, names, rows):
    """Lines of the table of AP50 and tracking, with means over the videos."""
    yield markdown_header("video", "", "AP50", *STEP_TITLES)
    found = defaultdict(list)
    for name in names:
        for row in rows:
            precision, scores = study.precision(name, row), study.tracked(name, row)
            found[row].append((precision, scores))
            print(line := markdown_row(name, row, f"{precision:.1f}", *step_cells(scores)), flush=True)
            yield line
    for row, values in found.items():
        precision, scores = (np.mean(column, axis=0) for column in zip(*values, strict=True))
        yield markdown_row("mean", row, f"{precision:.1f}", *step_cells(scores))


def time_lines(study):
    """Lines of the table of times of a frame; none if the videos are not there."""
    yield markdown_header("video", "", "CPU, one thread", "CPU, two threads", "wall, two threads")
    for name in TIMED_VIDEOS if (study.data / "videos").is_dir() else ():
        for row in TIMED_ROWS:
            one, two = (study.milliseconds(name, row, threads) for threads in (1, 2))
            yield markdown_row(name, row, *(f"{value:.0f}" for value in (one[0], *two)))
