"""`idfree data check` on tiny footage with statistics worked out by hand."""

import cv2
import numpy as np
import pytest

from idfree.datasets.footage import Footage
from idfree.datasets.labels import LabelRows
from idfree.datasets.open_footage import open_footage
from idfree.pipelines.check_data import CheckSettings, check_footage, duplicate_ids, jumping_ids
from idfree.show.video_writer import VideoWriter

INI = "[Sequence]\nname=x\nframeRate=10\nseqLength={length}\nimWidth=64\nimHeight=48\n"


def sequence(folder, truth, length=4, images=()):
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    (folder / "gt" / "gt.txt").write_text(truth)
    (folder / "seqinfo.ini").write_text(INI.format(length=length))
    random = np.random.default_rng(0)
    for number in images:
        image = random.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.jpg"), image)
    return folder


def report(path, decode_all=False, **settings):
    (footage,) = open_footage(path)
    return check_footage(footage, np.random.default_rng(0), CheckSettings(**settings), decode_all)


def annotation(*rows):
    labels = LabelRows()
    for frame, id, x, y in rows:
        labels.add(frame, (x, y, x + 10, y + 20), id)
    return labels.annotation()


def test_statistics_by_hand(tmp_path):
    truth = (
        "1,1,5,5,10,20,1,1,1\n"
        "1,1,30,5,10,20,1,1,1\n"  # the id is there twice
        "1,2,60,5,10,20,1,1,1\n"  # reaches out of the picture, 6 px
        "2,2,64,5,10,30,1,1,1\n"  # has left it
        "3,3,5,5,0.5,20,1,1,1\n"  # has no area
        "4,4,5,5,10,40,0,1,1\n"  # is to be ignored
    )
    checked = report(sequence(tmp_path / "seq", truth, images=(1, 2, 3, 4)))
    expected = {"images": 4, "boxes": 5, "ignored": 1, "identities": 3, "boxes_per_image": 1.25}
    expected |= {"height_5": 20, "height_50": 20, "height_95": 28.5}
    expected |= {"beyond": 1, "outside": 1, "degenerate": 1, "duplicates": 1, "jumps": 0, "missing": 0, "unreadable": 0}
    assert {name: pytest.approx(value) for name, value in checked.statistics.items()} == expected
    assert checked.feeds == ("fairmot", "clmot", "outrack", "centertrack", "tdt", "fasterrcnn", "simplereid")
    assert [text.partition("img1/")[2] for text in checked.warnings] == [
        "000003.jpg: the box 5, 5, 5.5, 25 (id 3) has no area",
        "000002.jpg: the box 64, 5, 74, 35 (id 2) lies outside the image",
        "000001.jpg: the box 30, 5, 40, 25 (id 1) has an id that another box of the image has",
    ]
    assert all(text.startswith(str(tmp_path / "seq" / "gt" / "gt.txt")) for text in checked.warnings)


def test_images_that_are_missing_truncated_or_of_another_size(tmp_path):
    folder = sequence(tmp_path / "seq", "1,1,5,5,10,20,1,1,1\n", length=5, images=(1, 2, 4, 5))
    cut = folder / "img1" / "000002.jpg"
    cut.write_bytes(cut.read_bytes()[:-50])
    (folder / "img1" / "000004.jpg").write_bytes(b"")
    cv2.imwrite(str(folder / "img1" / "000005.jpg"), np.zeros((24, 32, 3), np.uint8))
    checked = report(folder, sample=0)  # files that look truncated are always decoded
    assert (checked.statistics["missing"], checked.statistics["unreadable"]) == (1, 2)
    endings = ("03.jpg: there is no such image", "000004.jpg: it is damaged", "000002.jpg: it is damaged", "is 32×24")
    for ending in endings:
        assert sum(ending in warning for warning in checked.warnings) == 1, ending
    assert "labels are for 64×48" in checked.warnings[-1]


def test_damage_inside_a_file_is_checked_if_all_images_are_decoded(tmp_path):
    folder = sequence(tmp_path / "seq", "1,1,5,5,10,20,1,1,1\n", length=1)
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    data = bytearray(cv2.imencode(".png", image)[1].tobytes())
    data[len(data) // 2] ^= 0xFF  # beginning and end are intact
    (folder / "img1" / "000001.png").write_bytes(data)
    assert report(folder, sample=0).statistics["unreadable"] == 0
    assert report(folder, sample=0, decode_all=True).statistics["unreadable"] == 1
    assert report(folder).statistics["unreadable"] == 1  # the sample is larger than the set


def test_without_images_no_method_can_be_trained(tmp_path):
    folder = sequence(tmp_path / "seq", "1,1,5,5,10,20,1,1,1\n2,2,5,5,10,20,1,1,1\n")
    checked = report(folder)
    assert (checked.feeds, checked.statistics["missing"]) == ((), 4)
    assert checked.warnings == (f"{folder / 'gt' / 'gt.txt'}: there are no images beside it (--images PATH)",)


def test_a_video_that_ends_too_early(tmp_path):
    folder = sequence(tmp_path / "seq", "1,1,5,5,10,20,1,1,1\n6,1,5,5,10,20,1,1,1\n", length=6)
    with VideoWriter(folder / "film.mp4", 10.0, (48, 64)) as film:
        for _ in range(4):
            film.write(np.zeros((48, 64, 3), np.uint8))
    checked = report(folder)
    assert (checked.statistics["missing"], checked.statistics["unreadable"]) == (2, 0)
    assert checked.warnings == (f"{folder / 'film.mp4'}: ends with frame 4, there are labels up to 6",)
    assert report(folder, decode_all=True).statistics["unreadable"] == 2
    # One identity cannot be told from others:
    assert checked.feeds == ("clmot", "outrack", "centertrack", "tdt", "fasterrcnn")


def test_ids_that_repeat():
    boxes = annotation(
        (1, 5, 0, 0), (1, -1, 0, 0), (1, -1, 0, 0), (2, 5, 0, 0), (2, 6, 0, 0), (2, 5, 9, 0), (2, 5, 9, 9)
    )
    assert duplicate_ids(boxes).tolist() == [5, 6]


def test_ids_that_jump():
    """A box of 10×20 jumps if it moves more than 20 px within a second (10 frames) and no longer overlaps."""
    boxes = annotation(
        *((1, 1, 0, 0), (2, 1, 0, 19), (3, 1, 0, 40)),  # 19, 21
        *((1, 2, 100, 0), (11, 2, 150, 0), (22, 2, 300, 0)),  # after one second, and after more
        *((1, -1, 0, 0), (2, -1, 900, 0)),
    )
    rows = jumping_ids(boxes, CheckSettings(), frame_rate=10)
    assert [(int(boxes.id[row]), int(boxes.frame[row])) for row in rows] == [(1, 3), (2, 11)]
    assert not len(jumping_ids(boxes[:0], CheckSettings(), 10))


def test_stills_do_not_jump():
    boxes = annotation((1, 1, 0, 0), (2, 1, 900, 0), (2, 2, 0, 0))
    footage = Footage("a", boxes, 2, lambda number: np.zeros((9, 9, 3), np.uint8), is_sequence=False)
    assert check_footage(footage, np.random.default_rng(0)).statistics["jumps"] == 0


def test_real_ground_truth_does_not_jump(shared):
    data = shared / "data"
    for path in ("MOT15/train", "MOT20/train", "MOT17/train/MOT17-10-SDP", "DanceTrack/val/dancetrack0081"):
        for footage in open_footage(data / path, images=data / "videos"):
            figures = check_footage(footage, np.random.default_rng(0)).statistics
            assert (figures["jumps"], figures["duplicates"], figures["degenerate"]) == (0, 0, 0), footage.name
