"""Folders of images as sequences."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.pipelines.tracking.selection import Selection
from idfree.sequences.images import open_images, read_image


def draw(path, level, size_hw=(12, 16)):
    assert cv2.imwrite(str(path), np.full((*size_hw, 3), level, np.uint8))


def test_images_come_in_natural_order(tmp_path):
    for name, level in (("img10.png", 30), ("img2.PNG", 20), ("IMG1.png", 10), ("img2b.bmp", 25)):
        draw(tmp_path / name, level)
    (tmp_path / "._img1.png").write_bytes(b"created by macOS")
    (tmp_path / "notes.txt").touch()
    sequence = open_images(tmp_path)
    assert (sequence.name, sequence.length, sequence.size_hw) == (tmp_path.name, 4, (12, 16))
    frames = list(sequence)
    assert [frame.number for frame in frames] == [1, 2, 3, 4]
    assert sorted(int(frame.image.mean()) for frame in frames[1:]) == [20, 25, 30]
    assert int(list(sequence)[-1].image.mean()) == 30


def test_times_are_the_same_with_and_without_images(tmp_path):
    for number in (1, 2):
        draw(tmp_path / f"{number}.png", number)
    for sequence in (open_images(tmp_path), replace(open_images(tmp_path), frame_rate=4)):
        expected = [0, 1 / sequence.frame_rate]
        assert [frame.time for frame in sequence] == [frame.time for frame in sequence.without_images()] == expected


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"])
def test_image_formats(tmp_path, suffix):
    draw(tmp_path / f"a{suffix}", 100)
    (frame,) = open_images(tmp_path)
    assert frame.image.shape == (12, 16, 3)
    assert frame.image.dtype == np.uint8
    assert abs(int(frame.image.mean()) - 100) <= 1


def test_frame_numbers_from_file_names(tmp_path):
    for number in (1, 2, 5):
        draw(tmp_path / f"{number:06d}.png", number)
    assert [frame.number for frame in open_images(tmp_path)] == [1, 2, 3]
    assert [frame.number for frame in open_images(tmp_path, numbered=True)] == [1, 2, 5]
    assert open_images(tmp_path, numbered=True).length == 5
    draw(tmp_path / "99999999.png", 9)  # no frame number beside 1, 2 and 5
    assert [frame.number for frame in open_images(tmp_path, numbered=True)] == [1, 2, 3, 4]
    (tmp_path / "99999999.png").unlink()
    draw(tmp_path / "000000.png", 0)  # names that count from 0 are not frame numbers
    assert [frame.number for frame in open_images(tmp_path, numbered=True)] == [1, 2, 3, 4]


def test_grey_transparent_and_16_bit_images_become_bgr(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.full((4, 4), 7, np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((4, 4, 4), 7, np.uint8))
    cv2.imwrite(str(tmp_path / "3.png"), np.full((4, 4, 3), 7 * 256, np.uint16))
    for frame in open_images(tmp_path):
        assert frame.image.shape == (4, 4, 3)
        assert (frame.image == 7).all()


def test_unicode_file_name(tmp_path):
    draw(tmp_path / "a.png", 3)
    (tmp_path / "a.png").rename(tmp_path / "улица 1.png")
    assert read_image(tmp_path / "улица 1.png").shape == (12, 16, 3)


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_unreadable_images_are_skipped_and_counted(tmp_path, content, caplog):
    (tmp_path / "1.jpg").write_bytes(content)
    draw(tmp_path / "2.png", 2)
    (tmp_path / "3.jpg").write_bytes(content)
    sequence = open_images(tmp_path)
    assert (sequence.length, sequence.size_hw) == (3, (12, 16))
    assert [frame.number for frame in sequence] == [2]
    assert "2 of 3 images could not be read: cannot read the image" in caplog.text
    assert "1.jpg: it is damaged, or not an image" in caplog.text
    (tmp_path / "2.png").unlink()
    with pytest.raises(UserError, match=r"none of its 2 images can be read: cannot read the image .*1\.jpg: it is d"):
        open_images(tmp_path)
    with pytest.raises(UserError, match=r"cannot read the image .*none\.png: No such file"):
        read_image(tmp_path / "none.png")


def test_the_error_for_a_folder_without_images_lists_its_contents(tmp_path):
    with pytest.raises(UserError, match=r"no images \(.jpg .*\); found nothing"):
        open_images(tmp_path)
    with pytest.raises(UserError, match=r"cannot look into the folder .*none: No such file or directory"):
        open_images(tmp_path / "none")
    for name in "abcd":
        (tmp_path / f"{name}.txt").touch()
    (tmp_path / "sub").mkdir()
    with pytest.raises(UserError, match=r"found 1 folder \(sub\) and 4 files \(a.txt, b.txt, c.txt, …\)"):
        open_images(tmp_path)


def test_length_is_the_last_number_and_count_the_number_of_frames(tmp_path):
    """Also of a selection, which can be read again without images, at the same times."""
    for number in range(11, 19):
        draw(tmp_path / f"{number:06d}.png", number)
    whole = replace(open_images(tmp_path, numbered=True), first=11, frame_rate=10)
    assert (whole.length, whole.count) == (18, 8)
    for selection, numbers in (
        (Selection(every=3), [13, 16]),
        (Selection(start=12, every=2, frames=3), [12, 14, 16]),
        (Selection(start=40), []),
    ):
        part = selection.select_frames(whole)
        frames, unread = list(part), list(part.without_images())
        assert [frame.number for frame in frames] == [frame.number for frame in unread] == numbers
        assert [frame.time for frame in unread] == pytest.approx([(number - 1) / 10 for number in numbers])
        assert part.count == len(numbers)
        assert not numbers or (part.first, part.length) == (numbers[0], numbers[-1])
