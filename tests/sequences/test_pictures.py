"""Sizes of images without decoding them, images that are cut off, frames that a video skips."""

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Frame, Sequence
from idfree.sequences import pictures
from idfree.sequences.images import read_image
from idfree.sequences.pictures import VideoFrames, located, located_by_stem, looks_whole, picture_size

EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: a quarter turn


def draw(path, size_hw=(31, 47)):
    image = np.random.default_rng(0).integers(0, 255, (*size_hw, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), image)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_the_size_is_that_of_the_image_as_read(tmp_path, suffix):
    path = draw(tmp_path / f"a{suffix}")
    assert picture_size(path) == read_image(path).shape[:2] == (31, 47)
    assert looks_whole(path)


def test_a_photograph_on_its_side(tmp_path):
    path = draw(tmp_path / "a.jpg")
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(EXIF) + 2).to_bytes(2, "big") + EXIF + data[2:])
    assert picture_size(path) == read_image(path).shape[:2] == (47, 31)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_an_image_that_was_cut_off(tmp_path, suffix):
    path = draw(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:-100])
    assert picture_size(path) == (31, 47)  # its beginning is there
    assert not looks_whole(path)
    with pytest.raises(UserError, match="it is damaged"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"no image"])
def test_what_is_no_image(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read the image .*a\.jpg: it is damaged, or not an image"):
        picture_size(path)
    with pytest.raises(UserError, match=r"cannot read the image .*b\.jpg: No such file"):
        picture_size(tmp_path / "b.jpg")


def test_pictures_are_found_where_most_likely(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    draw(second / "b.png")
    assert located(["a.png", "b.png"], [None, first, second]) == (second / "a.png", second / "b.png")
    assert located(["c.png"], [first, second]) == (first / "c.png",)
    assert located_by_stem(["a", "b"], [None, first, second]) == (second / "a.jpg", second / "b.png")
    assert located_by_stem(["c"], [first, second]) == (first / "c.jpg",)


def test_a_video_is_not_read_anew_for_each_frame_that_it_lacks(tmp_path, monkeypatch):
    """Of frames 1, 2, 5 and 6, asked for in order, one reading gives those there are; going back is another."""
    readings = []

    def film(path):
        readings.append(path)
        frames = [Frame(n, np.full((1, 1, 3), n, np.uint8)) for n in (1, 2, 5, 6)]
        return Sequence("a", lambda: iter(frames))

    monkeypatch.setattr(pictures, "open_video", film)
    frames, seen = VideoFrames(tmp_path / "a.mp4"), []
    for number in range(1, 9):
        try:
            seen.append(int(frames(number)[0, 0, 0]))
        except UserError as error:
            assert f"a.mp4: frame {number} cannot be decoded" in str(error)  # noqa: PT017
    assert seen == [1, 2, 5, 6]
    assert len(readings) == 1
    assert [int(frames(number)[0, 0, 0]) for number in (2, 5)] == [2, 5]
    assert len(readings) == 2
