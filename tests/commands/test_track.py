"""`idfree track` and `idfree show` from the command line, with valid and invalid input."""

import json
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.cli import main
from idfree.core.growing_file import GrowingFile
from idfree.sequences.motchallenge import read_results
from idfree.show.video_output import VideoOutput
from idfree.show.video_writer import VideoWriter
from idfree.synthetic.scene import make_street

ROWS = [
    "1,-1,10,20,30,60,0.9",
    "1,-1,100,20,30,60,0.8",
    "2,-1,12,20,30,60,0.9",
    "2,-1,100,21,30,60,0.7",
    "3,-1,14,20,30,60,0.9",
]


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()  # the command line logs to this test's stderr, which is about to close


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A MOTChallenge sequence of three frames without images."""
    home = tmp_path / "walk"
    (home / "det").mkdir(parents=True)
    (home / "det" / "det.txt").write_text("\n".join(ROWS) + "\n")
    (home / "seqinfo.ini").write_text("[Sequence]\nname=walk\nframeRate=10\nseqLength=3\nimWidth=200\nimHeight=100\n")
    return home


@pytest.fixture
def video(tmp_path: Path) -> Path:
    made = make_street(people=6, frames=30, size_hw=(120, 160))
    with VideoWriter(tmp_path / "street.mp4", 20, (120, 160)) as writer:
        for frame in made.sequence:
            writer.write(frame.image)
    rows = zip(made.detections.frame, made.detections.xyxy, made.detections.score, strict=True)
    lines = [f"{n},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{s:.3f}" for n, (x1, y1, x2, y2), s in rows]
    (tmp_path / "street.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "street.mp4"


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must fail with exit status 2; return its message."""
    try:
        status = main([str(a) for a in arguments])
    except SystemExit as end:  # argparse
        status = end.code
    out, err = capsys.readouterr()
    assert status == 2
    assert out == ""
    assert err.startswith("idfree: ")
    assert len(err.strip().splitlines()) <= 2
    return err


def test_detections_without_images(folder, tmp_path, capsys):
    assert main(["track", str(folder), "--detector", "det", "--tracker", "sort", "-o", str(tmp_path / "out")]) == 0
    assert "walk.txt: 2 tracks, 5 boxes in 3 frames" in capsys.readouterr().out
    lines = (tmp_path / "out" / "walk.txt").read_text().splitlines()
    assert lines[0] == "1,1,10.00,20.00,30.00,60.00,0.9,0,-1,-1"
    assert [line.split(",")[:2] for line in lines] == [["1", "1"], ["1", "2"], ["2", "1"], ["2", "2"], ["3", "1"]]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["complete"] is True
    assert summary["sequences"][0]["tracks"] == 2
    assert set(summary["sequences"][0]["seconds"]) == {"reading", "detecting", "associating", "writing"}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["summary.json", "walk.txt"]


def test_json_on_stdout_and_nothing_else(folder, tmp_path, capsys):
    assert main(["track", str(folder), "--detector", "det", "--json", "-o", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert err == ""


def test_many_sequences_in_one_call(folder, tmp_path):
    other = folder.parent / "again"
    (other / "det").mkdir(parents=True)
    (other / "det" / "det.txt").write_text("\n".join(ROWS[:2]))
    assert main(["track", str(folder.parent), "--detector", "det", "-q", "-o", str(tmp_path / "out")]) == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"walk.txt", "again.txt", "summary.json"}


def test_annotated_video(video, tmp_path):
    out = tmp_path / "out"
    command = ["track", str(video), "--detector", str(video.with_suffix(".txt")), "--video", "-q", "-o", str(out)]
    assert main(command) == 0
    import av

    with av.open(str(out / "street.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in container.decode(video=0)) == 30
    assert main(["show", str(out / "street.txt"), str(video), "-q", "-o", str(tmp_path / "again.mp4")]) == 0
    with av.open(str(tmp_path / "again.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 30


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        (["--every", "3"], [1, 4, 7]),
        (["--every", "3", "--start", "2"], [2, 5, 8]),
        (["--start", "5", "--frames", "3"], [5, 6, 7]),
    ],
)
def test_selected_frames(video, tmp_path, options, frames):
    text = video.with_suffix(".txt")
    main(
        [
            "track",
            str(video),
            "--detector",
            str(text),
            "--tracker",
            "iou",
            "-q",
            "-o",
            str(tmp_path / "out"),
            "--set",
            "min_iou=0",
            *options,
            "--frames",
            "3",
        ]
    )
    assert np.unique(read_results(tmp_path / "out" / "street.txt").frame).tolist() == frames


def test_selected_detections(folder, tmp_path):
    def boxes(*options: str) -> int:
        main(
            ["track", str(folder), "--detector", "det", "--tracker", "iou", "-q", "-o", str(tmp_path / "out"), *options]
        )
        return len(read_results(tmp_path / "out" / "walk.txt"))

    assert boxes() == 5
    assert boxes("--min-score", "0.75") == 4
    assert boxes("--min-area", "5000") == 0
    assert boxes("--classes", "0") == 5
    assert boxes("--classes", "2,3") == 0
    assert boxes("--set", "min_hits=2") == 3


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_formats(folder, tmp_path, format):
    if format == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    assert main(["track", str(folder), "--detector", "det", "-q", "--format", format, "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / f"walk.{format}").stat().st_size > 0


def test_images(tmp_path):
    for number in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"image{number}.png"), np.full((40, 60, 3), number, dtype=np.uint8))
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "boxes.csv").write_text("frame,x,y,w,h\n1,5,5,10,20\n2,6,5,10,20\n3,7,5,10,20\n")
    detections = tmp_path / "boxes" / "boxes.csv"
    assert (
        main(["track", str(tmp_path), "--detector", str(detections), "-q", "--video", "-o", str(tmp_path / "out")]) == 0
    )
    assert len(read_results(tmp_path / "out" / f"{tmp_path.name}.txt")) == 3


# What goes wrong ----------------------------------------------------------------------------------------------------


def test_missing_files(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "no such file or folder" in fails(capsys, "track", tmp_path / "nothing.mp4")
    assert "found nothing" in fails(capsys, "track", tmp_path / "empty")
    assert "no such file" in fails(capsys, "track", folder, "--detector", tmp_path / "nothing.txt")
    for command in ("show", "view", "refine"):
        assert "nothing.txt: no such file" in fails(capsys, command, tmp_path / "nothing.txt", folder)
    assert "nothing.onnx" in fails(capsys, "track", folder, "--detector", tmp_path / "nothing.onnx")
    assert "no images" in fails(capsys, "track", folder, "--detector", "people", "-o", tmp_path / "out")


def test_file_that_is_no_video(tmp_path, capsys):
    (tmp_path / "a.mp4").write_text("hello")
    assert "a.mp4" in fails(capsys, "track", tmp_path / "a.mp4")


def test_file_that_is_no_network(folder, tmp_path, capsys):
    (tmp_path / "a.onnx").write_text("hello")
    assert "a.onnx" in fails(capsys, "track", folder, "--detector", tmp_path / "a.onnx")


def test_message_has_the_line_number(folder, tmp_path, capsys):
    bad = tmp_path / "bad.txt"
    bad.write_text("1,-1,10,20,30,60,0.9\n2,-1,10,20,thirty,60,0.9\n")
    message = fails(capsys, "track", folder, "--detector", bad, "-o", tmp_path / "out")
    assert "bad.txt line 2" in message
    assert "thirty" in message
    assert not (tmp_path / "out").exists()


def test_detections_of_another_video(folder, tmp_path, capsys):
    (tmp_path / "long.txt").write_text("9,-1,10,20,30,60,0.9\n")
    message = fails(capsys, "track", folder, "--detector", tmp_path / "long.txt", "-o", tmp_path / "out")
    assert "frame 9, but walk has 3 frames" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tracker", "best"], "unknown tracker 'best'; there are: sort, iou, deepsort, bytetrack, ocsort"),
        (["--tracker", "sort", "--set", "iou=1"], "has no setting 'iou'; it has: min_iou=0.3"),
        (["--tracker", "sort", "--set", "patience=long"], "expected float"),
        (["--every", "0"], "--every 0: expected 1 or more"),
        (["--format", "xml"], "invalid choice: 'xml'"),
        (["--appearance", "smell"], "--appearance smell: expected none, own, colour, people or a file MODEL.onnx"),
        (["--classes", "person"], "expected numbers"),
        (["--frames", "many"], "invalid int value"),
        (["--fps", "0"], "--fps 0"),
    ],
)
def test_unknown_values(folder, tmp_path, capsys, options, message):
    assert message in fails(capsys, "track", folder, "--detector", "det", "-o", tmp_path / "out", *options)


def test_unwritable_output(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "cannot make the folder" in fails(
        capsys, "track", folder, "--detector", "det", "-o", tmp_path / "file" / "out"
    )


def test_two_sources_of_one_name(folder, capsys):
    assert "2 sources are called walk" in fails(capsys, "track", folder, folder, "--detector", "det")


def test_video_without_det_txt(video, capsys):
    assert "no det/det.txt" in fails(capsys, "track", video, "--detector", "det")


def test_truncated_video(video, tmp_path, capsys):
    cut = tmp_path / "cut.mp4"
    whole = video.read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    detections = video.with_suffix(".txt")
    assert main(["track", str(cut), "--detector", str(detections), "--video", "-o", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["sequences"][0]
    assert summary["frames_lost"] > 0
    assert summary["frames"] + summary["frames_lost"] == 30
    assert f"{summary['frames_lost']} frames lost" in out
    assert f"{summary['frames_lost']} of 30 frames could not be decoded" in err


def interrupt_track(tmp_path: Path, sent: signal.Signals) -> tuple[int, str, Path]:
    """Send a signal to `track`, once it has written tracks and film; its exit status, stderr and output folder."""
    made = make_street(people=4, frames=40, size_hw=(240, 320))
    with VideoWriter(tmp_path / "long.mp4", 20, (240, 320)) as writer:
        for frame in [*made.sequence] * 15:
            writer.write(frame.image)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "idfree", "track", str(tmp_path / "long.mp4"), "--video", "-o", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while last_frame(out / "long.txt.partial") < 2 and process.poll() is None:  # the film has the first, then
            time.sleep(0.02)
        process.send_signal(sent)
        _, err = process.communicate()
    return process.returncode, err, out


def last_frame(rows: Path) -> int:
    lines = rows.read_text().splitlines() if rows.is_file() else []
    return max((int(line.split(",")[0]) for line in lines if "," in line), default=0)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_run_keeps_what_was_tracked(tmp_path, sent, status):
    code, err, out = interrupt_track(tmp_path, sent)
    assert code == status
    assert "frames of long until then are in" in err
    assert "Traceback" not in err
    assert {path.name for path in out.iterdir()} == {"long.txt", "long.mp4", "summary.json"}
    summary = json.loads((out / "summary.json").read_text())
    (sequence,) = summary["sequences"]
    assert (summary["complete"], sequence["complete"], sequence["interrupted"]) == (False, False, True)
    results = read_results(out / "long.txt")
    assert len(results) == sequence["boxes"] > 0
    assert results.frame.max() <= sequence["frames"] < 600


def test_interrupted_before_the_first_frame_of_the_film(video, tmp_path, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoOutput, "add", interrupt)
    assert main(["track", str(video), "--video", "-o", str(tmp_path / "out")]) == 130
    assert "idfree: interrupted: the 1 frames of" in capsys.readouterr().err
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".txt", ".json"}


def test_what_was_tracked_before_a_kill_lies_in_a_partial_file(tmp_path):
    code, _, out = interrupt_track(tmp_path, signal.SIGKILL)
    assert code == -signal.SIGKILL
    lines = (out / "long.txt.partial").read_text().splitlines()
    assert lines
    assert {line.count(",") for line in lines} == {9}
    assert not (out / "long.txt").exists()


def test_finished_sequences_of_many_are_skipped(folder, tmp_path, capsys):
    other = folder.parent / "again"
    (other / "det").mkdir(parents=True)
    (other / "det" / "det.txt").write_text("\n".join(ROWS[:2]))
    command = ["track", str(folder), str(other), "--detector", "det", "-o", str(tmp_path / "out")]

    def skipped(*options: str) -> list[bool]:
        assert main([*command, *options]) == 0
        return [each["skipped"] for each in json.loads((tmp_path / "out" / "summary.json").read_text())["sequences"]]

    assert skipped() == [False, False]
    before = (tmp_path / "out" / "walk.txt").stat().st_mtime_ns
    assert skipped() == [True, True]
    assert (tmp_path / "out" / "walk.txt").stat().st_mtime_ns == before
    assert "kept from an earlier run" in capsys.readouterr().out
    assert skipped("--tracker", "sort") == [False, False]
    assert skipped("--tracker", "sort", "--force") == [False, False]
    (other / "det" / "det.txt").write_text("\n".join(ROWS[:3]))
    (tmp_path / "out" / "walk.txt").write_text("shorter")
    assert skipped("--tracker", "sort") == [False, False]
    assert skipped("--tracker", "sort") == [True, True]


def test_scores_outside_0_to_1_are_rescaled_for_the_tracker(folder, tmp_path):
    """Scores in per cent. --min-score applies to the scores before."""
    (folder / "det" / "det.txt").write_text(
        "\n".join(row[: row.rindex(",")] + f",{s}" for row, s in zip(ROWS, (90, 40, 80, 3, 70), strict=True))
    )
    command = ["track", str(folder), "--detector", "det", "--tracker", "iou", "-q", "-o", str(tmp_path / "out")]
    assert main(command) == 0
    assert read_results(tmp_path / "out" / "walk.txt").score.max() == 0.9
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["sequences"][0]["score_range"] == [0, 100]
    assert main([*command, "--min-score", "75"]) == 0
    assert len(read_results(tmp_path / "out" / "walk.txt")) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="files are not locked on Windows")
def test_two_runs_do_not_write_one_file(folder, tmp_path, capsys):
    first = GrowingFile(tmp_path / "out" / "walk.txt")
    first.append(b"1,1,10,20,30,60,0.9,0,-1,-1\n")
    arguments = ["track", folder, "--detector", "det", "-o", tmp_path / "out"]
    assert f"{tmp_path / 'out' / 'walk.txt'} is being written by another run" in fails(capsys, *arguments)
    assert not (tmp_path / "out" / "summary.json").exists()
    first.finish()
    assert len(read_results(tmp_path / "out" / "walk.txt")) == 1
    assert main([*map(str, arguments)]) == 0
    assert len(read_results(tmp_path / "out" / "walk.txt")) > 1
