"""Labels without images: one sentence names them and the option; those that have images are used."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.datasets.open_footage import open_footage
from idfree.pipelines.check_data import check_data
from idfree.pipelines.convert_data import convert_data
from idfree.pipelines.evaluate_appearance import evaluate_appearance
from idfree.pipelines.train import train
from idfree.show.video_writer import VideoWriter

ROW = "1,1,10,10,20,40,1,1,1\n"


def make_sequences(folder: Path, count: int) -> Path:
    for number in range(count):
        (folder / f"street{number}" / "gt").mkdir(parents=True)
        (folder / f"street{number}" / "gt" / "gt.txt").write_text(ROW)
    return folder


def train_clmot(data: Path, images: Path | None) -> None:
    train("clmot", data, data / "out", images=images)


def embed_colour(data: Path, images: Path | None) -> None:
    evaluate_appearance("colour", data, images=images)


@pytest.mark.parametrize("use", [train_clmot, embed_colour])
def test_one_sentence_names_the_sequences_and_the_option(use, tmp_path, caplog):
    data = make_sequences(tmp_path / "data", 5)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(
        UserError, match=r"no images beside .* street0, street1, street2 and 2 more: .* with --images PATH"
    ):
        use(data, None)
    with pytest.raises(
        UserError, match=r"no images of street0.* in --images .*elsewhere: expected the video, a folder with NAME"
    ):
        use(data, tmp_path / "elsewhere")
    assert not caplog.records
    assert not (data / "out").exists()


def write_video(path: Path) -> Path:
    with VideoWriter(path, 10, (80, 80)) as video:
        for value in (60, 120):
            video.write(np.full((80, 80, 3), value, np.uint8))
    return path


def test_one_video_is_the_images_of_one_sequence(tmp_path):
    truth, video = make_sequences(tmp_path / "data", 1) / "street0", write_video(tmp_path / "elsewhere.mp4")
    (checked,) = check_data(truth, images=video).sources
    assert (checked.statistics["missing"], checked.statistics["images"]) == (0, 2)
    assert list(evaluate_appearance("colour", truth, images=video)) == ["street0"]
    convert_data([truth], "mot", tmp_path / "out", images=video)
    (footage,) = open_footage(tmp_path / "out" / "street0")
    assert footage.image(1).shape == (80, 80, 3)


@pytest.mark.parametrize("use", [train_clmot, embed_colour])
def test_one_video_cannot_show_two_sequences(use, tmp_path):
    data, video = make_sequences(tmp_path / "data", 2), write_video(tmp_path / "elsewhere.mp4")
    with pytest.raises(UserError, match=r"one file for 2 sequences; expected a folder with NAME.mp4 for each"):
        use(data, video)


def test_a_text_file_is_neither_a_video_nor_a_folder(tmp_path):
    data = make_sequences(tmp_path / "data", 1)
    with pytest.raises(UserError, match=r"gt.txt: expected a video or a folder of images or videos"):
        evaluate_appearance("colour", data, images=data / "street0" / "gt" / "gt.txt")


def test_a_sequence_without_images_is_left_out_of_the_others(tmp_path, caplog):
    data = make_sequences(tmp_path, 2)
    (data / "street1" / "img1").mkdir()
    cv2.imwrite(str(data / "street1" / "img1" / "000001.jpg"), np.zeros((80, 80, 3), np.uint8))
    with caplog.at_level(logging.WARNING):
        assert list(evaluate_appearance("colour", data)) == ["street1"]
    assert [record.getMessage()[:37] for record in caplog.records] == ["no images beside the labels of street"]
