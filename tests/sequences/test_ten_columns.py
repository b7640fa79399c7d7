"""Positions, classes and VisDrone's columns in the last three of ten."""

import numpy as np
import pytest

from idfree.sequences.motchallenge import read_detections, read_ground_truth

VISDRONE = "1,1,10,20,30,40,1,1,0,0\n1,2,60,20,30,40,1,4,1,2\n2,0,0,0,99,99,0,0,0,0\n2,3,5,5,9,9,1,11,0,1\n"


def test_ground_truth_of_visdrone(tmp_path, caplog):
    (tmp_path / "gt.txt").write_text(VISDRONE)
    truth = read_ground_truth(tmp_path / "gt.txt")
    assert truth.class_id.tolist() == [1, 4, 0, 11]
    assert truth.score.tolist() == [1, 1, 0, 0]  # neither ignored regions nor others are evaluated
    assert truth.visibility.tolist() == [1, 0.25, 1, 0.75]
    assert caplog.text.count("gt.txt: read as VisDrone's: columns 8 to 10 are category, truncation and occl") == 1
    read_ground_truth(tmp_path / "gt.txt")
    assert caplog.text.count("VisDrone") == 1
    assert read_detections(tmp_path / "gt.txt").class_id.tolist() == [1, 4, 0, 11]


@pytest.mark.parametrize(
    ("last", "classes"),
    [
        ([(-1, -1, -1), (-1, -1, -1)], [1, 1]),  # MOT15
        ([(2, 0, 1), (2.5, 0, 0)], [1, 1]),  # positions in metres
        ([(2, 0, 3), (2, 0, 0)], [1, 1]),
        ([(12, 0, 0), (1, 0, 0)], [1, 1]),
        ([(0, 0, 0), (0, 0, 0)], [1, 1]),  # no positions known
        ([(2, -1, -1), (0, -1, -1)], [2, 0]),  # results, taken for the truth
        ([(2, -1, -1), (4, 0, -1)], [2, 4]),  # VisDrone, hardly known
    ],
)
def test_the_last_three_columns(tmp_path, last, classes):
    rows = "".join(f"{n},1,1,2,3,4,1,{','.join(map(str, three))}\n" for n, three in enumerate(last, start=1))
    (tmp_path / "gt.txt").write_text(rows)
    truth = read_ground_truth(tmp_path / "gt.txt")
    assert truth.class_id.tolist() == classes
    np.testing.assert_array_equal(truth.visibility, 1)
    (tmp_path / "det.txt").write_text(rows)
    expected = [0, 0] if classes == [1, 1] else classes
    assert read_detections(tmp_path / "det.txt").class_id.tolist() == expected
