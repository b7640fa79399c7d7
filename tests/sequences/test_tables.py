"""Boxes in CSV, NumPy and Parquet files; tables written and read."""

import builtins
import json
from dataclasses import replace

import numpy as np
import pytest

from idfree.core.errors import MissingExtra, UserError
from idfree.core.types import Annotation
from idfree.sequences.motchallenge import format_results
from idfree.sequences.table_writer import write_table
from idfree.sequences.tables import SUFFIXES, read_boxes, read_class_names, read_tracks

BOXES = Annotation(
    frame=np.array([1, 1, 2]),
    id=np.array([1, 2, 1]),
    xyxy=np.array([[10, 20, 40, 60], [-0.5, 0, 2.25, 7], [11, 20, 41, 60.13]]),
    score=np.array([0.5, 1, 0.1235]),
    class_id=np.array([0, 2, 0]),
    visibility=np.ones(3),
)


def write(path, content):
    path.write_text(content, encoding="utf-8")
    return path


def test_csv_without_a_header_is_motchallenge_text(tmp_path):
    boxes = read_boxes(write(tmp_path / "a.csv", "2,-1,10,20,30,40,0.5\n1,-1,1,2,3,4,0.5\n"))
    assert boxes.frame.tolist() == [1, 2]
    assert boxes.xyxy[1].tolist() == [10, 20, 40, 60]
    assert read_boxes(write(tmp_path / "b.txt", "1,-1,10,20,30,40,0.5,3\n")).class_id.tolist() == [3]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_header_in_any_order(tmp_path, separator):
    rows = ["", "Score,label,frame,x,y,w,h,class,id", "", "0.25,man,2,10,20,30,40,7,5", '1,"a dog",1,1,2,3,4,0,6', ""]
    path = write(tmp_path / "a.csv", "\r\n".join(rows).replace(",", separator))
    if separator == "\t":  # white space separates, so "a dog" would be two columns
        path.write_text(path.read_text().replace("a dog", "dog"))
    boxes = read_boxes(path)
    assert boxes.frame.tolist() == [1, 2]
    assert boxes.id.tolist() == [6, 5]
    assert boxes.xyxy.tolist() == [[1, 2, 4, 6], [10, 20, 40, 60]]
    assert boxes.score.tolist() == [1, 0.25]
    assert boxes.class_id.tolist() == [0, 7]


def test_csv_with_corners_and_default_values(tmp_path):
    boxes = read_boxes(write(tmp_path / "a.csv", '"frame","x1","y1","x2","y2"\n"1","10","20","40","60"\n'))
    assert boxes.xyxy.tolist() == [[10, 20, 40, 60]]
    assert (boxes.id[0], boxes.score[0], boxes.class_id[0]) == (-1, 1, 0)
    assert len(read_boxes(write(tmp_path / "b.csv", "frame,x,y,w,h\n"))) == 0
    assert len(read_boxes(write(tmp_path / "c.csv", ""))) == 0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x,y,w,h\n1,2,3,4\n", "a.csv: columns x, y, w, h; expected frame, and x, y, w, h or x1, y1, x2, y2"),
        ("frame,x,y,w\n1,2,3,4\n", "a.csv: columns frame, x, y, w; expected frame, and"),
        ("frame,x,y,w,h\n1,1,2,3,4\n\n1,a,2,3,4\n", "a.csv line 4: x is 'a', expected a number"),
        ("frame,x,y,w,h,class\n1,1,2,3,4,man\n", "a.csv line 2: class is 'man', expected a whole number"),
        ("frame,x,y,w,h\n0,1,2,3,4\n", "a.csv line 2: frame 0, expected 1 or more"),
        ("frame,x,y,w,h\n1,1,2,3\n", r"a.csv line 2: 4 columns, expected 5 \(frame, x, y, w, h\)"),
    ],
)
def test_invalid_csv(tmp_path, content, expected):
    with pytest.raises(UserError, match=expected):
        read_boxes(write(tmp_path / "a.csv", content))


def test_npy_with_embeddings(tmp_path):
    random = np.random.default_rng(0)
    rows = np.column_stack(
        [[2, 1, 2], [-1] * 3, random.uniform(1, 9, (3, 4)), [0.5, 1, 0.25], random.normal(size=(3, 5))]
    )
    np.save(tmp_path / "a.npy", rows.astype(np.float32))
    boxes = read_boxes(tmp_path / "a.npy")
    assert boxes.frame.tolist() == [1, 2, 2]
    assert boxes.score.tolist() == [1, 0.5, 0.25]
    assert boxes.embedding.dtype == np.float32
    assert np.allclose(boxes.embedding, rows[[1, 0, 2], 7:])
    assert np.allclose(boxes.detections_at(2).embedding, rows[[0, 2], 7:])
    np.save(tmp_path / "b.npy", rows[:, :7])
    assert read_boxes(tmp_path / "b.npy").embedding is None
    np.save(tmp_path / "c.npy", np.zeros((0, 7 + 5)))
    assert read_boxes(tmp_path / "c.npy").embedding.shape == (0, 5)


def test_invalid_npy(tmp_path):
    path = tmp_path / "a.npy"
    for array, expected in (
        (np.zeros((3, 6)), r"holds float64 \(3, 6\), expected numbers \(K, 7\+D\)"),
        (np.zeros(7), r"holds float64 \(7,\)"),
        (np.array([["a"] * 7]), r"holds <U1"),
        (np.zeros((1, 7)), "row 1: frame 0, expected 1 or more"),
        (np.array([[None] * 7]), "is not a NumPy array of numbers"),
    ):
        np.save(path, array, allow_pickle=True)
        with pytest.raises(UserError, match=expected):
            read_boxes(path)
    np.savez(tmp_path / "a.npz", rows=np.zeros((1, 7)))
    with pytest.raises(UserError, match="holds an archive"):
        read_boxes((tmp_path / "a.npz").rename(path))
    for content in (b"", b"hello", b"\x93NUMPY\x01\x00v\x00{'descr"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is not a NumPy array of numbers"):
            read_boxes(path)
    with pytest.raises(UserError, match="no such file"):
        read_boxes(tmp_path / "none.npy")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_invalid_embeddings_cost_neither_the_file_nor_the_boxes(tmp_path, caplog, dtype):
    rows = np.full((3, 7 + 2048), 40, dtype)
    rows[1, 9], rows[2, 9] = np.nan, np.inf
    np.save(tmp_path / "a.npy", rows)
    boxes = read_boxes(tmp_path / "a.npy")
    assert boxes.embedding.any(axis=1).tolist() == [True, False, False]
    assert boxes.embedding.dtype == dtype
    assert "a.npy: 2 of 3 embeddings are not finite, the first in row 2;" in caplog.text


def test_arrays_that_promise_more_than_the_file_holds(tmp_path):
    """A header of 10^12 rows must not allocate them."""
    path = tmp_path / "a.npy"
    np.save(path, np.ones((3, 7)))
    path.write_bytes(path.read_bytes().replace(b"(3, 7), }            ", b"(1000000000000, 7), }"))
    with pytest.raises(UserError, match="is not a NumPy array of numbers"):
        read_boxes(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_that_no_file_can_have(tmp_path, suffix):
    (tmp_path / f"loop{suffix}").symlink_to(tmp_path / f"loop{suffix}")
    for name in ("a" * 300, "a\0b", "loop"):
        with pytest.raises(UserError, match=r"no such file|cannot read"):
            read_boxes(tmp_path / f"{name}{suffix}")


def test_times_are_written_where_they_are_known(tmp_path):
    timed = replace(BOXES, time=np.array([0, 0, 1]) / 30 + 86400)
    write_table(tmp_path / "a.csv", timed[::-1], "csv")
    header, first, _, third = (tmp_path / "a.csv").read_text().splitlines()
    assert header == "frame,id,x,y,w,h,score,class,time"
    assert [line.split(",")[-1] for line in (first, third)] == ["86400", "86400.033333"]
    assert len(read_boxes(tmp_path / "a.csv")) == len(BOXES)
    write_table(tmp_path / "a.json", timed, "json")
    assert [box["time"] for box in json.loads((tmp_path / "a.json").read_text())] == [86400, 86400, 86400.033333]
    write_table(tmp_path / "a.csv", replace(BOXES, time=np.full(len(BOXES), np.nan)), "csv")
    assert "time" not in (tmp_path / "a.csv").read_text()


def test_times_in_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "a.parquet", replace(BOXES, time=np.arange(len(BOXES)) / 4), "parquet")
    assert parquet.read_table(tmp_path / "a.parquet")["time"].to_pylist() == (np.arange(len(BOXES)) / 4).tolist()


def test_the_error_for_an_unknown_suffix_lists_the_known_ones(tmp_path):
    with pytest.raises(UserError, match=r"boxes are read from files that end in .npy, .parquet, .csv, .txt"):
        read_boxes(tmp_path / "a.xlsx")
    with pytest.raises(UserError, match="cannot write a table as 'xlsx'; known are csv, json, parquet"):
        write_table(tmp_path / "a.xlsx", BOXES, "xlsx")
    assert set(SUFFIXES) == {".npy", ".parquet", ".csv", ".txt"}


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_class_names_are_a_column(tmp_path, format):
    """Names with commas, quotes and per cent signs; a class without a name; read back, as are the numbers."""
    if format == "parquet":
        pytest.importorskip("pyarrow")
    boxes = replace(BOXES, id=np.arange(1, len(BOXES) + 1), class_id=np.arange(len(BOXES)) % 3)
    names, path = {0: "person", 1: 'a "big" 50% car, red'}, tmp_path / f"a.{format}"
    write_table(path, boxes, format, names)
    assert read_class_names(path) == names
    again = read_tracks(path)
    order = np.lexsort((boxes.id, boxes.frame))
    assert np.array_equal(again.class_id, boxes[order].class_id)
    assert np.array_equal(again.id, boxes[order].id)
    write_table(path, boxes, format)
    assert read_class_names(path) == {}


def test_csv_written_and_read(tmp_path):
    write_table(tmp_path / "a.csv", BOXES[[2, 1, 0]], "csv")
    assert (tmp_path / "a.csv").read_text() == (
        "frame,id,x,y,w,h,score,class\n"
        "1,1,10.00,20.00,30.00,40.00,0.5,0\n"
        "1,2,-0.50,0.00,2.75,7.00,1,2\n"
        "2,1,11.00,20.00,30.00,40.13,0.1235,0\n"
    )
    assert format_results(read_boxes(tmp_path / "a.csv")) == format_results(BOXES)


def test_json_written(tmp_path):
    write_table(tmp_path / "a.json", BOXES, "json")
    objects = json.loads((tmp_path / "a.json").read_text())
    assert len(objects) == 3
    assert objects[1] == {"frame": 1, "id": 2, "x": -0.5, "y": 0, "w": 2.75, "h": 7, "score": 1, "class": 2}
    write_table(tmp_path / "a.json", BOXES[:0], "json")
    assert json.loads((tmp_path / "a.json").read_text()) == []


def test_parquet_written_and_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "a.parquet", BOXES, "parquet")
    assert parquet.read_table(tmp_path / "a.parquet").column_names == "frame id x y w h score class".split()
    back = read_boxes(tmp_path / "a.parquet")
    assert format_results(back) == format_results(BOXES)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    write_table(tmp_path / "empty.parquet", BOXES[:0], "parquet")
    assert len(read_boxes(tmp_path / "empty.parquet")) == 0

    box = {"x": [1.0], "y": [1.0], "w": [1.0], "h": [1.0]}
    for columns, expected in (
        (box, "columns x, y, w, h; expected frame, and"),
        (box | {"frame": ["one"]}, "column frame is string, expected numbers"),
        (box | {"frame": [None]}, "column frame is null|row 1: frame is nan"),
        (box | {"frame": [1.5]}, "row 1: frame is 1.5, expected a whole number"),
    ):
        parquet.write_table(pyarrow.table(columns), tmp_path / "wrong.parquet")
        with pytest.raises(UserError, match=expected):
            read_boxes(tmp_path / "wrong.parquet")
    (tmp_path / "wrong.parquet").write_bytes(b"not parquet")
    with pytest.raises(UserError, match="is not a Parquet file"):
        read_boxes(tmp_path / "wrong.parquet")
    with pytest.raises(UserError, match="no such file"):
        read_boxes(tmp_path / "none.parquet")


def test_the_error_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    original = builtins.__import__

    def import_without_pyarrow(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", import_without_pyarrow)
    with pytest.raises(MissingExtra, match=r"reading .*a.parquet needs the package pyarrow: .*idfree\[parquet\]"):
        read_boxes(tmp_path / "a.parquet")
    with pytest.raises(MissingExtra, match="writing"):
        write_table(tmp_path / "a.parquet", BOXES, "parquet")
    assert not list(tmp_path.iterdir())


def test_real_embeddings(shared):
    boxes = read_boxes(shared / "data/features/MOT17-09-FRCNN.npy")
    plain = read_boxes(shared / "data/MOT17/train/MOT17-09-FRCNN/det/det.txt")
    assert boxes.embedding.shape == (len(plain), 128)
    assert np.array_equal(boxes.frame, plain.frame)
    assert np.allclose(boxes.xyxy, plain.xyxy)


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_tracks_are_read_back_from_every_format(tmp_path, format):
    if format == "parquet":
        pytest.importorskip("pyarrow")
    whole = np.array([1, 1, 2])
    boxes = np.array([[1.0, 2, 11, 22], [30.0, 2, 40, 22], [2.0, 2, 12, 22]])
    tracks = Annotation(whole, np.array([1, 2, 1]), boxes, np.full(3, 0.5), np.zeros(3, dtype=np.int64), np.ones(3))
    path = tmp_path / f"a.{format}"
    write_table(path, tracks, format)
    again = read_tracks(path)
    assert again.id.tolist() == [1, 2, 1]
    np.testing.assert_allclose(again.xyxy, boxes)


def test_detections_are_no_tracks(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("frame,x,y,w,h\n1,2,3,4,5\n")
    with pytest.raises(UserError, match="without an id"):
        read_tracks(path)
    (tmp_path / "b.json").write_text('{"frame": 1}')
    with pytest.raises(UserError, match="JSON array of objects"):
        read_tracks(tmp_path / "b.json")
