"""CPU time of a frame of the pipelines that teach.py compares: detector, taught detector, detector with an encoder."""

import time
from functools import partial
from itertools import islice

import numpy as np

from idfree.detectors import open_detector
from idfree.pipelines.detection.open_appearance import open_appearance
from idfree.pipelines.detection.open_detector import add_colour
from idfree.sequences import open_source

FRAMES = 40


def frame_times(video, detector, taught, teacher, min_score):
    """Median CPU milliseconds a frame by pipeline, one thread, and "boxes", the mean number of boxes of a frame.

    Args:
        detector: the source of the taught file, and its options of the command line.
        taught: file made by `idfree teach`.
        teacher: a crop network.
    """
    pipelines = open_pipelines(detector, taught, teacher, f"min_score={min_score}")
    frames = list(islice(open_source(video)[0], FRAMES))
    boxes = np.mean([len(pipelines["detector alone"](frame).detections) for frame in frames])
    times = {name: [cpu_time(run, frame) for frame in frames] for name, run in pipelines.items()}
    return {"boxes": float(boxes), **{name: 1000 * float(np.median(each)) for name, each in times.items()}}


def open_pipelines(detector, taught, teacher, min_score):
    """Functions of a frame by name."""
    file, options = detector
    settings = [each.removeprefix("detector.") for each in options.get("set", [])]
    plain = open_detector(file, None, options.get("classes", ""), [*settings, min_score], threads=1)
    head_only, with_colour = (
        open_detector(taught, assignments=[min_score, f"colour={colour}"], threads=1) for colour in ("false", "true")
    )
    add_colour(with_colour)
    colour, crops = (open_appearance(each, threads=1) for each in ("colour", str(teacher)))
    return {
        "detector alone": plain,
        "taught, no colour": head_only,
        "taught": with_colour,
        "detector, then colour": partial(detect_and_embed, plain, colour),
        "detector, then 0287": partial(detect_and_embed, plain, crops),
    }


def detect_and_embed(detector, encoder, frame):
    """Embeddings of the detections of a frame."""
    return encoder(frame.image, detector(frame).detections.xyxy)


def cpu_time(function, frame):
    """CPU seconds of a call."""
    start = time.process_time()
    function(frame)
    return time.process_time() - start
