"""Image sizes without decoding, truncated images, locating images."""

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.sequences.image_files import image_size, is_complete, locate_images, locate_images_by_stem
from idfree.sequences.images import read_image

EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: rotated by 90°


def draw(path, size_hw=(31, 47)):
    image = np.random.default_rng(0).integers(0, 255, (*size_hw, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), image)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_image_size_equals_that_of_the_decoded_image(tmp_path, suffix):
    path = draw(tmp_path / f"a{suffix}")
    assert image_size(path) == read_image(path).shape[:2] == (31, 47)
    assert is_complete(path)


def test_image_size_follows_the_exif_orientation(tmp_path):
    path = draw(tmp_path / "a.jpg")
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(EXIF) + 2).to_bytes(2, "big") + EXIF + data[2:])
    assert image_size(path) == read_image(path).shape[:2] == (47, 31)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_truncated_image(tmp_path, suffix):
    path = draw(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:-100])
    assert image_size(path) == (31, 47)  # the header is intact
    assert not is_complete(path)
    with pytest.raises(UserError, match="it is damaged"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"no image"])
def test_files_that_are_not_images_are_refused(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read the image .*a\.jpg: it is damaged, or not an image"):
        image_size(path)
    with pytest.raises(UserError, match=r"cannot read the image .*b\.jpg: No such file"):
        image_size(tmp_path / "b.jpg")


def test_locate_images(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    draw(second / "b.png")
    assert locate_images(["a.png", "b.png"], [None, first, second]) == (second / "a.png", second / "b.png")
    assert locate_images(["c.png"], [first, second]) == (first / "c.png",)
    assert locate_images_by_stem(["a", "b"], [None, first, second]) == (second / "a.jpg", second / "b.png")
    assert locate_images_by_stem(["c"], [first, second]) == (first / "c.jpg",)
