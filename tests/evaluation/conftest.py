"""Annotations from rows, and TrackEval's metrics of them."""

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from idfree.core.boxes import xywh_to_xyxy
from idfree.core.types import Annotation

Rows = Sequence[Sequence[float]]  # frame, id, x, y, w, h[, mark[, class]]


@pytest.fixture(scope="session")
def annotate() -> Callable[[Rows], Annotation]:
    """Makes an Annotation from rows; the default mark is 1, the default class 1."""

    def make(rows: Rows) -> Annotation:
        full = np.array([[*row, *(1, 1)[len(row) - 6 :]] for row in rows], dtype=float).reshape(-1, 8)
        full = full[np.argsort(full[:, 0], kind="stable")]
        frame, identity, class_id = full[:, [0, 1, 7]].astype(int).T
        return Annotation(frame, identity, xywh_to_xyxy(full[:, 2:6]), full[:, 6], class_id, np.ones(len(full)))

    return make


@pytest.fixture(scope="session")
def run_trackeval() -> Callable[..., dict[str, dict[str, Any]]]:
    """TrackEval's metrics of {sequence: (ground truth rows, result rows, length)}, by sequence and COMBINED_SEQ."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trackeval = pytest.importorskip("trackeval", reason="needs TrackEval: pip install --no-deps trackeval==1.3.0")
    quiet = {"PRINT_CONFIG": False}
    outputs = ("PRINT_RESULTS", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES")

    def evaluate(sequences: Mapping[str, tuple[Rows, Rows, int]], benchmark: str) -> dict[str, dict[str, Any]]:
        with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, (truth, results, _) in sequences.items():
                write(
                    Path(folder) / "truth" / name / "gt" / "gt.txt",
                    [[*row, *(1, 1, 1)[len(row) - 6 :]] for row in truth],
                )
                write(Path(folder) / "results" / f"{name}.txt", [[*row[:6], 1, -1, -1, -1] for row in results])
            places = {"GT_FOLDER": f"{folder}/truth", "TRACKERS_FOLDER": folder, "TRACKERS_TO_EVAL": ["results"]}
            rules = {"TRACKER_SUB_FOLDER": "", "SKIP_SPLIT_FOL": True, "BENCHMARK": benchmark}
            lengths = {"SEQ_INFO": {name: length for name, (_, _, length) in sequences.items()}}
            dataset = trackeval.datasets.MotChallenge2DBox(places | rules | lengths | quiet)
            metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
            evaluator = trackeval.Evaluator(quiet | dict.fromkeys(outputs, False) | {"LOG_ON_ERROR": None})
            sequence_metrics = evaluator.evaluate([dataset], metrics)[0]["MotChallenge2DBox"]["results"]
        return {
            name: {metric: value for part in row["pedestrian"].values() for metric, value in part.items()}
            for name, row in sequence_metrics.items()
        }

    return evaluate


def write(path: Path, rows: Rows) -> None:
    """Write rows as MOTChallenge text, without rounding."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(repr(float(value)) for value in row) + "\n" for row in rows))
