"""The image cache: boxes are scaled, halves share it, interrupted caching continues."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.datasets import frame_cache
from idfree.datasets.frame_cache import cache_images
from idfree.datasets.open_footage import open_footage
from idfree.show.video_writer import VideoWriter


@pytest.fixture
def footage(tmp_path):
    """A video of six frames of 64×48 that brightens by 20 levels a frame, with a box in each."""
    home = tmp_path / "seq"
    (home / "gt").mkdir(parents=True)
    (home / "gt" / "gt.txt").write_text("".join(f"{n},1,8,4,{n},10,1,1,1\n" for n in range(1, 7)))
    with VideoWriter(home / "film.mp4", 10.0, (48, 64)) as video:
        for n in range(1, 7):
            video.write(np.full((48, 64, 3), 20 * n, np.uint8))
    (footage,) = open_footage(home)
    return footage


def brightness(footage, number):
    return round(float(footage.image(number).mean()) / 20)


def test_images_and_boxes_are_scaled(footage, tmp_path):
    cached = cache_images(footage, tmp_path / "cache", height=24)
    assert (cached.size_hw, cached.in_video, cached.length, cached.is_sequence) == ((24, 32), False, 6, True)
    assert cached.image(1).shape == (24, 32, 3)
    assert [brightness(cached, number) for number in (6, 1, 4)] == [6, 1, 4]
    assert cached.boxes.xyxy[2].tolist() == [4, 2, 5.5, 7]
    assert footage.boxes.xyxy[2].tolist() == [8, 4, 11, 14]
    same = cache_images(footage, tmp_path / "cache", height=480)  # images are not enlarged
    assert same.size_hw == (48, 64)
    assert same.boxes.xyxy.tolist() == footage.boxes.xyxy.tolist()


def test_halves_of_a_video_share_the_cache(footage, tmp_path):
    written = []

    def record(numbers):
        written.append(numbers)
        return numbers

    for part in ("val", "none", "train"):
        cached = cache_images(footage.half(part), tmp_path / "cache", 24, progress=record)
        widths = 2 * (cached.boxes.xyxy[:, 2] - 4)  # a box is as wide as its frame's number
        assert [brightness(cached, number) for number in range(1, cached.length + 1)] == widths.tolist()
    assert written == [[1, 2], [1, 2, 3, 4], []]


def test_interrupted_caching_continues(footage, tmp_path, monkeypatch):
    write, done = frame_cache.write_jpeg, []

    def interrupt_after_three(path, *rest):
        if len(done) == 3:
            path.parent.mkdir(exist_ok=True)
            raise KeyboardInterrupt
        done.append(path)
        write(path, *rest)

    monkeypatch.setattr(frame_cache, "write_jpeg", interrupt_after_three)
    with pytest.raises(KeyboardInterrupt):
        cache_images(footage, tmp_path / "cache")
    monkeypatch.setattr(frame_cache, "write_jpeg", lambda path, *rest: (done.append(path), write(path, *rest)))
    cached = cache_images(footage, tmp_path / "cache")
    assert tuple(done) == cached.paths  # each written once


def test_a_replaced_video_is_decoded_again(footage, tmp_path):
    cache_images(footage, tmp_path / "cache")
    with VideoWriter(footage.paths[0], 10.0, (48, 64)) as video:
        for _ in range(6):
            video.write(np.full((48, 64, 3), 200, np.uint8))
    (anew,) = open_footage(footage.source)
    assert brightness(cache_images(anew, tmp_path / "cache"), 1) == 10


def test_still_images_are_scaled_by_their_own_height(tmp_path):
    (tmp_path / "images").mkdir()
    for name, size in (("a", (40, 20)), ("b", (20, 40))):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.zeros((*size, 3), np.uint8))
    box = '{"boxes_xyxy": [[11, 11, 20, 20]]}'
    (tmp_path / "boxes.json").write_text(f'{{"a": {box}, "b": {box}, "c": {{"boxes_xyxy": []}}}}')
    (footage,) = open_footage(tmp_path)
    with pytest.raises(UserError, match=r"cannot read the image .*c\.jpg"):
        cache_images(footage, tmp_path / "cache", 20)
    cached = cache_images(footage.frames(1, 2), tmp_path / "cache", 20)
    assert (
        [cached.image(number).shape[:2] for number in (1, 2)]
        == [cached.size_at(1), cached.size_at(2)]
        == [(20, 10), (20, 40)]
    )
    assert cached.boxes.xyxy.tolist() == [[5, 5, 10, 10], [10, 10, 20, 20]]


def test_footage_without_images(footage, tmp_path):
    footage.paths[0].unlink()
    (text,) = open_footage(footage.source)
    with pytest.raises(UserError, match="seq: has no images to cache"):
        cache_images(text, tmp_path / "cache")


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda content: b"", lambda content: b"no image"])
def test_damaged_images_are_made_again(footage, tmp_path, caplog, damage):
    cached = cache_images(footage, tmp_path / "cache", 24)
    whole = cached.paths[2].read_bytes()
    cached.paths[2].write_bytes(damage(whole))
    written = []
    cache_images(footage, tmp_path / "cache", 24, progress=lambda numbers: written.extend(numbers) or numbers)
    assert written == [3]
    assert "000003.jpg: 1 cached images are damaged and are made again" in caplog.text
    assert cached.paths[2].read_bytes() == whole


def test_undecodable_frames_are_skipped_and_counted(footage, tmp_path, caplog):
    def image(number):
        if number == 4:
            raise UserError("film.mp4: frame 4 cannot be decoded")
        return footage.image(number)

    cached = cache_images(replace(footage, image=image), tmp_path / "cache", 24)
    assert [path.is_file() for path in cached.paths] == [True, True, True, False, True, True]
    assert "seq: 1 of 6 images could not be read: film.mp4: frame 4 cannot be decoded" in caplog.text
    ignored = cached.boxes[cached.boxes.score == 0]
    assert ignored.frame.tolist() == [4, 4]
    again = cache_images(replace(footage, image=image), tmp_path / "cache", 24)
    assert again.boxes.score.tolist() == cached.boxes.score.tolist()
    assert ignored.xyxy[1].tolist() == [0, 0, 32, 24]  # so that the frame is not learnt from
