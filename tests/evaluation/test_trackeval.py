"""Parity with TrackEval to the last digit, on random scenes with many ties and on real sequences."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfree.core.boxes import iou, xywh_to_xyxy
from idfree.core.types import Annotation
from idfree.evaluation.tracking import Scores, compute_metrics, evaluate

Rows = list[list[float]]
Scene = tuple[Rows, Rows, int]

CLASSES = [1, 1, 1, 1, 2, 3, 6, 7, 8, 12, 13]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """A few people on a coarse grid, so that boxes coincide and weights tie, and a tracker with all kinds of errors.

    Misses, identity switches, dropped frames, false positives and boxes without area; frames without ground truth,
    without results or without both; sequences without people.
    """
    length, people, tracks = draw(st.integers(1, 14)), draw(st.integers(0, 7)), draw(st.integers(0, 7))
    step, miss_rate = draw(st.sampled_from([1.0, 2.5, 10.0])), draw(st.floats(0, 1))
    has_false_positives, has_empty_boxes, classes = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    boxes = (
        np.hstack([rng.integers(0, 15, (people, 2)), rng.integers(0 if has_empty_boxes else 1, 8, (people, 2))]) * step
    )
    kind = rng.choice(CLASSES if classes else [1], people)
    marked = (rng.random(people) < 0.9) & ((kind == 1) | (rng.random(people) < 0.3))
    target_of_track = rng.permutation(max(tracks, people))[:tracks]
    truth: Rows = []
    results: Rows = []
    for frame in range(1, length + 1):
        if rng.random() < 0.2:
            boxes[:, :2] += rng.integers(-1, 2, (people, 2)) * step
        if rng.random() < 0.15 and tracks > 1:
            a, b = rng.permutation(tracks)[:2]
            target_of_track[[a, b]] = target_of_track[[b, a]]
        if rng.random() < 0.95:
            visible = np.flatnonzero(rng.random(people) < 0.85)
            truth += [[frame, 40 - p, *boxes[p], float(marked[p]), float(kind[p])] for p in visible]
        if rng.random() < 0.95:
            for track in np.flatnonzero(rng.random(tracks) >= miss_rate * 0.8):
                box = rng.integers(0, 15, 4) * step
                if target_of_track[track] < people and not (has_false_positives and rng.random() < 0.3):
                    moved = rng.integers(-1, 2, 4) * step / 2 if has_empty_boxes else rng.normal(0, step / 2, 4)
                    box = boxes[target_of_track[track]] + moved * (rng.random() < 0.5)
                results.append([frame, 3 * track + 1, *box[:2], *np.maximum(box[2:], 0)])
    return truth, results, length


def check(scores: Scores, expected: dict[str, Any]) -> None:
    """Counts are equal, ratios up to the rounding of sums in another order, HOTA's ratios at each threshold."""
    ours: dict[str, Any] = compute_metrics(scores)
    hota = scores.hota
    for name, value in expected.items():
        if name in ("HOTA_TP", "HOTA_FN", "HOTA_FP"):
            np.testing.assert_array_equal(getattr(hota, name[-2:].lower()), value, err_msg=name)
        elif np.ndim(value):
            assert ours[name] == pytest.approx(np.mean(value), rel=1e-12, abs=1e-13), name
        elif isinstance(ours[name], int):
            assert ours[name] == value, name
        else:
            assert ours[name] == pytest.approx(value, rel=1e-12, abs=1e-13), name
    by_threshold = {
        "AssA": hota.ass_a,
        "AssRe": hota.ass_re,
        "AssPr": hota.ass_pr,
        "LocA": hota.loc_a,
        "HOTA": hota.hota,
    }
    for name, values in by_threshold.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-13, err_msg=name)


def check_all(
    sequences: dict[str, Scene],
    benchmark: str,
    run_trackeval: Callable[..., Any],
    annotate: Callable[[Rows], Annotation],
) -> None:
    """Check all sequences and COMBINED."""
    expected = run_trackeval(sequences, benchmark)
    scores = {
        name: evaluate(annotate(truth), annotate(results), benchmark.lower(), length)
        for name, (truth, results, length) in sequences.items()
    }
    for name, each in scores.items():
        check(each, expected[name])
    check(sum(scores.values(), Scores()), expected["COMBINED_SEQ"])


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(scenes(), min_size=1, max_size=3), st.sampled_from(["MOT15", "MOT17", "MOT20"]))
def test_random_scenes(
    run_trackeval: Callable[..., Any], annotate: Callable[[Rows], Annotation], drawn: list[Scene], benchmark: str
) -> None:
    sequences = {f"scene-{k}": scene for k, scene in enumerate(drawn)}
    if benchmark == "MOT15":  # its ground truth has no classes
        sequences = {name: ([row[:7] for row in truth], *rest) for name, (truth, *rest) in sequences.items()}
    check_all(sequences, benchmark, run_trackeval, annotate)


@pytest.mark.parametrize("truth", [[], [[1, 1, 0, 0, 9, 9]], [[1, 1, 0, 0, 9, 9, 0, 1]]])
@pytest.mark.parametrize("results", [[], [[1, 5, 0, 0, 9, 9]], [[2, 5, 0, 0, 9, 9]], [[1, 5, 3, 3, 0, 9]]])
def test_nearly_empty_sequences(
    run_trackeval: Callable[..., Any], annotate: Callable[[Rows], Annotation], truth: Rows, results: Rows
) -> None:
    check_all({"scene": (truth, results, 2)}, "MOT17", run_trackeval, annotate)


@pytest.mark.parametrize(("frames", "truth_drift", "result_drift"), [(4, 2, 3), (11, 2, 2), (4, 1, 2)])
def test_ties_that_rounding_breaks(
    run_trackeval: Callable[..., Any],
    annotate: Callable[[Rows], Annotation],
    frames: int,
    truth_drift: int,
    result_drift: int,
) -> None:
    """A lattice in which each box overlaps four others equally, and identities that move from box to box.

    Which of them are matched hangs on the last digit of sums of IoU: summed in another order, HOTA differs by 0.4 %.
    """
    side, step = 5, 7.3
    truth: Rows = []
    results: Rows = []
    for frame in range(1, frames + 1):
        for k in range(side * side):
            x, y, size = k % side, k // side, 1.5 * step
            truth.append([frame, (k + frame // 3 * truth_drift) % side**2, x * step, y * step, size, size])
            shifted = [(x + 0.5) * step, (y + 0.5) * step, size, size]
            results.append([frame, (k + frame // 2 * result_drift) % side**2, *shifted])
    check_all({"lattice": (truth, results, frames)}, "MOT17", run_trackeval, annotate)


def rows_of(path: Path, frames: int) -> Rows:
    """The first `frames` frames of a file."""
    rows = np.loadtxt(path, delimiter=",", usecols=range(8), ndmin=2)
    return [list(row) for row in rows[rows[:, 0] <= frames]]


def link_by_iou(detections: Rows) -> Rows:
    """Detections with the identity of the detection in the previous frame with the largest IoU, if ≥ 0.3."""
    before: Rows = []
    now: Rows = []
    results: Rows = []
    for row in sorted(detections, key=lambda row: row[0]):
        if now and row[0] != now[0][0]:
            before, now = now, []
        identity = float(len(results) + 1)
        if before:
            overlap = iou(xywh_to_xyxy(row[2:6]), xywh_to_xyxy([other[2:6] for other in before]))[0]
            taken = before[overlap.argmax()][1]
            if overlap.max() >= 0.3 and taken not in [other[1] for other in now]:
                identity = taken
        now.append([row[0], identity, *row[2:6]])
        results.append(now[-1])
    return results


@pytest.mark.parametrize("name", ["PETS09-S2L1", "TUD-Campus", "KITTI-17"])
def test_sort_on_mot15(
    shared: Path, run_trackeval: Callable[..., Any], annotate: Callable[[Rows], Annotation], name: str
) -> None:
    truth = [row[:7] for row in rows_of(shared / "data/MOT15/train" / name / "gt/gt.txt", 795)]
    results = [row[:6] for row in rows_of(shared / f"golden/sort_mot15/{name}.txt", 795)]
    check_all({name: (truth, results, 795)}, "MOT15", run_trackeval, annotate)


@pytest.mark.parametrize(
    ("folder", "detections", "frames", "benchmark"),
    [
        ("MOT20/train/MOT20-01", "yolox-x-mot20", 40, "MOT20"),
        ("DanceTrack/val/dancetrack0043", "yolox-x-dancetrack", 183, "MOT17"),
        ("DanceTrack/val/dancetrack0081", "yolox-x-dancetrack", 100, "MOT20"),
    ],
)
def test_linked_detections(
    shared: Path,
    run_trackeval: Callable[..., Any],
    annotate: Callable[[Rows], Annotation],
    folder: str,
    detections: str,
    frames: int,
    benchmark: str,
) -> None:
    name = Path(folder).name
    truth = rows_of(shared / "data" / folder / "gt/gt.txt", frames)
    results = link_by_iou(rows_of(shared / "data/detections" / detections / f"{name}.txt", frames))
    check_all({name: (truth, results, frames)}, benchmark, run_trackeval, annotate)
