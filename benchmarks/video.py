"""What an annotated video costs, stage by stage, beside supervision's annotators with OpenCV's writer.

    python benchmarks/video.py VIDEO --detector yolox_nano.onnx [--frames 200] [--rounds 3] [--python PEERS/bin/python]

Times `idfree track` without a video, with one, and with one of 720 lines, each in a process of its own, in turn, on the
two cores of --cores; the least seconds of the rounds count, and CPU seconds beside them, which depend less on what else
the machine does. Then the same boxes are drawn and encoded alone, in milliseconds of a CPU a frame: by idfree, and by
supervision (box, label and trace annotators) with cv2.VideoWriter, if an interpreter named by --python has them.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

WAYS = {
    "track": [],
    "track --video": ["--video"],
    "track --video --video-height 720": ["--video", "--video-height", "720"],
}
IN_MEMORY = 60  # frames that are drawn and encoded alone, decoded before
TRACE = 30  # frames of a trail, in both


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--detector", default="people")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--python", help="an interpreter that has supervision and OpenCV, besides idfree's packages")
    parser.add_argument("--alone", nargs=2, metavar=("WAY", "BOXES"), help="draw and encode in this process; print ms")
    options = parser.parse_args()
    if options.alone:
        way, boxes = options.alone
        print(json.dumps(STAGES[way](options.video, Path(boxes), options.frames)))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare_runs(options, Path(folder))
        compare_stages(options, Path(folder) / "track" / f"{options.video.stem}.txt")


def compare_runs(options, folder):
    """Print seconds of whole runs, and their ratio to tracking alone."""
    seconds, cpu, stages = {}, {}, {}
    for _ in range(options.rounds):
        for name, arguments in WAYS.items():
            out = folder / name.replace(" ", "_")
            command = [*("-m", "idfree", "track", options.video, "--detector", options.detector, "-q", "-o", out)]
            command += ["--frames", options.frames, *arguments]
            before = time.perf_counter()
            used = run_on(options.cores, [sys.executable, *command])
            elapsed = time.perf_counter() - before
            seconds[name] = min(elapsed, seconds.get(name, elapsed))
            if used <= cpu.get(name, used):
                cpu[name] = used
                stages[name] = json.loads((out / "summary.json").read_text())["sequences"][0]["seconds"]
    print(f"{options.video.name}, {options.frames} frames, {options.cores} cores\n")
    print(f"{'':34} {'s':>7} {'ratio':>6} {'CPU s':>7} {'ratio':>6}   stages, s")
    for name in WAYS:
        ratio, cpu_ratio = seconds[name] / seconds["track"], cpu[name] / cpu["track"]
        parts = "  ".join(f"{stage} {value:.1f}" for stage, value in stages[name].items())
        print(f"{name:34} {seconds[name]:7.1f} {ratio:6.2f} {cpu[name]:7.1f} {cpu_ratio:6.2f}   {parts}")


def run_on(cores, command):
    """Run a command on so many cores; CPU seconds that it used."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*map(str, command)], check=True, preexec_fn=lambda: os.sched_setaffinity(0, allowed))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare_stages(options, boxes):
    """Print milliseconds of a CPU for each frame, drawn and encoded without tracking."""
    print(f"\n{'ms of a CPU a frame':34} {'draw':>7} {'encode':>7} {'both':>7} {'kB':>7}")
    for way in STAGES:
        python = (options.python or sys.executable) if way == "supervision" else sys.executable
        command = [python, __file__, options.video, "--alone", way, boxes, "--frames", min(options.frames, IN_MEMORY)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment)
        if done.returncode:
            print(f"{way:34} left out: {done.stderr.strip().splitlines()[-1]}")
            continue
        draw, encode, size = json.loads(done.stdout)
        print(f"{way:34} {draw:7.1f} {encode:7.1f} {draw + encode:7.1f} {size / 1000:7.1f}")


def read(video, boxes, count):
    """Frames of the video with their tracks, in a list: decoding has threads, whose time is not to be counted."""
    from idfree.sequences.tables import read_tracks
    from idfree.sequences.video import open_video

    tracks = read_tracks(boxes)
    return [(frame, tracks.tracks_at(frame.number)) for frame in islice(open_video(video), count)]


def idfree_alone(height):
    """Times of idfree's drawing and encoding."""

    def measure(video, boxes, count):
        from idfree.show.video_output import Picture, VideoOutput

        with tempfile.TemporaryDirectory() as folder:
            path, spent = Path(folder) / "a.mp4", [0.0, 0.0]
            with VideoOutput(path, 30, height=height) as output:
                for frame, tracks in read(video, boxes, count):
                    if output.writer is None:
                        output.open(frame.image)
                        output.count = 1
                    start = time.process_time()
                    canvas = output.draw_picture(Picture(frame, tracks))
                    middle = time.process_time()
                    output.encode((canvas, frame.time))
                    end = time.process_time()
                    spent = [spent[0] + middle - start, spent[1] + end - middle]
            return [1000 * spent[0] / count, 1000 * spent[1] / count, path.stat().st_size / count]

    return measure


def supervision_alone(video, boxes, count):
    """Times of supervision's annotators and OpenCV's writer, MPEG-4: its wheels have no encoder of H.264."""
    import cv2
    import supervision

    with tempfile.TemporaryDirectory() as folder:
        path, spent, writer = Path(folder) / "a.mp4", [0.0, 0.0], None
        annotators = [supervision.BoxAnnotator(), supervision.TraceAnnotator(trace_length=TRACE)]
        labels = supervision.LabelAnnotator()
        for frame, tracks in read(video, boxes, count):
            detections = tracks.to_supervision()
            start = time.process_time()
            image = frame.image.copy()
            for annotator in annotators:
                image = annotator.annotate(image, detections)
            image = labels.annotate(image, detections, [str(id) for id in tracks.id])
            middle = time.process_time()
            if writer is None:
                writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, image.shape[1::-1])
            writer.write(image)
            end = time.process_time()
            spent = [spent[0] + middle - start, spent[1] + end - middle]
        writer.release()
        return [1000 * spent[0] / count, 1000 * spent[1] / count, path.stat().st_size / count]


STAGES = {
    "idfree": idfree_alone(None),
    "idfree, 720 lines": idfree_alone(720),
    "supervision": supervision_alone,
}

if __name__ == "__main__":
    main()
