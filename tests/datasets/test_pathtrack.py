"""PathTrack: sequences without seqinfo.ini, whose boxes all count."""

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.datasets.footage import FootageSettings
from idfree.datasets.open_footage import open_footage
from idfree.datasets.pathtrack import is_pathtrack, read_frame_rate

ROWS = "1 1 1 2 10 20 1\n2 1 3.5 2 10 20 0\n2 2 30 2 10 20 0\n"  # the last column: not interpolated


def write(folder, rows=ROWS, info="<doc><fps>25</fps></doc>"):
    for number in (1, 2):
        (folder / "img1").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.jpg"), np.full((48, 64, 3), 9 * number, np.uint8))
    for name, text in (("gt/gt.txt", rows), ("det/det_rcnn.txt", "1,-1,1,2,10,20,0.9\n"), ("info.xml", info)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def release(tmp_path):
    write(tmp_path / "train" / "-DGzHCfmv5k_23_30")
    write(tmp_path / "test" / "abc_0_5", ROWS.replace(" ", ","))
    return tmp_path


def test_all_boxes_are_people(release):
    first, second = open_footage(release)
    assert (first.name, second.name) == ("-DGzHCfmv5k_23_30", "abc_0_5")
    for footage in (first, second):
        assert footage.boxes.score.tolist() == [1, 1, 1]
        assert footage.boxes.id.tolist() == [1, 1, 2]
        assert footage.boxes.xyxy[1].tolist() == [3.5, 2, 13.5, 22]
        assert (footage.length, footage.frame_rate, footage.size_hw, footage.is_sequence) == (2, 25, (48, 64), True)
        assert footage.image(2).mean() == pytest.approx(18, abs=1)


def test_one_sequence_and_one_part(release):
    assert len(open_footage(release / "train")) == 1
    assert len(open_footage(release / "train" / "-DGzHCfmv5k_23_30")) == 1
    with pytest.raises(UserError, match="has boxes of people alone"):
        open_footage(release, settings=FootageSettings(classes="car"))


def test_sequences_of_motchallenge_are_not_taken_for_it(release):
    folder = release / "train" / "-DGzHCfmv5k_23_30"
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=a\n")
    assert not is_pathtrack(folder)


@pytest.mark.parametrize(
    ("text", "rate"), [("<FrameRate> 29.97 </FrameRate>", 29.97), ("<fps>0</fps>", None), ("", None)]
)
def test_frame_rate(tmp_path, text, rate):
    (tmp_path / "info.xml").write_text(text)
    assert read_frame_rate(tmp_path / "info.xml") == rate
    assert read_frame_rate(tmp_path / "none.xml") is None
