"""Figures of idfree, TrackEval and py-motmetrics for the results in a folder, for evaluation.py.

A folder holds SET/truth/NAME, in the format of MOTChallenge, and SET/results/NAME.txt. A tool is a function from the
folder to its figures; what it needs is imported within it.
"""

from collections.abc import Iterator
from pathlib import Path

Figures = dict[str, dict[str, dict[str, float]]]  # set → sequence, or COMBINED → name → value

SETS = {  # set → ground truth, results, and the benchmark whose rules TrackEval follows
    "MOT15": ("data/MOT15/train", "golden/sort_mot15", "MOT15"),
    "MOT17": ("data/MOT17/train", "data/reference/lif_t", "MOT17"),
    "MOT20": ("data/MOT20/train", "data/detections/yolox-x-mot20", "MOT20"),
    "DanceTrack": ("data/DanceTrack/val", "data/detections/yolox-x-dancetrack", "MOT17"),
}
QUIET = {"PRINT_CONFIG": False}
SILENT = {
    **dict.fromkeys(("PRINT_RESULTS", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES"), False),
    "LOG_ON_ERROR": None,
}
MOTMETRICS = {  # py-motmetrics' name → ours
    "mota": "MOTA",
    "idf1": "IDF1",
    "num_switches": "IDSW",
    "num_misses": "CLR_FN",
    "num_false_positives": "CLR_FP",
}


def sequences(folder: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Ground-truth folder and results of each sequence of a set."""
    for truth in sorted((folder / name / "truth").iterdir()):
        yield truth, folder / name / "results" / f"{truth.name}.txt"


def run_idfree(folder: Path) -> Figures:
    from idfree.evaluation.tracking import Scores, compute_metrics, evaluate
    from idfree.sequences.motchallenge import read_ground_truth, read_results, read_seqinfo

    figures: Figures = {}
    for name in SETS:
        scores = {}
        for sequence, results in sequences(folder, name):
            truth, frames = read_ground_truth(sequence / "gt" / "gt.txt"), read_seqinfo(sequence).length
            scores[sequence.name] = evaluate(truth, read_results(results), frames=frames)
        scores["COMBINED"] = sum(scores.values(), Scores())
        figures[name] = {key: compute_metrics(each) for key, each in scores.items()}
    return figures


def run_trackeval(folder: Path) -> Figures:
    import numpy as np
    import trackeval

    figures: Figures = {}
    for name, (_, _, benchmark) in SETS.items():
        paths = {"GT_FOLDER": str(folder / name / "truth"), "TRACKERS_FOLDER": str(folder / name)}
        chosen = {"TRACKERS_TO_EVAL": ["results"], "TRACKER_SUB_FOLDER": "", "SKIP_SPLIT_FOL": True}
        lengths = {"SEQ_INFO": {truth.name: None for truth, _ in sequences(folder, name)}, "BENCHMARK": benchmark}
        dataset = trackeval.datasets.MotChallenge2DBox(paths | chosen | lengths | QUIET)
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(QUIET), trackeval.metrics.Identity(QUIET)]
        rows = trackeval.Evaluator(QUIET | SILENT).evaluate([dataset], metrics)[0]["MotChallenge2DBox"]["results"]
        figures[name] = {}
        for sequence, row in rows.items():
            values = {key: float(np.mean(value)) for part in row["pedestrian"].values() for key, value in part.items()}
            figures[name][sequence.replace("COMBINED_SEQ", "COMBINED")] = values
    return figures


def run_motmetrics(folder: Path) -> Figures:
    import motmetrics

    figures: Figures = {}
    for name, (_, _, benchmark) in SETS.items():
        accumulators = {
            sequence.name: accumulate(motmetrics, sequence, results, benchmark)
            for sequence, results in sequences(folder, name)
        }
        table = motmetrics.metrics.create().compute_many(
            list(accumulators.values()),
            names=list(accumulators),
            metrics=motmetrics.metrics.motchallenge_metrics,
            generate_overall=True,
        )
        figures[name] = {
            str(sequence).replace("OVERALL", "COMBINED"): {MOTMETRICS[key]: float(row[key]) for key in MOTMETRICS}
            for sequence, row in table.iterrows()
        }
    return figures


def accumulate(motmetrics, sequence: Path, results: Path, benchmark: str):
    """py-motmetrics' accumulator of one sequence."""
    style = "mot15-2D" if benchmark == "MOT15" else "mot16"
    truth = motmetrics.io.loadtxt(sequence / "gt" / "gt.txt", fmt=style)
    found = motmetrics.io.loadtxt(results, fmt="mot15-2D")
    if benchmark == "MOT15":
        return motmetrics.utils.compare_to_groundtruth(truth[truth["Confidence"] > 0], found)
    return motmetrics.utils.CLEAR_MOT_M(truth, found, str(sequence / "seqinfo.ini"))[0]


TOOLS = {"idfree": run_idfree, "trackeval": run_trackeval, "motmetrics": run_motmetrics}
