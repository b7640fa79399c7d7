"""Labelling and detection of several videos, called from Python."""

import numpy as np
import pytest

import idfree
from idfree.core.errors import UserError
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.pipelines.video_jobs import make_jobs
from idfree.sequences.motchallenge import read_ground_truth
from idfree.show.video_writer import VideoWriter

WALK = [f"{n},-1,{10 + 2 * n},20,30,60,0.9\n{n},-1,{110 - n},20,30,60,0.8\n" for n in range(1, 13)]


@pytest.fixture
def videos(tmp_path):
    """videos/one.mp4, videos/two.mp4, and their detections in boxes/."""
    for folder in ("videos", "boxes"):
        (tmp_path / folder).mkdir()
    for name in ("one", "two"):
        with VideoWriter(tmp_path / "videos" / f"{name}.mp4", 25, (96, 160)) as writer:
            for n in range(12):
                writer.write(np.full((96, 160, 3), 100 + n, np.uint8))
        (tmp_path / "boxes" / f"{name}.txt").write_text("".join(WALK))
    return tmp_path


def test_label(videos):
    result = idfree.label(videos / "videos", videos / "labels", str(videos / "boxes"), set=["min_score=0.85"])
    assert [report["tracklets"] for report in result["videos"].values()] == [1, 1]
    assert len(read_ground_truth(videos / "labels" / "one" / "gt" / "gt.txt")) == 12


def test_detect(videos):
    result = idfree.detect([str(videos / "videos" / "one.mp4")], videos / "out", str(videos / "boxes"), every=2)
    assert result["videos"]["one"]["detections"] == 12
    assert (videos / "out" / "one.txt").is_file()
    assert idfree.detect(videos / "videos" / "one.mp4", videos / "out", str(videos / "boxes"), every=2)["videos"][
        "one"
    ]["skipped"]


def test_one_file_for_several_videos(videos):
    with pytest.raises(UserError, match="one file for 2 videos"):
        make_jobs(videos / "videos", DetectorConfig(str(videos / "boxes" / "one.txt")))


def test_commands_name_the_videos_that_were_read(videos):
    jobs = make_jobs(videos / "videos", DetectorConfig(str(videos / "boxes")))
    assert jobs.sources_of(["one", "two"], videos / "videos") == [str(videos / "videos")]
    assert jobs.sources_of({"two": {}}, [videos / "videos"]) == [str(videos / "videos" / "two.mp4")]
