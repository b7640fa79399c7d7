"""Time of writing an annotated video, by `idfree track --video`, and by supervision's annotators with OpenCV's writer.

    python benchmarks/video.py VIDEO --detector yolox_nano.onnx [--frames 200] [--rounds 3] [--python PEERS/bin/python]

Times `idfree track` without a video, with one, and with one of 720 lines, each in a process of its own, in turn, on the
two cores of --cores. Prints the least elapsed seconds of the rounds, and CPU seconds, which vary less on a shared
machine. Then the same boxes are drawn and encoded without tracking, in CPU milliseconds a frame (video_stages.py), by
idfree, and by supervision if an interpreter named by --python has it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from processes import children_cpu_seconds, use_cores
from video_stages import STAGES

COMMANDS = {
    "track": [],
    "track --video": ["--video"],
    "track --video --video-height 720": ["--video", "--video-height", "720"],
}
IN_MEMORY = 60  # frames that are decoded before they are drawn and encoded
ROOT = Path(__file__).resolve().parents[1]


def compare_runs(options, folder):
    """Print elapsed and CPU seconds of whole runs, and their ratios to tracking alone."""
    elapsed, cpu, stages = {}, {}, {}
    for _ in range(options.rounds):
        for name, arguments in COMMANDS.items():
            out = folder / name.replace(" ", "_")
            seconds, cpu_seconds = time_run(options, out, arguments)
            elapsed[name] = min(seconds, elapsed.get(name, seconds))
            if cpu_seconds <= cpu.get(name, cpu_seconds):
                cpu[name] = cpu_seconds
                stages[name] = json.loads((out / "summary.json").read_text())["sequences"][0]["seconds"]
    print(f"{options.video.name}, {options.frames} frames, {options.cores} cores\n")
    print(f"{'':34} {'s':>7} {'ratio':>6} {'CPU s':>7} {'ratio':>6}   stages, s")
    for name in COMMANDS:
        ratio, cpu_ratio = elapsed[name] / elapsed["track"], cpu[name] / cpu["track"]
        parts = "  ".join(f"{stage} {value:.1f}" for stage, value in stages[name].items())
        print(f"{name:34} {elapsed[name]:7.1f} {ratio:6.2f} {cpu[name]:7.1f} {cpu_ratio:6.2f}   {parts}")


def time_run(options, out, arguments):
    """Elapsed and CPU seconds of `idfree track`."""
    command = [sys.executable, "-m", "idfree", "track", options.video, "--detector", options.detector, "-q", "-o", out]
    command += ["--frames", options.frames, *arguments]
    start, cpu = time.perf_counter(), children_cpu_seconds()
    subprocess.run([*map(str, command)], check=True, preexec_fn=partial(use_cores, options.cores))
    return time.perf_counter() - start, children_cpu_seconds() - cpu


def compare_stages(options, tracks):
    """Print CPU milliseconds of drawing and encoding a frame, and kB."""
    print(f"\n{'ms of a CPU a frame':34} {'draw':>7} {'encode':>7} {'both':>7} {'kB':>7}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in STAGES:
        python = (options.python or sys.executable) if name == "supervision" else sys.executable
        command = [python, __file__, options.video, "--stage", name, tracks, "--frames", min(options.frames, IN_MEMORY)]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment)
        if done.returncode:
            print(f"{name:34} left out: {done.stderr.strip().splitlines()[-1]}")
            continue
        draw, encode, size = json.loads(done.stdout)
        print(f"{name:34} {draw:7.1f} {encode:7.1f} {draw + encode:7.1f} {size / 1000:7.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--detector", default="people")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--python", help="an interpreter that has supervision and OpenCV, besides idfree's packages")
    parser.add_argument("--stage", nargs=2, metavar=("NAME", "TRACKS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        name, tracks = options.stage
        print(json.dumps(STAGES[name](options.video, Path(tracks), options.frames)))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare_runs(options, Path(folder))
        compare_stages(options, Path(folder) / "track" / f"{options.video.stem}.txt")


if __name__ == "__main__":
    main()
