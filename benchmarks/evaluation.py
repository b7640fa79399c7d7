"""Seconds of HOTA, CLEAR and Identity of all sequences in ../shared by idfree, TrackEval and py-motmetrics.

    python benchmarks/evaluation.py [--python PATH]... [--repeat 3] [--data ../shared]

Each tool runs as a process of its own on one core, and the whole process is timed: start, imports, reading, evaluation.
A tool is timed if an interpreter named by --python (by default this one) has it; py-motmetrics has no HOTA. Results are
those that ../shared has of a set (reference/lif_t, golden/sort_mot15), else detections linked by overlap. Prints the
seconds of the best run, their ratio to idfree's, and the largest difference of any figure from TrackEval's.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from evaluation_tools import SETS, TOOLS, Figures
from processes import children_cpu_seconds, run_json, use_cores

MIN_IOU = 0.3  # of linked detections


def interpreters(given: list[str]) -> dict[str, str]:
    """The interpreter of each tool that can run."""
    found = {"idfree": sys.executable}
    for module in ("trackeval", "motmetrics"):
        for python in given:
            if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0:
                found.setdefault(module, python)
        if module not in found:
            print(f"{module}: not in {', '.join(given)}; left out (see --python)")
    return found


def compare(folder: Path, pythons: dict[str, str], repeat: int) -> None:
    """Run every tool `repeat` times in turn, and print the table."""
    seconds: dict[str, list[tuple[float, float]]] = {tool: [] for tool in pythons}
    figures: dict[str, Figures] = {}
    for _ in range(repeat):
        for tool, python in pythons.items():
            start, cpu = time.perf_counter(), children_cpu_seconds()
            figures[tool] = run_json([python, __file__, "--run", tool, folder], preexec_fn=partial(use_cores, 1))
            seconds[tool].append((children_cpu_seconds() - cpu, time.perf_counter() - start))
            if figures[tool] is None:
                sys.exit(f"{tool} failed: run {python} {__file__} --run {tool} FOLDER")
    print(f"{'':12}{'processor s':>12}{'elapsed s':>12}{'× idfree':>10}  largest difference from TrackEval")
    for tool, spent in seconds.items():
        cpu, elapsed = min(spent)
        difference = largest_difference(figures[tool], figures.get("trackeval", {}))
        print(f"{tool:12}{cpu:12.2f}{elapsed:12.2f}{cpu / min(seconds['idfree'])[0]:10.1f}  {difference}")


def largest_difference(figures: Figures, official: Figures) -> str:
    """The largest difference of a figure from TrackEval's, of all that both give."""
    differences = [
        (abs(value - official[kind][sequence][name]), f"{name} of {kind} {sequence}")
        for kind, rows in figures.items()
        for sequence, row in rows.items()
        for name, value in row.items()
        if name in official.get(kind, {}).get(sequence, {})
    ]
    if not differences:
        return "unknown"
    largest, where = max(differences)
    return f"{largest:.1e} ({where}; {len(differences)} compared)"


def copy_inputs(data: Path, folder: Path) -> tuple[int, ...]:
    """Copy ground truth and results to SET/truth/NAME and SET/results/NAME.txt; numbers of sequences, boxes of each."""
    counts = []
    for kind, (truths, results, _) in SETS.items():
        (folder / kind / "results").mkdir(parents=True)
        for source in sorted((data / truths).iterdir()):
            found, target = data / results / f"{source.name}.txt", folder / kind / "truth" / source.name
            (target / "gt").mkdir(parents=True)
            truth = (source / "gt" / "gt.txt").read_text()
            text = link_detections(found) if "detections" in results else found.read_text()
            (target / "gt" / "gt.txt").write_text(truth)
            (target / "seqinfo.ini").write_text((source / "seqinfo.ini").read_text())
            (folder / kind / "results" / f"{source.name}.txt").write_text(text)
            counts.append((1, truth.count("\n"), text.count("\n")))
    return tuple(map(sum, zip(*counts, strict=True)))


def link_detections(detections: Path) -> str:
    """Rows of results: each detection takes the identity of the previous frame's that it overlaps most, if mutually."""
    import numpy as np

    from idfree.core.boxes import iou, xywh_to_xyxy

    rows = np.loadtxt(detections, delimiter=",", usecols=range(7))
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    before, last = np.zeros((0, 7)), 0
    for frame in np.unique(rows[:, 0]):
        now = rows[slice(*np.searchsorted(rows[:, 0], [frame, frame + 1]))]
        now[:, 1] = last + 1 + np.arange(len(now))
        last += len(now)
        if len(before):
            overlap = iou(xywh_to_xyxy(now[:, 2:6]), xywh_to_xyxy(before[:, 2:6]))
            best = overlap.argmax(axis=1)
            mutual = (overlap.argmax(axis=0)[best] == np.arange(len(now))) & (overlap.max(axis=1) >= MIN_IOU)
            now[mutual, 1] = before[best[mutual], 1]
        before = now
    return "".join("{:.0f},{:.0f},{:.2f},{:.2f},{:.2f},{:.2f},{:.4f},-1,-1,-1\n".format(*row) for row in rows)


def print_figures(tool: str, folder: Path) -> None:
    """Print the figures of one tool as JSON."""
    with contextlib.redirect_stdout(io.StringIO()):
        figures = TOOLS[tool](folder)
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="an interpreter that has trackeval or motmetrics; repeatable")
    parser.add_argument("--repeat", type=int, default=3, help="times that each tool runs (default 3)")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--run", nargs=2, metavar=("TOOL", "FOLDER"), help="print the figures of one tool")
    options = parser.parse_args()
    if options.run:
        print_figures(options.run[0], Path(options.run[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        counts = copy_inputs(options.data, Path(folder))
        print(f"{counts[0]} sequences, {counts[1]} boxes of truth and {counts[2]} of results, one core")
        compare(Path(folder), interpreters(options.python or [sys.executable]), options.repeat)


if __name__ == "__main__":
    main()
