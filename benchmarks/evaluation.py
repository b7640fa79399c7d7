"""Evaluation speed: HOTA, CLEAR and Identity of every sequence in ../shared, idfree beside TrackEval and py-motmetrics.

    python benchmarks/evaluation.py [--python PATH]... [--repeat 3] [--data ../shared]

Each tool runs as a process of its own on one core, and the whole process is timed: start, imports, reading,
evaluation. A peer is timed if an interpreter named by --python (by default this one) has it; py-motmetrics has no HOTA.
Results are those that ../shared has of a set (reference/lif_t, golden/sort_mot15), else detections linked by overlap.
Prints seconds (of the best run), their ratio to idfree's, and the largest difference of any figure from TrackEval's.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

Figures = dict[str, dict[str, dict[str, float]]]  # set → sequence → name → value

SETS = {  # set → truth, results, and TrackEval's name for its rules
    "MOT15": ("data/MOT15/train", "golden/sort_mot15", "MOT15"),
    "MOT17": ("data/MOT17/train", "data/reference/lif_t", "MOT17"),
    "MOT20": ("data/MOT20/train", "data/detections/yolox-x-mot20", "MOT20"),
    "DanceTrack": ("data/DanceTrack/val", "data/detections/yolox-x-dancetrack", "MOT17"),
}
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="an interpreter that has trackeval or motmetrics; repeatable")
    parser.add_argument("--repeat", type=int, default=3, help="times that each tool runs (default 3)")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument(
        "--run", nargs=2, metavar=("TOOL", "FOLDER"), help="run one tool in this process, print figures"
    )
    options = parser.parse_args()
    if options.run:
        tool, folder = options.run
        with contextlib.redirect_stdout(io.StringIO()):
            figures = TOOLS[tool](Path(folder))
        print(json.dumps(figures))
        return
    with tempfile.TemporaryDirectory() as folder:
        boxes = lay_out(options.data, Path(folder))
        print(f"{boxes[0]} sequences, {boxes[1]} boxes of truth and {boxes[2]} of results, one core")
        compare(Path(folder), interpreters(options.python or [sys.executable]), options.repeat)


def interpreters(given: list[str]) -> dict[str, str]:
    """The interpreter for each tool that can run."""
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
    spent: dict[str, list[tuple[float, float]]] = {tool: [] for tool in pythons}
    figures: dict[str, Figures] = {}
    for _ in range(repeat):
        for tool, python in pythons.items():
            began, busy = time.perf_counter(), processor_seconds()
            done = subprocess.run(
                [python, __file__, "--run", tool, str(folder)],
                env=os.environ | ONE_THREAD,
                preexec_fn=one_core,
                stdout=subprocess.PIPE,
                check=True,
            )
            spent[tool].append((processor_seconds() - busy, time.perf_counter() - began))
            figures[tool] = json.loads(done.stdout)
    print(f"{'':12}{'processor s':>12}{'elapsed s':>12}{'× idfree':>10}  largest difference from TrackEval")
    least = min(spent["idfree"])[0]
    for tool, seconds in spent.items():
        busy, elapsed = min(seconds)
        difference = largest_difference(figures[tool], figures.get("trackeval", {}))
        print(f"{tool:12}{busy:12.2f}{elapsed:12.2f}{busy / least:10.1f}  {difference}")


def processor_seconds() -> float:
    """What the processes run so far have cost: on a machine that others use too, a fairer measure than the clock."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def one_core() -> None:
    """Bind this process to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def largest_difference(figures: Figures, official: Figures) -> str:
    """The figure that is furthest from TrackEval's, of all that both give."""
    differences = [
        (abs(value - official[kind][sequence][name]), f"{name} of {kind} {sequence}")
        for kind, sequences in figures.items()
        for sequence, row in sequences.items()
        for name, value in row.items()
        if name in official.get(kind, {}).get(sequence, {})
    ]
    if not differences:
        return "unknown"
    largest, where = max(differences)
    return f"{largest:.1e} ({where}; {len(differences)} compared)"


def lay_out(data: Path, folder: Path) -> tuple[int, int, int]:
    """Copy truth and results to SET/truth/NAME/… and SET/results/NAME.txt; gives sequences and boxes of each."""
    counts = [0, 0, 0]
    for kind, (truths, results, _) in SETS.items():
        (folder / kind / "results").mkdir(parents=True)
        for source in sorted((data / truths).iterdir()):
            found = data / results / f"{source.name}.txt"
            target = folder / kind / "truth" / source.name
            (target / "gt").mkdir(parents=True)
            truth = (source / "gt" / "gt.txt").read_text()
            text = linked(found) if "detections" in results else found.read_text()
            (target / "gt" / "gt.txt").write_text(truth)
            (target / "seqinfo.ini").write_text((source / "seqinfo.ini").read_text())
            (folder / kind / "results" / source.name).with_suffix(".txt").write_text(text)
            for k, more in enumerate((1, truth.count("\n"), text.count("\n"))):
                counts[k] += more
    return counts[0], counts[1], counts[2]


def linked(detections: Path) -> str:
    """Rows of results: each detection takes the identity of the one before that it overlaps most, if mutually."""
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
            mutual = (overlap.argmax(axis=0)[best] == np.arange(len(now))) & (overlap.max(axis=1) >= 0.3)
            now[mutual, 1] = before[best[mutual], 1]
        before = now
    return "".join("{:.0f},{:.0f},{:.2f},{:.2f},{:.2f},{:.2f},{:.4f},-1,-1,-1\n".format(*row) for row in rows)


def sequences(folder: Path, kind: str) -> Iterator[tuple[Path, Path]]:
    """The folder and the results of each sequence of a set."""
    for truth in sorted((folder / kind / "truth").iterdir()):
        yield truth, folder / kind / "results" / f"{truth.name}.txt"


def run_idfree(folder: Path) -> Figures:
    from idfree.evaluation.tracking import Scores, compute_metrics, evaluate
    from idfree.sequences.motchallenge import read_ground_truth, read_results, read_seqinfo

    answer: Figures = {}
    for kind in SETS:
        scores = {
            sequence.name: evaluate(
                read_ground_truth(sequence / "gt" / "gt.txt"),
                read_results(results),
                frames=read_seqinfo(sequence).length,
            )
            for sequence, results in sequences(folder, kind)
        }
        scores["COMBINED"] = sum(scores.values(), Scores())
        answer[kind] = {name: compute_metrics(each) for name, each in scores.items()}
    return answer


def run_trackeval(folder: Path) -> Figures:
    import numpy as np
    import trackeval

    quiet = {"PRINT_CONFIG": False}
    silent = ("PRINT_RESULTS", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES", "LOG_ON_ERROR")
    answer: Figures = {}
    for kind, (_, _, rules) in SETS.items():
        places = {"GT_FOLDER": str(folder / kind / "truth"), "TRACKERS_FOLDER": str(folder / kind), "BENCHMARK": rules}
        chosen = {"TRACKERS_TO_EVAL": ["results"], "TRACKER_SUB_FOLDER": "", "SKIP_SPLIT_FOL": True}
        lengths = {"SEQ_INFO": {truth.name: None for truth, _ in sequences(folder, kind)}}
        dataset = trackeval.datasets.MotChallenge2DBox(places | chosen | lengths | quiet)
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
        evaluator = trackeval.Evaluator(quiet | dict.fromkeys(silent[:-1], False) | {silent[-1]: None})
        rows = evaluator.evaluate([dataset], metrics)[0]["MotChallenge2DBox"]["results"]
        answer[kind] = {
            name.replace("COMBINED_SEQ", "COMBINED"): {
                figure: float(np.mean(value)) for part in row["pedestrian"].values() for figure, value in part.items()
            }
            for name, row in rows.items()
        }
    return answer


def run_motmetrics(folder: Path) -> Figures:
    import motmetrics

    names = {
        "mota": "MOTA",
        "idf1": "IDF1",
        "num_switches": "IDSW",
        "num_misses": "CLR_FN",
        "num_false_positives": "CLR_FP",
    }
    measures = motmetrics.metrics.create()
    answer: Figures = {}
    for kind, (_, _, rules) in SETS.items():
        accumulators = {}
        for sequence, results in sequences(folder, kind):
            style = "mot15-2D" if rules == "MOT15" else "mot16"
            truth = motmetrics.io.loadtxt(sequence / "gt" / "gt.txt", fmt=style)
            found = motmetrics.io.loadtxt(results, fmt="mot15-2D")
            if rules == "MOT15":
                accumulators[sequence.name] = motmetrics.utils.compare_to_groundtruth(
                    truth[truth["Confidence"] > 0], found
                )
            else:
                seqinfo = str(sequence / "seqinfo.ini")
                accumulators[sequence.name] = motmetrics.utils.CLEAR_MOT_M(truth, found, seqinfo)[0]
        table = measures.compute_many(
            list(accumulators.values()),
            names=list(accumulators),
            metrics=motmetrics.metrics.motchallenge_metrics,
            generate_overall=True,
        )
        answer[kind] = {
            str(name).replace("OVERALL", "COMBINED"): {names[k]: float(row[k]) for k in names}
            for name, row in table.iterrows()
        }
    return answer


TOOLS = {"idfree": run_idfree, "trackeval": run_trackeval, "motmetrics": run_motmetrics}

if __name__ == "__main__":
    main()
