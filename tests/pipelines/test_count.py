"""`idfree count`: files and totals of a street worked by hand, and the same while tracking."""

import csv
import json

import cv2
import numpy as np
import pytest

import idfree
from idfree.cli import main
from idfree.core.errors import UserError
from idfree.show.video_writer import VideoWriter

LINE, ZONE = "door=0,100,200,100", "hall=0,100,200,100,200,200,0,200"


@pytest.fixture
def street(tmp_path):
    """street.txt, 10 frames: 1 (class 3) goes down through y = 100 in frame 6; 2 (class 7) stands at y = 150."""
    rows = [f"{f},1,45,{40 + 10 * f - 40},10,40,0.9,3,-1,-1" for f in range(1, 11)]
    rows += [f"{f},2,95,110,10,40,0.9,7,-1,-1" for f in range(1, 11)]
    rows.sort(key=lambda row: int(row.split(",")[0]))
    (tmp_path / "street.txt").write_text("\n".join(rows) + "\n")
    return tmp_path / "street.txt"


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_files_and_totals(street, tmp_path):
    totals = idfree.count(street, out=tmp_path / "out", lines=LINE, zones=ZONE, scale=0.1, frame_rate=10)["street"]
    assert totals["lines"] == {
        "door": {"down": 1, "up": 0, "classes": {"3": {"down": 1, "up": 0}, "7": {"down": 0, "up": 0}}}
    }
    hall = totals["zones"]["hall"]
    assert (hall["visits"], hall["tracks"], hall["most"], hall["classes"]) == (2, 2, 2, {"3": 1, "7": 1})
    assert hall["mean_seconds"] == pytest.approx((0.5 + 1.0) / 2)  # frames 6 to 10, and 1 to 10
    assert totals["paths"] == {"tracks": 2, "metres": 9.0, "mean_speed": 5.0}
    assert rows_of(totals["files"]["crossings"]) == [
        ["line", "direction", "frame", "time", "id", "class"],
        ["door", "down", "6", "0.5", "1", "3"],
    ]
    assert rows_of(totals["files"]["visits"])[1:] == [
        ["hall", "2", "7", "1", "10", "1.0"],
        ["hall", "1", "3", "6", "10", "0.5"],
    ]
    zones = rows_of(totals["files"]["zones"])
    assert zones[0] == ["frame", "time", "hall", "hall: 3", "hall: 7"]
    assert [row[2] for row in zones[1:]] == ["1"] * 5 + ["2"] * 5
    assert rows_of(totals["files"]["paths"])[1] == ["1", "3", "1", "10", "0.9", "9.0", "10.0", "10.0"]
    assert (tmp_path / "out/street-counts.png").read_bytes().startswith(b"\x89PNG")


def test_only_what_was_asked_for_is_written(street, tmp_path):
    idfree.count(str(street), out=str(tmp_path / "out"), lines=[(0, 100, 200, 100)], plot=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["street-crossings.csv"]


def test_no_boxes(tmp_path):
    (tmp_path / "a.txt").write_text("")
    totals = idfree.count(tmp_path / "a.txt", out=tmp_path / "out", lines=LINE, zones=ZONE, scale=1)["a"]
    assert totals["lines"]["door"] == {"down": 0, "up": 0}
    assert totals["zones"]["hall"]["mean_seconds"] is None
    assert totals["paths"] == {"tracks": 0, "metres": 0.0, "mean_speed": None}


def test_a_box_far_away_makes_no_larger_picture(tmp_path):
    (tmp_path / "a.txt").write_text("1,1,9e8,9e8,10,40,0.9,1,-1,-1\n")
    files = idfree.count(tmp_path / "a.txt", out=tmp_path / "out", lines=LINE)["a"]["files"]
    assert cv2.imread(files["plot"]).shape[1] < 10_000


def test_the_command(street, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["count", str(street), "--line", LINE, "--zone", ZONE, "--fps", "10"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  door: 1 down, 0 up"
    assert lines[4] == "  hall: 2 visits of 2 tracks, 0.8 s each (median), 2 at a time at most"
    assert (tmp_path / "runs/count/street/street-crossings.csv").is_file()
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["street"]["lines"]["door"]["down"] == 1


@pytest.mark.parametrize(
    ("line", "options", "said"),
    [
        (
            "0,190,200,190",
            [],
            "what is counted, the middle of the lower edge of a box, comes no nearer than 40 px (track 2, frame 1)",
        ),
        ("0,75,100,75", ["--anchor", "bottom"], None),
        ("0,15,200,15", [], "boxes of 1 track overlap it; with --anchor centre: no crossing either"),
        ("0,35,200,35", [], "boxes of 1 track overlap it; with --anchor centre: 1 crossing"),
        ("0,124,200,124", ["--anchor", "centre"], "the centre of a box, comes no nearer than 4 px (track 1, frame 10)"),
        ("0,124,200,124", ["--anchor", "centre"], "boxes of 2 tracks overlap it; with --anchor bottom: 1 crossing"),
        ("0,51,200,51", [], "1 track on it, none from 0.05 box heights on one side to as far on the other"),
    ],
)
def test_why_a_line_has_no_crossing(street, tmp_path, capsys, line, options, said):
    """Feet of 1: y = 50 to 140, 10 a frame; of 2: 150. Centres: 30 to 120, and 130."""
    assert main(["count", str(street), "--line", line, *options, "--no-plot", "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert (said is None) == ("no crossing:" not in told)
    assert said is None or said in told


def test_a_line_without_any_tracks(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("")
    assert main(["count", str(tmp_path / "a.txt"), "--line", LINE, "-o", str(tmp_path / "out")]) == 0
    assert "    no crossing: there are no tracks\n" in capsys.readouterr().out


def test_lines_without_a_crossing_are_in_the_totals(street, tmp_path):
    totals = idfree.count(street, out=tmp_path, lines={"a": (0, 100, 200, 100), "b": (0, 170, 200, 170)}, plot=False)
    expected = {"anchor": "bottom", "distance": 20.0, "id": 2, "frame": 1, "passing": 0, "overlapping": 0}
    assert totals["street"]["uncrossed"] == {"b": {**expected, "other_anchor": "centre", "other_crossings": 0}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to count"),
        (["--line", "1,2,3"], "expected x1,y1,x2,y2"),
        (["--line", LINE, "--scale", "-1"], "expected metres per pixel"),
        (["--line", LINE, "--scale", "1", "--homography", "1,0,0,0,1,0,0,0"], "expected one of them"),
    ],
)
def test_mistakes(street, capsys, options, message):
    assert main(["count", str(street), *options]) == 2
    assert message in capsys.readouterr().err


def test_results_are_not_overwritten(street):
    (street.parent / "a-crossings.csv").write_text("frame,id,x,y,w,h\n")
    (street.parent / "a-crossings-crossings.csv").hardlink_to(street.parent / "a-crossings.csv")
    with pytest.raises(UserError, match="which is read"):
        idfree.count(street.parent / "a-crossings.csv", out=street.parent, lines=LINE)


@pytest.mark.parametrize("refining", [[], ["--offline"], ["--lag", "0.2"]])
def test_counting_while_tracking(street, tmp_path, refining, monkeypatch):
    """The same files as afterwards, and lines and zones in the video."""
    with VideoWriter(tmp_path / "street.mp4", 10, (200, 200)) as video:
        for _ in range(10):
            video.write(np.full((200, 200, 3), 90, dtype=np.uint8))
    out = tmp_path / "out"
    options = ["--video", "--video-height", "100", "--count", "--line", LINE, "--zone", ZONE, "-q", "-o", str(out)]
    detections = [*("track", str(tmp_path / "street.mp4"), "--detector", str(street), "--camera", "none")]
    assert main([*detections, "--tracker", "iou", *refining, *options]) == 0
    summary = json.loads((out / "summary.json").read_text())["sequences"][0]
    later = idfree.count(out / "street.txt", tmp_path / "street.mp4", tmp_path / "later", lines=LINE, zones=ZONE)
    for kind, path in summary["count"]["files"].items():
        if kind != "plot":
            assert rows_of(path) == rows_of(later["street"]["files"][kind])
    assert summary["count"]["lines"]["door"]["down"] == 1
    from idfree.sequences.video import open_video

    frames = [frame.image for frame in open_video(out / "street.mp4")]
    assert frames[0].shape == (100, 100, 3)
    assert (np.abs(frames[-1][50, 5:90].astype(int) - 90).max(axis=-1) > 20).mean() > 0.8  # the line


def test_count_without_a_line(street, capsys):
    assert main(["track", str(street.parent / "street.mp4"), "--count"]) == 2
    assert "--count: expected --line" in capsys.readouterr().err
