"""Round trips through every format: all that the format can represent is preserved."""

import json
import logging
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest

from idfree.commands import data_convert
from idfree.core.errors import UserError
from idfree.datasets.convert import WRITERS, convert, features
from idfree.datasets.export_images import prepare_folder
from idfree.datasets.footage import FootageSettings
from idfree.datasets.formats import FORMATS
from idfree.datasets.open_footage import open_footage
from idfree.show.video_writer import VideoWriter

SIZES = {"a": (48, 64), "b": (30, 20)}
READ_BACK = [name for name in WRITERS if FORMATS[name].read]
OF_STILLS = [name for name in READ_BACK if not FORMATS[name].videos_only]


@pytest.fixture
def stills(tmp_path):
    """Two still images of different sizes, one with a crowd region, one with a box that exceeds the image."""
    home = tmp_path / "in" / "photos"
    images, boxes = [], []
    for number, (name, size) in enumerate(SIZES.items(), start=1):
        (home / "images").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(home / "images" / f"{name}.jpg"), np.full((*size, 3), 40 * number, np.uint8))
        images.append({"id": number, "file_name": f"{name}.jpg", "height": size[0], "width": size[1]})
    boxes.append({"image_id": 1, "category_id": 5, "bbox": [0, 0, 60, 10], "iscrowd": 1})
    boxes.append({"image_id": 1, "category_id": 5, "bbox": [3, 4, 10.25, 20.5], "track_id": 4, "visibility": 0.5})
    boxes.append({"image_id": 2, "category_id": 5, "bbox": [-5, 2, 12, 33], "track_id": 4})
    content = {"images": images, "annotations": boxes, "categories": [{"id": 5, "name": "person"}]}
    (home / "photos.json").write_text(json.dumps(content))
    (footage,) = open_footage(home / "photos.json")
    return footage


@pytest.fixture
def video(tmp_path):
    """A MOTChallenge sequence of three frames in a video, with an ignore region."""
    home = tmp_path / "in" / "street"
    (home / "gt").mkdir(parents=True)
    (home / "gt" / "gt.txt").write_text(
        "1,3,1,2,10,20,1,1,0.5\n2,3,2,2,10,20,1,1,1\n2,9,0,0,30,30,0,13,1\n3,3,3.5,2,10,20,1,1,1\n"
    )
    with VideoWriter(home / "film.mp4", 10.0, (48, 64)) as video_writer:
        for level in (40, 80, 120):
            video_writer.write(np.full((48, 64, 3), level, np.uint8))
    (footage,) = open_footage(home)
    return footage


def test_the_command_offers_every_writer():
    assert set(data_convert.FORMATS) == set(WRITERS)


@pytest.mark.parametrize(("to", "kind"), [*((to, "video") for to in READ_BACK), *((to, "stills") for to in OF_STILLS)])
def test_round_trips(to, kind, request, tmp_path, caplog):
    footage = request.getfixturevalue(kind)
    with caplog.at_level(logging.WARNING, "idfree"):
        (path,) = convert([footage], to, tmp_path / "out")
    (back,) = open_footage(path)
    if not back.paths:  # a file of labels alone
        (back,) = open_footage(path, images=footage.paths[0])
    lost = FORMATS[to].lost
    expected = footage.boxes[footage.boxes.score != 0] if "regions to ignore" in lost else footage.boxes
    assert back.boxes.frame.tolist() == expected.frame.tolist()
    xyxy = clipped(footage, expected) if (to, kind) == ("yolo", "stills") else expected.xyxy
    assert np.abs(back.boxes.xyxy - xyxy).max() < 0.01
    assert back.boxes.score.tolist() == expected.score.tolist()
    assert back.boxes.id.tolist() == ([-1] * len(expected) if "identities" in lost else expected.id.tolist())
    if "visibility" not in lost:
        assert back.boxes.visibility.tolist() == expected.visibility.tolist()
    assert (back.boxes.class_id[back.boxes.score != 0] == 0).all()
    assert (back.length, back.is_sequence) == (footage.length, footage.is_sequence and "order in time" not in lost)
    for number in range(1, back.length + 1):
        assert np.abs(back.image(number).astype(int) - footage.image(number)).max() <= 2
        assert back.size_at(number) == footage.size_at(number)
    assert [word in caplog.text for word in lost] == [features(footage)[word] for word in lost]


def clipped(footage, boxes):
    """The boxes (K, 4) clipped to their images."""
    limits = [np.tile(footage.size_at(number)[::-1], 2) for number in boxes.frame.tolist()]
    return np.clip(boxes.xyxy, 0, limits)


@pytest.mark.parametrize("to", [name for name in WRITERS if FORMATS[name].videos_only])
def test_still_images_are_refused_by_formats_of_videos(to, stills, tmp_path):
    with pytest.raises(UserError, match=f"photos: has still images, {to} has place for videos alone"):
        convert([stills], to, tmp_path / "out")


@pytest.fixture
def scored(tmp_path, video):
    """Results of that video: a track with a gap and a filled box, one of another class, a box of unknown identity."""
    rows = ["1,3,1,2,10,20,0.5,1", "2,3,2,2,10,20,0,1", "3,3,3.5,2,10,20,0.875,1"]
    rows += ["1,4,20,5,8,9.5,0.25,2", "3,4,24,5,8,9.5,0.625,2", "2,-1,40,5,8,9,0.75,2"]
    (tmp_path / "in" / "street.txt").write_text("".join(f"{row},-1,-1\n" for row in rows))
    (footage,) = open_footage(tmp_path / "in" / "street.txt", images=video.paths[0])
    return footage


@pytest.mark.parametrize("to", READ_BACK)
def test_round_trips_of_results(to, scored, tmp_path, caplog):
    assert (scored.scored, scored.classes, scored.ignored.any()) == (True, ("1", "2"), False)
    with caplog.at_level(logging.WARNING, "idfree"):
        (path,) = convert([scored], to, tmp_path / "out")
    lost = FORMATS[to].lost
    one_class = to in ("odgt", "trackeval")
    settings = FootageSettings(classes="person" if one_class else "1,2" if to != "jde" else "0,1")
    (back,) = open_footage(path, images=scored.paths[0] if to not in ("yolo", "jde") else None, settings=settings)
    order = [np.lexsort((side.boxes.xyxy[:, 0], side.boxes.frame)) for side in (back, scored)]
    boxes, expected = (side.boxes[rows] for side, rows in zip((back, scored), order, strict=True))
    assert boxes.frame.tolist() == expected.frame.tolist()
    assert np.abs(boxes.xyxy - expected.xyxy).max() < 0.01
    assert back.scored == ("scores" not in lost)
    assert boxes.score.tolist() == (expected.score.tolist() if back.scored else [1] * len(expected))
    assert boxes.class_id.tolist() == [0 if one_class else k for k in expected.class_id.tolist()]
    if "identities" not in lost:
        is_new = any(word.startswith("unknown identities") for word in lost)
        assert boxes.id.tolist() == [5 if id < 0 and is_new else id for id in expected.id.tolist()]
    assert [word in caplog.text for word in lost] == [features(scored)[word] for word in lost]


@pytest.mark.parametrize("to", OF_STILLS)
def test_images_are_linked_and_conversion_can_be_repeated(to, stills, tmp_path):
    for _ in range(2):
        (path,) = convert([stills], to, tmp_path / "out")
        (back,) = open_footage(path)
        assert [os.path.realpath(p) for p in back.paths] == [os.path.realpath(p) for p in stills.paths]
        assert all(p.is_symlink() for p in back.paths)
    assert sorted(p.name for p in (tmp_path / "in" / "photos" / "images").iterdir()) == ["a.jpg", "b.jpg"]


def test_mot_links_the_whole_video_and_exports_the_frames_of_a_half(video, tmp_path):
    (path,) = convert([video], "mot", tmp_path / "out")
    (back,) = open_footage(path)
    assert back.in_video
    assert back.boxes.class_id.tolist() == [0, 0, 12, 0]
    (path,) = convert([video.half("val")], "mot", tmp_path / "half")
    (rest,) = open_footage(path)
    assert [p.name for p in rest.paths] == ["000001.jpg"]
    assert abs(rest.image(1).mean() - 120) < 3


def test_missing_images_are_skipped(stills, tmp_path, caplog):
    stills.paths[1].unlink()
    with caplog.at_level(logging.WARNING, "idfree"):
        (path,) = convert([stills], "mot", tmp_path / "out")
    assert "photos: 1 of 2 images are missing" in caplog.text
    assert [p.exists() for p in open_footage(path)[0].paths] == [True, False]
    with pytest.raises(UserError, match=r"cannot read the image .*b\.jpg: No such file"):
        list(convert([stills], "jde", tmp_path / "out"))  # its boxes are normalised by the image size, which is unknown


def test_refuses_to_overwrite(stills, video, tmp_path):
    with pytest.raises(UserError, match=r"gt\.txt lies in .*: convert into another folder"):
        convert([video], "mot", tmp_path / "in")
    with pytest.raises(UserError, match="two sources are called photos"):
        convert([stills, video, stills], "coco", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_conversion_chain_of_a_real_data_set(shared, tmp_path):
    (footage,) = open_footage(shared / "data/PennFudan")
    footage = footage.frames(1, 20)
    expected = footage.boxes.xyxy
    for to in OF_STILLS:
        (path,) = convert([footage], to, tmp_path / to)
        (footage,) = open_footage(path)  # the next format is converted from this one
    assert (len(footage.boxes), footage.length) == (len(expected), 20)
    assert np.abs(footage.boxes.xyxy - expected).max() < 0.02


HAVE_IMAGES = [to for to in READ_BACK if to not in ("results", "cvat", "cvat-mot", "label-studio")]


def cut(footage, length):
    """The first frames of the video of a footage."""
    boxes, paths = footage.boxes[footage.boxes.frame <= length], footage.paths[:length]
    return replace(footage, boxes=boxes, paths=paths, length=length)


@pytest.mark.parametrize("to", HAVE_IMAGES)
def test_images_of_a_longer_video_are_refused_and_stay(to, video, tmp_path):
    """In the same folder; another video there, of a name that begins alike, is no hindrance."""
    whole = replace(video, offset=1)  # for images also in MOTChallenge's format
    list(convert([replace(whole, name="street-2")], to, tmp_path / "out"))
    (path,) = convert([whole], to, tmp_path / "out")
    before = {file: file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file()}
    with pytest.raises(UserError, match=r"has 1 image that this run does not write .*00000[23]\.jpg"):
        list(convert([cut(whole, 2)], to, tmp_path / "out"))
    assert {file: file.read_bytes() for file in before} == before
    (back,) = open_footage(path)
    assert back.length == 3


def test_links_of_a_longer_sequence_are_deleted(video, tmp_path):
    (folder,) = convert([replace(video, offset=1)], "mot", tmp_path / "longer")
    (whole,) = open_footage(folder)
    for footage in (whole, cut(whole, 2)):
        (path,) = convert([footage], "mot", tmp_path / "out")
    assert sorted(file.name for file in (path / "img1").iterdir()) == ["000001.jpg", "000002.jpg"]
    assert len([*(folder / "img1").iterdir()]) == 3


def test_another_video_takes_the_place_of_a_linked_one_but_not_of_images(video, tmp_path):
    os.link(video.paths[0], tmp_path / "a.mp4")
    other = replace(video, paths=(tmp_path / "a.mp4",) * 3)
    for footage, name in ((video, "film.mp4"), (other, "a.mp4")):
        (path,) = convert([footage], "mot", tmp_path / "out")
        assert {file.name for file in path.rglob("*.*")} == {name, "gt.txt", "seqinfo.ini"}
    list(convert([replace(video, offset=1)], "mot", tmp_path / "out"))
    with pytest.raises(UserError, match="has 3 images that this run does not write"):
        list(convert([video], "mot", tmp_path / "out"))
    assert len([*(path / "img1").iterdir()]) == 3


def test_images_behind_a_link_are_neither_changed_nor_deleted(video, tmp_path):
    """A folder of images may be a link to the source's, as `label` makes it."""
    mine, out = tmp_path / "mine", tmp_path / "out" / video.name
    mine.mkdir()
    out.mkdir(parents=True)
    (mine / "000001.jpg").write_text("mine")
    (out / "img1").symlink_to(mine)
    list(convert([replace(video, offset=1)], "mot", tmp_path / "out"))
    assert (mine / "000001.jpg").read_text() == "mine"
    assert [*mine.iterdir()] == [mine / "000001.jpg"]
    assert len([*(out / "img1").iterdir()]) == 3


def test_files_of_other_names_stay(tmp_path):
    for name in ("cover.jpg", "000004.txt", "12.jpg"):
        (tmp_path / name).touch()
    prepare_folder([tmp_path / "000001.jpg"])
    assert len([*tmp_path.iterdir()]) == 3


@pytest.mark.parametrize("to", READ_BACK)
def test_boxes_without_area_are_left_out(video, tmp_path, caplog, to):
    """Of negative and of zero width, of zero height, and one that two decimals round to zero."""
    xyxy = video.boxes.xyxy.copy()
    wrong = [[9, 9, 5, 20], [9, 9, 9, 20], [9, 9, 20, 9], [9, 9, 9.004, 20]]
    boxes = np.concatenate([np.arange(len(xyxy)), [0, 0, 3, 3]])
    extended = replace(video, boxes=replace(video.boxes[boxes], xyxy=np.concatenate([xyxy, np.array(wrong, float)])))
    (path,) = convert([extended], to, tmp_path / "out")
    assert "street: 4 of 8 boxes have no positive width and height and are left out, the first in " in caplog.text
    assert "film.mp4 frame 1" in caplog.text
    kept = [each.boxes.xyxy for each in open_footage(path)]
    assert all((each[:, 2:] > each[:, :2]).all() for each in kept)
    (plain,) = convert([video], to, tmp_path / "plain")
    assert sum(map(len, kept)) == sum(len(each.boxes) for each in open_footage(plain))


def test_boxes_of_the_last_decimal_are_kept(video, tmp_path, caplog):
    """Whose width of 0.01 px becomes a little less in binary."""
    xyxy = np.array([[2.1, 2, 2.1 + 0.01, 20]])
    assert xyxy[0, 2] - xyxy[0, 0] < 0.01
    (path,) = convert([replace(video, boxes=replace(video.boxes[[0]], xyxy=xyxy))], "mot", tmp_path / "out")
    assert len(open_footage(path)[0].boxes) == 1
    assert "no positive width" not in caplog.text


def test_labels_of_yolo_lie_in_the_image(video, tmp_path, caplog):
    """Ultralytics leaves out images with a label outside 0…1; a box across the border alone has none."""
    xyxy = np.array([[-4.0, 2, 12, 20], [-12, 2, 4, 20], [-20, 2, -4, 20], [1e8, 2, 1e8 + 4, 20], [-9, -9, 99, 99]])
    boxes = replace(video.boxes[np.zeros(len(xyxy), dtype=int)], xyxy=xyxy)
    (path,) = convert([replace(video, boxes=boxes)], "yolo", tmp_path / "out")
    lines = [line.split() for file in (path.parent / "labels").rglob("*.txt") for line in file.read_text().splitlines()]
    assert all(0 <= float(share) <= 1 for line in lines for share in line[1:])
    (back,) = open_footage(path)
    assert np.abs(back.boxes.xyxy - [[-4, 2, 12, 20], [0, 2, 4, 20], [0, 0, 64, 48]]).max() < 0.01
    assert "street: 4 of 5 boxes have their centre outside the image or are larger than it" in caplog.text
    assert "2 are clipped, 2 left out" in caplog.text
    (path,) = convert([replace(video, boxes=boxes[xyxy[:, 0] < 64])], "yolo-track", tmp_path / "all")
    assert len(open_footage(path)[0].boxes) == 4
