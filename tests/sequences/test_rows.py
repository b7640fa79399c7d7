"""MOTChallenge text in all variants, and error messages for invalid text."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfree.core.errors import UserError
from idfree.sequences.motchallenge import read_detections, read_ground_truth, read_results


@pytest.fixture
def text(tmp_path):
    """Function that writes a text file and returns its path."""

    def write(content: str | bytes, name: str = "det.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def message(read, path) -> str:
    with pytest.raises(UserError) as caught:
        read(path)
    text = str(caught.value)
    assert "\n" not in text
    return text.replace(str(path), path.name)


@pytest.mark.parametrize("columns", range(6, 11))
def test_detections_have_6_to_10_columns(text, columns):
    row = ["2", "-1", "10", "20", "30", "40", "0.5", "-1", "-1", "-1"][:columns]
    boxes = read_detections(text(",".join(row) + "\n"))
    assert boxes.xyxy.tolist() == [[10, 20, 40, 60]]
    assert boxes.score.tolist() == [0.5 if columns > 6 else 1.0]
    assert (boxes.frame[0], boxes.id[0], boxes.class_id[0], boxes.visibility[0]) == (2, -1, 0, 1)


@pytest.mark.parametrize("tail", [",3", ",3,0.4", ",3,-1,-1", ",3.0,-1.0,-1"])
def test_column_8_as_class(text, tail):
    assert read_detections(text(f"1,-1,1,2,3,4,0.5{tail}\n")).class_id.tolist() == [3]


@pytest.mark.parametrize("tail", [",-1,-1,-1", ",-3.7,-7.2,0", ",3,4,0", ",3,-1,0", ",2.5", ",-1"])
def test_column_8_as_position(text, tail):
    assert read_detections(text(f"1,-1,1,2,3,4,0.5{tail}\n")).class_id.tolist() == [0]


def test_column_8_is_no_class_if_one_row_has_none(text):
    assert read_detections(text("1,-1,1,2,3,4,0.5,2\n1,-1,1,2,3,4,0.5,-1\n")).class_id.tolist() == [0, 0]


ROWS = [[1, -1, 10, 20, 30.5, 40, 0.25], [1, -1, 11, 20, 30, 40, 0.5], [3, -1, 12, 20, 30, 40, 0.75]]


@pytest.mark.parametrize("separator", [",", ", ", " , ", ";", " ", "\t", "   "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\n   \n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_line_ends_and_byte_order_marks(text, separator, end, mark):
    content = mark + end.join(separator.join(map(str, row)) for row in ROWS) + end + "\n"
    boxes = read_detections(text(content))
    assert boxes.frame.tolist() == [1, 1, 3]
    assert boxes.xyxy.tolist() == [[10, 20, 40.5, 60], [11, 20, 41, 60], [12, 20, 42, 60]]
    assert boxes.score.tolist() == [0.25, 0.5, 0.75]


def test_number_notations(text):
    boxes = read_detections(text("1.0,-1,1e1,+2.,.5,4E0,9.9e-01\n2e0,-1,-5,2,3,4,1"))
    assert boxes.frame.tolist() == [1, 2]
    assert boxes.xyxy.tolist() == [[10, 2, 10.5, 6], [-5, 2, -2, 6]]
    assert boxes.score.tolist() == [0.99, 1]


def test_rows_are_sorted_by_frame_stably(text):
    path = text("".join(f"{frame},-1,{k},0,1,1,1\n" for k, frame in enumerate([5, 1, 5, 2, 1, 5])))
    boxes = read_detections(path)
    assert boxes.frame.tolist() == [1, 1, 2, 5, 5, 5]
    assert boxes.xyxy[:, 0].tolist() == [1, 4, 3, 0, 2, 5]
    assert read_results(path).xyxy.tolist() == boxes.xyxy.tolist()


@pytest.mark.parametrize("content", ["", "\n", " \n\r\n", "\ufeff"])
def test_empty_files(text, content):
    for read in (read_detections, read_results, read_ground_truth):
        boxes = read(text(content))
        assert len(boxes) == 0
        assert boxes.xyxy.shape == (0, 4)
        assert len(boxes.detections_at(1)) == 0


def test_ground_truth_layouts(text):
    mot17 = read_ground_truth(text("1,0,10,20,30,40,0,7,0.25\n1,4,10,20,30,40,1,1,1\n"))
    assert mot17.id.tolist() == [0, 4]  # DanceTrack has id 0
    assert mot17.score.tolist() == [0, 1]
    assert mot17.class_id.tolist() == [7, 1]
    assert mot17.visibility.tolist() == [0.25, 1]
    for tail in ("", ",-1,-1,-1", ",-4.15,-7.35,0"):  # MOT15 has no class
        mot15 = read_ground_truth(text(f"1,9,10,20,30,40,1{tail}\n"))
        assert (mot15.id[0], mot15.score[0], mot15.class_id[0], mot15.visibility[0]) == (9, 1, 1, 1)


GOOD = "1,1,10,20,30,40,1,1,0.5\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1,1,10,20,30,40,1,1", "8 columns, expected 9 (frame, id, x, y, w, h, mark, class, visibility)"),
        ("1,1,10,20,30,40,1,1,1,1", "10 columns, expected 9 (frame, id, x, y, w, h, mark, class, visibility)"),
        ("1", "1 column, expected 9 (frame, id, x, y, w, h, mark, class, visibility)"),
        ("abc,1,10,20,30,40,1,1,1", "frame is 'abc', expected a whole number"),
        ("1.5,1,10,20,30,40,1,1,1", "frame is 1.5, expected a whole number"),
        ("0,1,10,20,30,40,1,1,1", "frame 0, expected 1 or more (frames count from 1)"),
        ("-3,1,10,20,30,40,1,1,1", "frame -3, expected 1 or more (frames count from 1)"),
        ("1e300,1,10,20,30,40,1,1,1", "frame 1e+300, expected at most 100000000: is this column the frame number?"),
        (
            f"{2**53},1,10,20,30,40,1,1,1",
            "frame 9.00719925474099e+15, expected at most 100000000: is this column the frame number?",
        ),
        (
            "100000001,1,10,20,30,40,1,1,1",
            "frame 100000001, expected at most 100000000: is this column the frame number?",
        ),
        (f"1,{2**54},10,20,30,40,1,1,1", "id is 1.80144e+16, expected a whole number"),
        (f"1,1,10,20,{'9' * 400},40,1,1,1", "w is inf, expected a finite number"),
        ("1,1,10,20,1e300,40,1,1,1", "w is 1e+300, expected at most 1e+09"),
        ("1,1,10,20,30,40,-1e300,1,1", "mark is -1e+300, expected at most 1e+09"),
        ("1,1.5,10,20,30,40,1,1,1", "id is 1.5, expected a whole number"),
        ("1,1,10,20,30,40,1,1.5,1", "class is 1.5, expected a whole number"),
        ("1,1,nan,20,30,40,1,1,1", "x is nan, expected a finite number"),
        ("1,1,10,20,1e999,40,1,1,1", "w is inf, expected a finite number"),
        ("1,1,10,,30,40,1,1,1", "y is empty, expected a number"),
        ("1,1,10,2_0,30,40,1,1,1", "y is '2_0', expected a number"),
        ("1,1,10,#,30,40,1,1,1", "y is '#', expected a number"),
        ("1;1;10;20;30;40;1;1;1", "columns separated by ';', the first row has ','; a file has one separator"),
        ("1 1 10 20 30 40 1 1 1", "columns separated by white space, the first row has ','; a file has one separator"),
        ("1,1,10,20 30,40,1,1,1", "columns separated by white space, the first row has ','; a file has one separator"),
    ],
)
def test_errors_name_file_and_line(text, line, expected):
    path = text(GOOD * 2 + "\n" + GOOD * 13 + line + "\n" + GOOD, "gt.txt")
    assert message(read_ground_truth, path) == f"gt.txt line 17: {expected}"


def test_the_last_frame_that_is_plausible(text):
    assert read_detections(text("100000000,-1,10,20,30,40,1\n")).frame.tolist() == [10**8]


@pytest.mark.parametrize("separator", [",", ";", " "])
def test_fields_and_numbers_of_any_length(text, separator):
    row = separator.join(["1", "-1", "10", "20", "30", "40", "{}"]) + "\n"
    assert "score is inf" in message(read_detections, text(row.format(1) + row.format("1" * 400)))
    assert "score is " in message(read_detections, text(row.format(1) + row.format('"' + "a" * 140_000 + '"')))
    assert read_detections(text(row.format("0." + "3" * 200_000))).score[0] == 1 / 3


def test_errors_in_the_first_row(text):
    assert message(read_detections, text("1,-1,10,20,30\n")) == (
        "det.txt line 1: 5 columns, expected 7 (frame, id, x, y, w, h, score)"
    )
    assert "11 columns" in message(read_detections, text(",".join("1" * 11)))
    assert message(read_ground_truth, text("frame id x y w h mark")) == (
        "det.txt line 1: frame is 'frame', expected a whole number"
    )
    assert "white space, the first row has" not in message(read_detections, text("a,b,c"))
    assert "separated by ','" in message(read_detections, text("1 -1 1 2 3 4 1\n1,-1,1,2,3,4,1"))


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xfe1\0,\0", b"\x00" * 40, b"\xb1,2,3"])
def test_binary_files_are_refused(text, content):
    assert "is not a text file" in message(read_detections, text(content))


def test_missing_files_and_folders(tmp_path):
    assert message(read_detections, tmp_path / "none.txt") == "no such file: none.txt"
    assert "is a folder" in message(read_detections, tmp_path)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='0123456789,;. -\n\r\t"e#nai', max_size=80))
def test_any_text_is_parsed_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "det.txt"
    path.write_text(content, encoding="utf-8", newline="")
    try:
        boxes = read_detections(path)
    except UserError:
        return
    assert np.isfinite(boxes.xyxy).all()
    assert (boxes.frame >= 1).all()
    assert (np.diff(boxes.frame) >= 0).all()
