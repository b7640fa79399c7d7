"""Labels without images: one sentence names them and the option; those that have images are used."""

import logging
from pathlib import Path

import pytest

from idfree.core.errors import UserError
from idfree.pipelines.evaluate_appearance import evaluate_appearance
from idfree.pipelines.train import train

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
    with pytest.raises(UserError, match=r"no images beside .* street0, street1, street2 and 2 more: .* with --images"):
        use(data, None)
    with pytest.raises(UserError, match=r"no images of street0.* in --images .*elsewhere: expected a folder with NAME"):
        use(data, tmp_path / "elsewhere")
    assert not caplog.records
    assert not (data / "out").exists()


def test_a_sequence_without_images_is_left_out_of_the_others(tmp_path, caplog):
    import cv2
    import numpy as np

    data = make_sequences(tmp_path, 2)
    (data / "street1" / "img1").mkdir()
    cv2.imwrite(str(data / "street1" / "img1" / "000001.jpg"), np.zeros((80, 80, 3), np.uint8))
    with caplog.at_level(logging.WARNING):
        assert list(evaluate_appearance("colour", data)) == ["street1"]
    assert [record.getMessage()[:37] for record in caplog.records] == ["no images beside the labels of street"]
