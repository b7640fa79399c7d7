"""Classes of a gt.txt: pedestrians by default, others by number or name, and a word about what is left out."""

import json

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.datasets.all_classes import name_all_classes
from idfree.datasets.convert import convert
from idfree.datasets.footage import FootageSettings
from idfree.datasets.open_footage import open_all, open_footage
from idfree.pipelines.training.validate import ground_truth_of

OWN = [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 0, 3)]  # id, mark, class of boxes of a data set with classes of its own
MOT = [(1, 1, 1), (2, 0, 1), (3, 0, 7), (4, 0, 3)]
VISDRONE = "1,1,1,2,10,20,1,1,0,0\n1,2,1,2,10,20,1,4,0,1\n1,3,1,2,10,20,0,0,0,0\n"


def write(folder, text):
    for number in (1, 2):
        (folder / "img1").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.png"), np.zeros((48, 64, 3), np.uint8))
    (folder / "gt").mkdir()
    (folder / "gt" / "gt.txt").write_text(text)
    return folder


def sequence(folder, boxes):
    return write(folder, "".join(f"1,{id},1,2,10,20,{mark},{number},1\n" for id, mark, number in boxes))


def read(folder, classes="person"):
    """The boxes as (id, class_id, score)."""
    (footage,) = open_footage(folder, settings=FootageSettings(classes=classes))
    boxes = footage.boxes
    return [*zip(boxes.id.tolist(), boxes.class_id.tolist(), boxes.score.tolist(), strict=True)]


def test_what_is_left_out_by_default_is_told_once(tmp_path, caplog):
    folder = sequence(tmp_path / "seq", OWN)
    assert read(folder) == [(1, 0, 1), (2, 1, 0)]
    said = (
        "1 boxes of class 2 are regions to ignore, 1 boxes of class 3 are left out:"
        " keep them apart with --set data.classes=1,2,3"
    )
    assert said in caplog.text
    read(folder)
    assert caplog.text.count("keep them apart") == 1


def test_classes_by_number(tmp_path, caplog):
    folder = sequence(tmp_path / "seq", OWN)
    assert read(folder, "1,2,3") == [(1, 0, 1), (2, 1, 1), (3, 2, 1), (4, 2, 0)]
    assert read(folder, "3") == [(3, 0, 1), (4, 0, 0)]
    assert not caplog.text
    with pytest.raises(
        UserError, match=r"gt\.txt: has no class 'car', there are: the numbers 1, 2, 3 \(choose with --set"
    ):
        read(folder, "car")


def test_classes_from_zero(tmp_path, caplog):
    folder = sequence(tmp_path / "seq", [(1, 1, 0), (2, 1, 1)])
    assert read(folder) == [(1, 0, 1), (2, 0, 1)]
    assert "classes 0 and 1 are taken for people: keep them apart with --set data.classes=0,1" in caplog.text
    assert read(folder, "0,1") == [(1, 0, 1), (2, 1, 1)]


def test_classes_of_motchallenge(tmp_path, caplog):
    folder = sequence(tmp_path / "seq", MOT)
    assert read(folder) == [(1, 0, 1), (2, 0, 0), (3, 6, 0)]
    assert not caplog.text
    assert read(folder, "pedestrian,car") == [(1, 0, 1), (2, 0, 0), (3, 6, 0), (4, 1, 0)]


def test_classes_of_visdrone(tmp_path):
    folder = write(tmp_path / "uav", VISDRONE)
    assert read(folder, "car,pedestrian") == [(1, 1, 1), (2, 0, 1), (3, 1, 0)]
    assert read(folder, "car") == [(2, 0, 1), (3, 0, 0)]
    with pytest.raises(UserError, match=r"has no class 'dog', there are: .*pedestrian, people, bicycle, car"):
        read(folder, "dog")


def test_names_of_classes_survive_a_conversion(tmp_path):
    categories = [{"id": 1, "name": "bus"}, {"id": 2, "name": "car"}]
    boxes = [{"id": k, "image_id": 1, "category_id": k, "bbox": [1, 2, 10, 20], "track_id": k} for k in (1, 2)]
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((48, 64, 3), np.uint8))
    images = [{"id": 1, "file_name": "a.png", "video_id": 1, "frame_id": 1, "width": 64, "height": 48}]
    content = {"images": images, "annotations": boxes, "categories": categories, "videos": [{"id": 1, "name": "v"}]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    footages = open_footage(tmp_path / "a.json", settings=FootageSettings(classes="car,bus"))
    (folder,) = convert(footages, "mot", tmp_path / "out")
    assert read(folder, "car,bus") == [(1, 1, 1), (2, 0, 1)]
    assert read(folder, "bus") == [(1, 0, 1)]
    with pytest.raises(UserError, match=r"has no class 'person', there are: car, bus \(choose with --set data"):
        read(folder)


def test_ground_truth_of_own_classes_has_the_numbers_of_the_network(tmp_path):
    folder = sequence(tmp_path / "seq", OWN)
    (footage,) = open_footage(folder, settings=FootageSettings(classes="1,2,3"))
    assert ground_truth_of(footage).class_id.tolist() == [0, 1, 2]
    (people,) = open_footage(folder)
    assert ground_truth_of(people).class_id.tolist() == [0]
    (standard,) = open_footage(sequence(tmp_path / "standard", MOT))
    assert ground_truth_of(standard).class_id.tolist() == [1, 1, 7, 3]  # all rows, for MOTChallenge's rules


def test_data_of_people_alone(tmp_path):
    person = {"tag": "person", "fbox": [1, 2, 3, 4]}
    (tmp_path / "a.odgt").write_text(json.dumps({"ID": "a", "gtboxes": [person]}) + "\n")
    assert read(tmp_path / "a.odgt", "car,person") == [(-1, 1, 1)]
    with pytest.raises(UserError, match=r"a\.odgt: has boxes of people alone, classes=car does not name person"):
        read(tmp_path / "a.odgt", "car")


def test_classes_of_jde(tmp_path, caplog):
    for name in ("images", "labels_with_ids"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((100, 100, 3), np.uint8))
    (tmp_path / "labels_with_ids" / "a.txt").write_text("0 1 .5 .5 .2 .2\n2 5 .5 .5 .2 .2\n")
    (tmp_path / "a.train").write_text("images/a.png\n")
    assert read(tmp_path / "a.train") == [(1, 0, 1), (5, 2, 1)]
    assert "a.train: its classes are trained on as one: keep them apart with --set data.classes=0,2" in caplog.text
    assert read(tmp_path / "a.train", "2,0") == [(1, 1, 1), (5, 0, 1)]
    assert read(tmp_path / "a.train", "2") == [(5, 0, 1)]


def test_voc_without_the_class(tmp_path):
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>"
    (tmp_path / "a.xml").write_text(f"<annotation><object><name>car</name>{box}</object></annotation>")
    with pytest.raises(UserError, match=r"has no class 'person', there are: car \(choose with --set data.classes=…\)"):
        read(tmp_path)
    assert read(tmp_path, "car") == [(-1, 0, 1)]


def test_all_classes_of_all_sequences(tmp_path, caplog):
    one, two = sequence(tmp_path / "one", OWN), sequence(tmp_path / "two", [(1, 1, 1), (5, 1, 7)])
    settings = FootageSettings(classes="all")
    assert name_all_classes([one], settings).names == ("1", "2", "3")
    footages = open_all([tmp_path], settings=settings)
    assert [footage.classes for footage in footages] == [("1", "2", "3", "7")] * 2
    assert [footage.boxes.class_id.tolist() for footage in footages] == [[0, 1, 2, 2], [0, 3]]
    assert [footage.boxes.score.tolist() for footage in footages] == [[1, 1, 1, 0], [1, 1]]
    assert not caplog.text
    assert name_all_classes([two / "gt" / "gt.txt"], settings).names == ("1", "7")


def test_all_classes_by_name(tmp_path):
    settings = FootageSettings(classes="all")
    assert name_all_classes([write(tmp_path / "drone", VISDRONE)], settings).names == ("pedestrian", "car")
    assert name_all_classes([sequence(tmp_path / "mot", MOT)], settings).names == ("person",)
    named = sequence(tmp_path / "named", OWN)
    (named / "seqinfo.ini").write_text("[Sequence]\nname=named\nclasses=person,car,bus\n")
    assert name_all_classes([named], settings).names == ("person", "car", "bus")
    other = FootageSettings(classes="3")
    assert name_all_classes([named], other) is other


def test_all_classes_survive_conversion(tmp_path):
    footages = open_all([sequence(tmp_path / "seq", OWN)], settings=FootageSettings(classes="all"))
    (path,) = convert(footages, "mot", tmp_path / "out")
    again = open_all([path], settings=FootageSettings(classes="all"))
    assert [*again[0].boxes.class_id] == [*footages[0].boxes.class_id]
    (path,) = convert(footages, "coco", tmp_path / "coco")
    assert [each["name"] for each in json.loads(path.read_text())["categories"]] == ["1", "2", "3"]


def test_all_classes_of_other_formats_are_asked_for(tmp_path):
    (tmp_path / "labels.json").write_text("{}")
    with pytest.raises(UserError, match=r"classes=all: is for MOTChallenge folders; name the classes of .*\.json"):
        open_all([tmp_path / "labels.json"], settings=FootageSettings(classes="all"))
