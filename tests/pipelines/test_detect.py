"""Detections that are kept, and the limit of their embeddings, measured without a label."""

import json

import numpy as np
import pytest

from idfree.cli import main
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.detect import calibrated, detect, rows_of, write_boxes
from idfree.pipelines.open_detector import given, stored
from idfree.pipelines.selection import Selection
from idfree.pipelines.track import prepare
from idfree.sequences import open_source
from idfree.sequences.motchallenge import write_results
from idfree.synthetic.scene import street

SIZE = (240, 426)


def annotation(frame, xyxy, embedding=None, class_id=0):
    count = len(frame)
    return Annotation(
        frame=np.array(frame),
        id=np.full(count, -1),
        xyxy=np.array(xyxy, dtype=float).reshape(-1, 4),
        score=np.linspace(1 / 3, 1, count),
        class_id=np.full(count, class_id),
        visibility=np.ones(count),
        embedding=embedding,
    )


def test_rows_are_found_by_frame_and_box():
    whole = annotation([1, 1, 2, 2], [[0, 0, 1, 1], [5, 5, 9, 9], [0, 0, 1, 1], [5, 5, 9, 9.5]])
    assert rows_of(whole[[3, 0, 2]], whole).tolist() == [3, 0, 2]
    assert rows_of(whole[[]], whole).tolist() == []
    assert rows_of(whole[[]], whole[[]]).tolist() == []


@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_what_is_written_is_read_again(tmp_path, dtype):
    random = np.random.default_rng(0)
    frame = np.sort(random.integers(1, 20, 50))
    xyxy = np.cumsum(random.uniform(0, 999, (50, 2, 2)), axis=1).reshape(50, 4)
    embedding = None if dtype is None else random.normal(size=(50, 5)).astype(dtype)
    boxes = annotation(frame, xyxy, embedding, class_id=2)
    path = write_boxes(tmp_path, "a.b", boxes)
    back = given(str(tmp_path), Sequence("a.b", iter, length=20)).annotation
    assert path.name == ("a.b.npy" if dtype else "a.b.txt")
    for name in ("frame", "id", "score"):
        np.testing.assert_array_equal(getattr(back, name), getattr(boxes, name))
    np.testing.assert_allclose(back.xyxy, xyxy, rtol=1e-15)  # x + (x2 − x) may be a last bit off
    assert (back.embedding is None) == (dtype is None)
    if dtype:
        np.testing.assert_array_equal(back.embedding.astype(dtype), embedding)


def test_boxes_that_no_tracker_would_take_are_not_kept():
    boxes = annotation([1, 1, 2], [[0, 0, 9, 9], [5, 5, 5, 9], [900, 0, 909, 9]])
    found = detect(Sequence("x", iter, length=3), PrecomputedDetector(boxes, SIZE))
    assert (found.frames, found.dropped, found.boxes.frame.tolist(), found.match_threshold) == (3, 2, [1], None)


def test_the_limit_lies_between_the_same_and_another():
    """Of noisy copies of people's vectors, by the boxes alone: as far as these say, nobody is mistaken."""
    made = street(0, people=10, frames=60, size_hw=SIZE)
    found = calibrated(made.sequence, PrecomputedDetector(made.detections, SIZE))
    assert found.error < 0.05
    alone = made.detections[made.detections.frame == 1]
    with pytest.raises(UserError, match="nothing to calibrate on"):
        calibrated(made.sequence, PrecomputedDetector(alone, SIZE))


@pytest.mark.parametrize("name", ["FRCNN", "SDP"])
def test_a_measured_limit_suits_real_embeddings(shared, name, tmp_path, capsys):
    """Fairmot at every fifth frame of MOT17-09: published limits are for other encoders, and cost identities."""
    folder = shared / f"data/MOT17/train/MOT17-09-{name}"
    (sequence,) = open_source(folder)
    boxes = stored(str(shared / "data/features"), sequence)
    limit = calibrated(sequence, PrecomputedDetector(boxes, looked=range(1, 526, 5))).match_threshold
    assert 0.2 < limit < 0.3

    def idf1(limit):
        run = prepare(
            sequence,
            PrecomputedDetector(boxes, match_threshold=limit),
            "fairmot",
            (),
            Selection(every=5),
            images=False,
        )
        for _ in run:
            pass
        write_results(tmp_path / f"{folder.name}.txt", run.result())
        assert main(["eval", str(tmp_path), str(folder), "--every", "5", "--json"]) == 0
        return json.loads(capsys.readouterr().out)[folder.name]["IDF1"]

    assert idf1(limit) > idf1(None) + 0.02
