"""Footage and the readers of all formats: small hand-made data sets, invalid labels, real data sets."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.labels import LabelRows
from idfree.datasets.open_footage import open_all, open_footage
from idfree.evaluation.frame_subset import select_half
from idfree.show.video_writer import VideoWriter

INI = "[Sequence]\nname=x\nframeRate=10\nseqLength={length}\nimWidth=64\nimHeight=48\n"


def draw(path: Path, level: int = 50, size_hw: tuple[int, int] = (48, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((*size_hw, 3), level, np.uint8))


def sequence(folder: Path, truth: str, length: int = 4) -> Path:
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text(truth)
    (folder / "seqinfo.ini").write_text(INI.format(length=length))
    return folder


def film(path: Path, frames: int) -> Path:
    """A video that brightens by 8 levels a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 10.0, (48, 64)) as video:
        for level in range(frames):
            video.write(np.full((48, 64, 3), 20 + 8 * level, np.uint8))
    return path


def level(footage: Footage, number: int) -> int:
    return round((float(footage.image(number).mean()) - 20) / 8)


def rows(boxes: Annotation) -> list[tuple]:
    """frame, id, box, score, class_id of each box."""
    return [
        (int(f), int(i), [round(float(v), 4) for v in b], float(s), int(c))
        for f, i, b, s, c in zip(boxes.frame, boxes.id, boxes.xyxy, boxes.score, boxes.class_id, strict=True)
    ]


# Footage


@pytest.mark.parametrize("length", [1, 2, 7, 10])
def test_halves_agree_with_those_of_the_evaluation(length):
    labels = LabelRows()
    for frame in range(1, length + 1):
        labels.add(frame, (0, 0, 1, 1), id=frame)
    footage = Footage("a", labels.annotation(), length, lambda n: np.full((1, 1, 3), n, np.uint8), is_sequence=True)
    for part in ("train", "val"):
        boxes, frames = select_half(footage.boxes, length, part)
        part_footage = footage.half(part)
        if not frames:
            assert part_footage is None
            continue
        assert part_footage.length == frames
        assert part_footage.boxes.frame.tolist() == boxes.frame.tolist()
        assert (
            part_footage.boxes.id.tolist()
            == boxes.id.tolist()
            == [int(part_footage.image(n)[0, 0, 0]) for n in part_footage.boxes.frame]
        )


def test_still_images_belong_to_the_training_half():
    footage = Footage("a", Annotation.empty(), 4, lambda n: np.zeros((1, 1, 3), np.uint8), is_sequence=False)
    assert footage.half("train") is footage
    assert footage.half("val") is None
    with pytest.raises(UserError, match="half 'first': expected none, train or val"):
        footage.half("first")
    with pytest.raises(UserError, match="a: frames 3 to 5 of a footage of 4"):
        footage.frames(3, 5)


# MOTChallenge


def test_pedestrians_and_ignored_classes(tmp_path):
    truth = (
        "1,5,1,2,10,20,1,1,0.9\n"
        "1,6,1,2,10,20,0,1,1\n"  # marked 0
        "1,7,1,2,10,20,1,7,1\n"  # a static person, whatever its mark
        "1,8,1,2,10,20,1,3,1\n"  # a car
        "2,5,1,2,10,20,1,1,0.1\n"
    )
    (footage,) = open_footage(sequence(tmp_path / "seq", truth))
    assert (footage.name, footage.length, footage.is_sequence, footage.size_hw) == ("seq", 4, True, (48, 64))
    assert rows(footage.boxes) == [
        (1, 5, [1, 2, 11, 22], 1, 0),
        (1, 6, [1, 2, 11, 22], 0, 0),
        (1, 7, [1, 2, 11, 22], 0, 6),
        (2, 5, [1, 2, 11, 22], 1, 0),
    ]
    (visible,) = open_footage(tmp_path / "seq", settings=FootageSettings(min_visibility=0.25))
    assert visible.boxes.score.tolist() == [1, 0, 0, 0]
    with pytest.raises(UserError, match=r"seq has no images: expected img1/ or a video in it"):
        footage.image(1)


def test_ground_truth_without_class_and_visibility(tmp_path):
    folder = sequence(tmp_path / "seq", "1,5,1,2,10,20,1,-1,-1,-1\n1,6,1,2,10,20,0,-1,-1,-1\n")
    (footage,) = open_footage(folder / "gt" / "gt.txt", settings=FootageSettings(min_visibility=0.5))
    assert rows(footage.boxes) == [(1, 5, [1, 2, 11, 22], 1, 0), (1, 6, [1, 2, 11, 22], 0, 0)]


def test_image_names_are_frame_numbers(tmp_path):
    folder = sequence(tmp_path / "seq", "1,1,1,2,10,20,1,1,1\n")
    for number in (1, 2, 4):
        draw(folder / "img1" / f"{number:06d}.png", number)
    (footage,) = open_footage(folder)
    assert [int(footage.image(number)[0, 0, 0]) for number in (4, 1, 2)] == [4, 1, 2]
    with pytest.raises(UserError, match=r"cannot read the image .*000003\.png: No such file"):
        footage.image(3)
    (rest,) = open_footage(folder, half="val")
    assert rest.location(1) == str(folder / "img1" / "000004.png")


@pytest.mark.parametrize("first", [1, 101])  # of the frames in gt.txt
def test_images_win_over_the_length_and_size_of_seqinfo(tmp_path, first, caplog):
    truth = "".join(f"{n},5,{n - first},2,10,20,1,1,1\n" for n in range(first, first + 10))
    folder = sequence(tmp_path / "seq", truth, length=10)
    for number in range(101, 111):
        draw(folder / "img1" / f"{number:06d}.png", number, size_hw=(96, 128))
    (footage,) = open_footage(folder)
    assert (footage.length, footage.size_hw, footage.offset) == (10, (96, 128), first - 1)
    assert footage.boxes.frame.tolist() == [*range(1, 11)]
    assert [int(footage.image(number)[0, 0, 0]) for number in (1, 10)] == [101, 110]
    assert "it says 64×48, they are 128×96" in caplog.text
    assert f"there are 10 images named 101 to 110; frames {first} to {first + 9} are taken" in caplog.text


def test_ground_truth_beyond_a_length_that_the_images_contradict(tmp_path):
    truth = "".join(f"{n},5,1,2,10,20,1,1,1\n" for n in range(1, 7))
    folder = sequence(tmp_path / "seq", truth, length=4)
    with pytest.raises(UserError, match="frame 5 lies outside the sequence, whose frames are 1 to 4"):
        open_footage(folder)
    for number in range(1, 7):
        draw(folder / "img1" / f"{number:06d}.png", number)
    (footage,) = open_footage(folder)
    assert footage.length == 6


@pytest.mark.parametrize("elsewhere", [False, True])
def test_random_access_to_video_frames(tmp_path, elsewhere):
    folder = sequence(tmp_path / "data" / "MOT17-04-SDP", "2,1,1,2,10,20,1,1,1\n", length=6)
    home = tmp_path / "videos" if elsewhere else folder
    video = film(home / "MOT17-04.mp4", 6)
    (footage,) = open_footage(tmp_path / "data", images=home if elsewhere else None)
    assert footage.in_video
    assert [level(footage, number) for number in (3, 4, 1, 6, 6, 2)] == [2, 3, 0, 5, 5, 1]
    with pytest.raises(UserError, match=r"MOT17-04\.mp4: frame 7 cannot be decoded"):
        footage.image(7)
    (rest,) = open_footage(folder, "val", home)
    assert (rest.length, level(rest, 1), rest.location(1)) == (2, 4, f"{video} frame 5")


def test_repeated_videos_are_dropped(tmp_path, caplog):
    for name in ("MOT17-02-DPM", "MOT17-02-FRCNN", "MOT17-02-SDP", "MOT17-09-SDP"):
        sequence(tmp_path / name, "1,1,1,2,10,20,1,1,1\n")
    draw(tmp_path / "MOT17-02-SDP" / "img1" / "000001.png")
    (tmp_path / "test" / "det").mkdir(parents=True)
    (tmp_path / "test" / "det" / "det.txt").touch()
    with caplog.at_level(logging.WARNING, "idfree"):
        assert [footage.name for footage in open_footage(tmp_path)] == ["MOT17-02-SDP", "MOT17-09-SDP"]
    assert "one video and differ in its detections, one is taken: MOT17-02-SDP" in caplog.text
    assert "test: has no gt/gt.txt, left out" in caplog.text
    with pytest.raises(UserError, match=r"test: has no gt/gt\.txt"):
        open_footage(tmp_path / "test")


def test_ground_truth_outside_its_sequence(tmp_path):
    folder = sequence(tmp_path / "seq", "1,1,1,2,10,20,1,1,1\n5,1,1,2,10,20,1,1,1\n")
    with pytest.raises(UserError, match=r"gt\.txt: frame 5 lies outside the sequence, whose frames are 1 to 4"):
        open_footage(folder)
    faults: list[str] = []
    (footage,) = open_footage(folder, on_fault=faults.append)
    assert len(faults) == 1
    assert footage.boxes.frame.tolist() == [1]


# CrowdHuman


def person(fbox, vbox, hbox, tag="person", ignore=0, head_ignore=0):
    labels = {"tag": tag, "fbox": fbox, "vbox": vbox, "hbox": hbox}
    return labels | {"extra": {"ignore": ignore, "box_id": 0}, "head_attr": {"ignore": head_ignore}}


def test_crowdhuman(tmp_path):
    people = [
        person([10, 0, 20, 40], [10, 0, 10, 20], [15, 0, 5, 5], head_ignore=1),
        person([0, 0, 5, 5], [0, 0, 5, 5], [0, 0, 5, 5], tag="mask"),
        person([0, 0, 6, 6], [0, 0, 6, 6], [0, 0, 6, 6], ignore=1),
    ]
    pictures = [{"ID": "1,a", "gtboxes": people}, {"ID": "2,b", "gtboxes": []}]
    (tmp_path / "train.odgt").write_text("".join(json.dumps(picture) + "\n" for picture in pictures))
    draw(tmp_path / "Images" / "1,a.jpg", 60)
    (footage,) = open_footage(tmp_path / "train.odgt")
    assert (footage.name, footage.length, footage.is_sequence, footage.size_hw) == ("train", 2, False, None)
    assert rows(footage.boxes)[0] == (1, -1, [10, 0, 30, 40], 1, 0)
    assert footage.boxes.score.tolist() == [1, 0, 0]
    assert footage.boxes.visibility.tolist() == [0.25, 1, 1]
    assert footage.size_at(1) == (48, 64)
    assert int(footage.image(1).mean()) == 60
    with pytest.raises(UserError, match=r"cannot read the image .*Images/2,b\.jpg"):
        footage.image(2)
    for kind, box, score in (("visible", [10, 0, 20, 20], 1), ("head", [15, 0, 20, 5], 0)):
        (other,) = open_footage(tmp_path / "train.odgt", settings=FootageSettings(crowdhuman=kind))
        assert rows(other.boxes)[0] == (1, -1, box, score, 0)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"ID": "a", "gtb', r"odgt line 2: is not JSON: .*; was the file cut off\?"),
        ('{"ID": 7, "gtboxes": []}', r'odgt line 2: expected \{"ID": …, "gtboxes"'),
        (
            '{"ID": "a", "gtboxes": [{"tag": "person", "fbox": [1, 2, NaN, 4]}]}',
            r"line 2: gtboxes\[0\]: fbox is \[1, 2",
        ),
        ('{"ID": "a", "gtboxes": ["x"]}', r"line 2: gtboxes\[0\]: expected an object"),
    ],
)
def test_invalid_crowdhuman(tmp_path, line, fault):
    good = json.dumps({"ID": "b", "gtboxes": [person([0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1])]})
    (tmp_path / "a.odgt").write_text(f"{good}\n{line}\n")
    with pytest.raises(UserError, match=fault):
        open_footage(tmp_path / "a.odgt")
    faults: list[str] = []
    (footage,) = open_footage(tmp_path / "a.odgt", on_fault=faults.append)
    assert len(faults) == 1
    assert len(footage.boxes) == 1


# COCO

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]


def coco(path: Path, images: list, annotations: list, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES, **more}))
    return path


def test_coco(tmp_path):
    images = [{"id": 30, "file_name": "x.jpg", "height": 48, "width": 64}, {"id": 20, "file_name": "y.jpg"}]
    path = coco(
        tmp_path / "annotations" / "instances_val2017.json",
        images,
        [
            {"image_id": 20, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 1},
            {"image_id": 30, "category_id": 3, "bbox": [1, 2, 3, 4.5], "iscrowd": 0},
            {"image_id": 30, "category_id": 1, "bbox": [5, 6, 7, 8]},
        ],
    )
    draw(tmp_path / "val2017" / "x.jpg", 70)
    (footage,) = open_footage(path)
    assert rows(footage.boxes) == [(1, -1, [5, 6, 12, 14], 1, 0), (2, -1, [1, 2, 4, 6], 0, 0)]
    assert (footage.name, footage.is_sequence, footage.size_hw, footage.length) == ("instances_val2017", False, None, 2)
    assert int(footage.image(1).mean()) == 70
    (cars,) = open_footage(path, settings=FootageSettings(classes="car, person"))
    assert [row[-1] for row in rows(cars.boxes)] == [0, 1, 1]
    assert cars.classes == ("car", "person")
    with pytest.raises(UserError, match=r"has no category 'dog', there are: person, car"):
        open_footage(path, settings=FootageSettings(classes="dog"))


def test_coco_with_videos(tmp_path):
    """Frames are sorted by frame_id; ids are per video."""
    images = [
        {"id": k, "file_name": f"{k}.jpg", "video_id": v, "frame_id": f}
        for k, v, f in ((1, 9, 2), (2, 9, 1), (3, 8, 1))
    ]
    boxes = [{"image_id": k, "category_id": 1, "bbox": [k, 0, 1, 1], "track_id": 7} for k in (1, 2, 3)]
    path = coco(tmp_path / "a.json", images, boxes, videos=[{"id": 9, "file_name": "MOT17-02-SDP"}, {"id": 8}])
    first, second = open_footage(path)
    assert (first.name, first.is_sequence, second.name) == ("MOT17-02-SDP", True, "8")
    assert [(frame, box[0]) for frame, _, box, _, _ in rows(first.boxes)] == [(1, 2), (2, 1)]
    assert rows(second.boxes) == [(1, 7, [3, 0, 4, 1], 1, 0)]


@pytest.mark.parametrize(
    ("annotation", "fault"),
    [
        ({"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4]}, r"annotations\[0\] is of no image"),
        ({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]}, r"annotations\[0\]: bbox is \[1, 2, 3\], expected four"),
        ({"image_id": [1], "category_id": 1, "bbox": [1, 2, 3, 4]}, r"annotations\[0\] is of no image"),
        ({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 10**400]}, r"annotations\[0\]: bbox is"),
        ({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "track_id": "x"}, r"annotations\[0\]: track_id"),
    ],
)
def test_invalid_coco(tmp_path, annotation, fault):
    path = coco(tmp_path / "a.json", [{"id": 1, "file_name": "x.jpg"}], [annotation])
    with pytest.raises(UserError, match=fault):
        open_footage(path)
    faults: list[str] = []
    assert not len(open_footage(path, on_fault=faults.append)[0].boxes)
    assert len(faults) == 1


def test_unknown_json(tmp_path):
    (tmp_path / "a.json").write_text('{"a":\n 1,,}')
    with pytest.raises(UserError, match=r"a\.json line 2: is not JSON"):
        open_footage(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a": 1}')
    with pytest.raises(UserError, match=r"a\.json: expected .*boxes_xyxy"):
        open_footage(tmp_path / "a.json")


# JDE


def jde(home: Path, labels: dict[str, str]) -> Path:
    for name, text in labels.items():
        draw(home / "set" / "images" / f"{name}.jpg", size_hw=(50, 100))
        path = home / "set" / "labels_with_ids" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (home / "lists").mkdir()
    (home / "lists" / "a.train").write_text("".join(f"set/images/{name}.jpg\n" for name in labels))
    return home / "lists" / "a.train"


def test_jde_lists(tmp_path):
    path = jde(
        tmp_path,
        {"b": "0 7 0.5 0.5 0.2 0.4\n0 -1 0.1 0.5 0.2 1\n", "v/img1/000002": "", "v/img1/000001": "0 7 0.5 0.5 1 1"},
    )
    stills, video = open_footage(path)
    assert rows(stills.boxes) == [(1, 7, [40, 15, 60, 35], 1, 0), (1, -1, [0, 0, 20, 50], 1, 0)]
    assert (stills.name, stills.is_sequence, stills.length) == ("a", False, 1)
    assert (video.name, video.is_sequence, video.length, video.size_hw) == ("v", True, 2, (50, 100))
    assert rows(video.boxes) == [(1, 7, [0, 0, 100, 50], 1, 0)]
    path = path.rename(tmp_path.parent / "moved.train")
    assert [footage.name for footage in open_footage(path, images=tmp_path)] == ["moved", "v"]


def test_invalid_jde_lists(tmp_path):
    path = jde(tmp_path, {"a": "0 1 0.5 0.5 1 1\n0 1 0.5 0.5 1\n", "b": "0 1 0.5 0.5 1 1\n"})
    (tmp_path / "set" / "images" / "b.jpg").unlink()
    faults: list[str] = []
    (footage,) = open_footage(path, on_fault=faults.append)
    assert "labels_with_ids/a.txt line 2: '0 1 0.5 0.5 1', expected class id cx cy w h" in faults[0]
    assert "images/b.jpg: No such file" in faults[1]
    assert rows(footage.boxes) == [(1, 1, [0, 0, 100, 50], 1, 0)]
    with pytest.raises(UserError, match=r"a\.txt line 2"):
        open_footage(path)
    path.write_text("set/images/c.jpg\n")
    with pytest.raises(UserError, match=r"none of its 1 images has labels; expected .*labels_with_ids/c\.txt"):
        open_footage(path)
    path.write_text("1,2,3\n")
    with pytest.raises(UserError, match=r"a\.train line 1: '1,2,3' is no image; expected a list of image paths"):
        open_footage(path)


# VOC, boxes.json

VOC = """<annotation><filename>{name}</filename><object><name>person</name><difficult>{difficult}</difficult>
<bndbox><xmin>1</xmin><ymin>{ymin}</ymin><xmax>10</xmax><ymax>20.5</ymax></bndbox></object>
<object><name>dog</name></object></annotation>"""


def test_voc(tmp_path):
    home = tmp_path / "Annotations"
    home.mkdir()
    (home / "a.xml").write_text(VOC.format(name="of another.jpg", difficult=0, ymin=3))
    (home / "b.xml").write_text(VOC.format(name="B.jpg", difficult=1, ymin=3))
    draw(tmp_path / "JPEGImages" / "a.png", 10)
    draw(tmp_path / "JPEGImages" / "B.jpg", 20)
    (footage,) = open_footage(tmp_path)
    assert rows(footage.boxes) == [(1, -1, [0, 2, 10, 20.5], 1, 0), (2, -1, [0, 2, 10, 20.5], 0, 0)]
    assert [int(footage.image(number).mean()) for number in (1, 2)] == [10, 20]
    (home / "a.xml").write_text(VOC.format(name="a.jpg", difficult=0, ymin="x"))
    with pytest.raises(UserError, match=r"a\.xml: the box of a person is 1, x, 10, 20\.5; expected xmin"):
        open_footage(tmp_path)
    (home / "b.xml").write_text("<annotation>")
    faults: list[str] = []
    (rest,) = open_footage(tmp_path, on_fault=faults.append)
    assert "b.xml: is not XML" in faults[1]
    assert (rest.length, len(rest.boxes)) == (1, 0)


def test_boxes_json(tmp_path):
    content = {
        "b": {"width": 64, "height": 48, "boxes_xyxy": [[1, 1, 2, 2]]},
        "a": {"boxes_xyxy": [[1, 1, 2], [3, 4, 5, 6]]},
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    draw(tmp_path / "images" / "b.png", 7)
    faults: list[str] = []
    (footage,) = open_footage(tmp_path, on_fault=faults.append)
    assert rows(footage.boxes) == [(1, -1, [0, 0, 2, 2], 1, 0), (2, -1, [2, 3, 5, 6], 1, 0)]
    assert faults == [f"{tmp_path / 'boxes.json'}: a: boxes_xyxy[0] is [1, 1, 2], expected four numbers"]
    assert int(footage.image(1).mean()) == 7
    assert footage.location(2) == str(tmp_path / "images" / "a.jpg")


def test_unknown_paths(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        open_footage(tmp_path / "none")
    with pytest.raises(UserError, match=r"neither MOTChallenge sequences with gt/gt.txt, nor boxes.json, nor VOC"):
        open_footage(tmp_path)


# Real data sets


def test_real_boxes_agree_with_masks(shared):
    (footage,) = open_footage(shared / "data/PennFudan")
    assert (footage.length, len(footage.boxes), footage.is_sequence) == (170, 423, False)
    mask = cv2.imread(str(shared / "data/PennFudan/masks" / f"{footage.paths[0].stem}.png"), cv2.IMREAD_UNCHANGED)
    rows_of, columns = np.nonzero(mask == 1)
    edges = [columns.min(), rows_of.min(), columns.max() + 1, rows_of.max() + 1]
    assert footage.boxes.xyxy[0].tolist() == edges
    assert footage.image(170).shape[:2] == footage.size_at(170)


def test_real_sequences(shared):
    data = shared / "data"
    found = {f.name: f for f in open_all([data / "MOT17/train", data / "MOT15/train", data / "MOT20/train"])}
    assert list(found) == [
        *(f"MOT17-{n}-DPM" for n in ("02", "04", "09", "10")),
        *("KITTI-17", "PETS09-S2L1", "TUD-Campus", "MOT20-01"),
    ]
    assert [int((f.boxes.score != 0).sum()) for f in found.values()][:4] == [18581, 47557, 5325, 12839]
    assert all((f.boxes.class_id[f.boxes.score != 0] == 0).all() for f in found.values())


def test_real_video(shared):
    data = shared / "data"
    (footage,) = open_footage(data / "MOT15/train/TUD-Campus", half="val", images=data / "videos")
    assert (footage.length, footage.offset, footage.in_video) == (71 - 36, 36, True)
    assert footage.image(2).shape == (480, 640, 3)
