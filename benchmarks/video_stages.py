"""CPU time of drawing and encoding tracked frames, by idfree and by supervision's annotators with OpenCV's writer.

Stages of video.py: each takes a video, a file of tracks and a number of frames, and returns milliseconds of drawing, of
encoding, and bytes, a frame. What a stage needs is imported within it.
"""

import tempfile
import time
from functools import partial
from itertools import islice
from pathlib import Path

FPS = 30
TRACE = 30  # frames of a trail, in both


def read_frames(video, tracks, count):
    """(frame, tracks) in a list: decoding uses threads, whose time is not to be counted."""
    from idfree.sequences.tables import read_tracks
    from idfree.sequences.video import open_video

    rows = read_tracks(tracks)
    return [(frame, rows.tracks_at(frame.number)) for frame in islice(open_video(video), count)]


class Stopwatch:
    """CPU seconds of drawing and of encoding."""

    def __init__(self):
        self.seconds = [0.0, 0.0]

    def time(self, draw, encode):
        """Time `draw()`, and `encode` of its result."""
        start = time.process_time()
        drawn = draw()
        middle = time.process_time()
        encode(drawn)
        end = time.process_time()
        self.seconds[0] += middle - start
        self.seconds[1] += end - middle

    def figures(self, path, count):
        """Milliseconds of drawing and encoding and bytes, a frame."""
        return [*(1000 * spent / count for spent in self.seconds), path.stat().st_size / count]


def run_idfree(height, video, tracks, count):
    """Drawing and encoding by idfree. height: of the output, None for the video's."""
    from idfree.show.video_output import AnnotatedFrame, VideoOutput

    with tempfile.TemporaryDirectory() as folder:
        path, watch = Path(folder) / "a.mp4", Stopwatch()
        with VideoOutput(path, FPS, height=height) as output:
            for frame, shown in read_frames(video, tracks, count):
                if output.writer is None:
                    output.open(frame.image)
                    output.count = 1
                draw = partial(output.draw_frame, AnnotatedFrame(frame, shown))
                watch.time(draw, lambda canvas, frame=frame: output.encode((canvas, frame.time)))
        return watch.figures(path, count)


def run_supervision(video, tracks, count):
    """supervision's annotators and OpenCV's writer, MPEG-4: its wheels have no encoder of H.264."""
    import cv2
    import supervision

    with tempfile.TemporaryDirectory() as folder:
        path, watch, writer = Path(folder) / "a.mp4", Stopwatch(), None
        annotators = [supervision.BoxAnnotator(), supervision.TraceAnnotator(trace_length=TRACE)]
        labels = supervision.LabelAnnotator()
        for frame, shown in read_frames(video, tracks, count):
            detections = shown.to_supervision()
            if writer is None:
                codec = cv2.VideoWriter_fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(path), codec, FPS, frame.image.shape[1::-1])
            texts = [str(identity) for identity in shown.id]
            watch.time(partial(annotate, frame.image, detections, annotators, labels, texts), writer.write)
        writer.release()
        return watch.figures(path, count)


def annotate(image, detections, annotators, labels, texts):
    """The image with boxes, trails and labels."""
    image = image.copy()
    for annotator in annotators:
        image = annotator.annotate(image, detections)
    return labels.annotate(image, detections, texts)


STAGES = {
    "idfree": partial(run_idfree, None),
    "idfree, 720 lines": partial(run_idfree, 720),
    "supervision": run_supervision,
}
