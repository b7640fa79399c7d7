"""Files as CVAT, Label Studio, YOLO, KITTI, VisDrone, TAO and BDD100K write them, read by hand-made examples."""

import json
import re
import zipfile

import cv2
import numpy as np
import pytest

from idfree.cli import main
from idfree.core.errors import UserError
from idfree.datasets.data_yaml import class_names, read_data_yaml
from idfree.datasets.footage import FootageSettings
from idfree.datasets.keyframes import interpolate
from idfree.datasets.open_footage import open_footage

ALL = FootageSettings(classes="person,car")


def draw(folder, names, size_hw=(40, 80)):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((*size_hw, 3), 90, np.uint8))


def rows(footage):
    """frame, id, corners, score, class of each box."""
    b = footage.boxes
    columns = (b.frame, b.id, b.xyxy.round(3), b.score, b.class_id)
    return [(f, i, *box, s, k) for f, i, box, s, k in zip(*(column.tolist() for column in columns), strict=True)]


def test_interpolation_between_keyframes():
    frame, values, row = interpolate(
        np.array([2, 4, 9]), np.array([[0.0], [1], [5]]), np.array([True, False, True]), ""
    )
    assert frame.tolist() == [2, 3, 4, 9]
    assert values.ravel().tolist() == [0, 0.5, 1, 5]
    assert row.tolist() == [0, 0, 1, 2]
    assert [len(part) for part in interpolate(frame[:0], values[:0], np.zeros(0, bool), "")] == [0, 0, 0]
    with pytest.raises(UserError, match="track 1: no keyframe in the 1999998 frames after 2"):
        interpolate(np.array([2, 2_000_000]), np.zeros((2, 1)), np.array([True, True]), "a.xml: track 1")


CVAT = """<?xml version="1.0"?><annotations><version>1.1</version><meta><job><size>9</size>
<original_size><width>80</width><height>40</height></original_size></job></meta>
<track id="0" label="person" source="manual">
<box frame="1" keyframe="1" outside="0" occluded="0" xtl="2" ytl="3" xbr="12" ybr="13" z_order="0"></box>
<box frame="3" keyframe="1" outside="0" occluded="1" xtl="4" ytl="3" xbr="14" ybr="13" z_order="0"></box>
<box frame="4" keyframe="1" outside="1" occluded="1" xtl="4" ytl="3" xbr="14" ybr="13" z_order="0"></box>
</track>
<track id="1" label="car"><box frame="0" outside="0" xtl="50" ytl="5" xbr="60" ybr="15"></box></track>
</annotations>"""


@pytest.mark.parametrize("kind", ["xml", "zip", "folder"])
def test_cvat_video(tmp_path, kind, caplog):
    path = tmp_path / ("street.xml" if kind == "xml" else "street.zip" if kind == "zip" else "street")
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("annotations.xml", CVAT)
    else:
        path.mkdir() if kind == "folder" else None
        (path / "annotations.xml" if kind == "folder" else path).write_text(CVAT)
    (footage,) = open_footage(path)
    expected = [(2, 0, 2, 3, 12, 13, 1, 0), (3, 0, 3, 3, 13, 13, 1, 0), (4, 0, 4, 3, 14, 13, 1, 0)]
    assert rows(footage) == expected
    assert (footage.length, footage.size_hw, footage.scored, footage.is_sequence) == (9, (40, 80), False, True)
    assert "1 boxes of car are left out: keep them with --set data.classes=person,car" in caplog.text
    (footage,) = open_footage(path, settings=ALL)
    assert rows(footage) == [(1, 1, 50, 5, 60, 15, 1, 1), *expected]


def test_cvat_images(tmp_path):
    text = '<annotations><image id="0" name="a.png" width="80" height="40"><box label="person" xtl="1" ytl="2" xbr="3" '
    text += 'ybr="4.5"/><polygon label="car" points="1,2;3,4"/></image><image id="1" name="b.png"/></annotations>'
    (tmp_path / "annotations.xml").write_text(text)
    draw(tmp_path / "images", ["a.png", "b.png"])
    (footage,) = open_footage(tmp_path / "annotations.xml")
    assert rows(footage) == [(1, -1, 1, 2, 3, 4.5, 1, 0)]
    assert (footage.length, footage.is_sequence) == (2, False)
    assert footage.image(2).shape == (40, 80, 3)


def test_cvat_mot_without_names_has_the_classes_of_motchallenge(tmp_path):
    with zipfile.ZipFile(tmp_path / "street.zip", "w") as archive:
        archive.writestr("gt/gt.txt", "1,1,1,2,10,20,1,1,0.5\n2,1,1,2,10,20,0,1,1\n2,2,1,2,10,20,1,3,1\n")
    (footage,) = open_footage(tmp_path / "street.zip", settings=ALL)
    assert rows(footage) == [(1, 1, 1, 2, 11, 22, 1, 0), (2, 1, 1, 2, 11, 22, 0, 0), (2, 2, 1, 2, 11, 22, 1, 1)]
    assert footage.boxes.visibility.tolist() == [0.5, 1, 1]


def test_label_studio(tmp_path):
    box = {"x": 10, "y": 25, "width": 20, "height": 50, "rotation": 0, "time": 0}
    sequence = [box | {"frame": 1, "enabled": True}, box | {"frame": 3, "x": 20, "enabled": False}]
    value = {"framesCount": 50, "duration": 2.0, "sequence": sequence, "labels": ["person"]}
    region = {"id": "xGq3", "type": "videorectangle", "from_name": "box", "to_name": "video", "value": value}
    region |= {"original_width": 80, "original_height": 40}
    choice = {"id": "c", "type": "choices", "value": {"choices": ["day"]}}
    ignored = region | {"id": "i", "value": value | {"labels": ["ignored"], "sequence": sequence[1:]}}
    task = {"id": 4, "data": {"video": "/data/local-files/?d=films/street%201.mp4"}}
    path = tmp_path / "project.json"
    path.write_text(json.dumps([task | {"annotations": [{"result": [choice, region, ignored]}]}]))
    (footage,) = open_footage(path)
    assert (footage.name, footage.length, footage.frame_rate, footage.size_hw) == ("street 1", 50, 25, (40, 80))
    expected = [(1, 1, 8, 10, 24, 30, 1, 0), (2, 1, 12, 10, 28, 30, 1, 0), (3, 1, 16, 10, 32, 30, 1, 0)]
    assert rows(footage) == [*expected, (3, 2, 16, 10, 32, 30, 0, 0)]
    del region["original_width"]
    path.write_text(json.dumps([task | {"predictions": [{"result": [region]}]}]))
    with pytest.raises(UserError, match="percentages of the frame, whose size is unknown"):
        open_footage(path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [person, 'a car']", ("person", "a car")),
        ("names:\n- person\n- a car  # red", ("person", "a car")),
        ('nc: 2\nnames:\n  0: person\n  1: "a car"', ("person", "a car")),
        ("names: {0: person, 1: a car}", ("person", "a car")),
    ],
)
def test_data_yaml(tmp_path, text, names):
    (tmp_path / "data.yaml").write_text(f"# made by hand\npath: ../data\n\ntrain: images/train\n{text}\n")
    values = read_data_yaml(tmp_path / "data.yaml")
    assert (values["path"], values["train"]) == ("../data", "images/train")
    assert class_names(values, tmp_path) == names


def test_yolo_with_images(tmp_path):
    (tmp_path / "data.yaml").write_text("path: .\ntrain: images/a\nval: images/b\nnames: [car, person]\n")
    draw(tmp_path / "images" / "a", ["x.png", "y.png"])
    draw(tmp_path / "images" / "b", ["street_9.png", "street_10.png"])
    (tmp_path / "labels" / "a").mkdir(parents=True)
    (tmp_path / "labels" / "b").mkdir()
    (tmp_path / "labels" / "a" / "y.txt").write_text("1 0.5 0.5 0.25 0.5\n0 0.5 0.5 0.1 0.1\n")
    (tmp_path / "labels" / "b" / "street_10.txt").write_text("1 0.5 0.5 0.25 0.5 0.75 7\n1 0.5 0.5 0.25 0.5 0.5\n")
    (tmp_path / "labels" / "b" / "street_9.txt").write_text("1 0.5 0.5 0.25 0.5 7\n")
    stills, video = open_footage(tmp_path)
    assert (stills.name, stills.is_sequence, stills.scored) == ("a", False, False)
    assert rows(stills) == [(2, -1, 30, 10, 50, 30, 1, 0)]
    assert (video.name, video.is_sequence, video.scored) == ("street", True, True)
    assert rows(video) == [
        (1, 7, 30, 10, 50, 30, 1, 0),
        (2, 7, 30, 10, 50, 30, 0.75, 0),
        (2, -1, 30, 10, 50, 30, 0.5, 0),
    ]


def test_labels_of_yolo_track(tmp_path):
    (tmp_path / "track" / "labels").mkdir(parents=True)
    for frame in (2, 10):
        (tmp_path / "track" / "labels" / f"street_{frame}.txt").write_text("0 0.5 0.5 0.25 0.5 0.75 7\n")
    with pytest.raises(UserError, match="whose size is unknown: name it, --images"):
        open_footage(tmp_path / "track")
    draw(tmp_path / "street", [f"{number:06d}.png" for number in range(1, 13)])
    (footage,) = open_footage(tmp_path / "track", images=tmp_path)
    assert rows(footage) == [(2, 7, 30, 10, 50, 30, 0.75, 0), (10, 7, 30, 10, 50, 30, 0.75, 0)]
    assert (footage.name, footage.length, footage.classes) == ("street", 12, ("person",))


def test_kitti(tmp_path):
    tail = "-1 -1 -1 -1000 -1000 -1000 -10"
    lines = [f"0 0 Van 0 1 -10 1 2 11 22 {tail}", f"0 -1 DontCare -1 -1 -10 30 5 40 15 {tail}"]
    lines += [f"2 1 Pedestrian 0 2 -10 1 2 11 22.5 {tail}"]
    (tmp_path / "label_02").mkdir()
    (tmp_path / "label_02" / "0003.txt").write_text("\n".join(lines))
    draw(tmp_path / "image_02" / "0003", [f"{number:06d}.png" for number in range(5)])
    (footage,) = open_footage(tmp_path, settings=FootageSettings(classes="person,van"))
    assert rows(footage) == [
        (1, 0, 1, 2, 11, 22, 1, 1),
        (1, -1, 30, 5, 40, 15, 0, 0),
        (3, 1, 1, 2, 11, 22.5, 1, 0),
    ]
    assert footage.boxes.visibility.tolist() == [0.75, 1, 0.25]
    assert (footage.name, footage.length, footage.size_hw, footage.frame_rate) == ("0003", 5, (40, 80), 10)


def test_visdrone(tmp_path):
    text = "1,1,1,2,10,20,1,1,0,1\n1,2,1,2,10,20,1,4,0,0\n2,0,30,2,10,20,0,0,0,0\n"
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "uav1.txt").write_text(text)
    draw(tmp_path / "sequences" / "uav1", [f"{number:07d}.jpg" for number in (1, 2, 3)])
    (footage,) = open_footage(tmp_path, settings=FootageSettings(classes="pedestrian,car"))
    assert rows(footage) == [
        (1, 1, 1, 2, 11, 22, 1, 0),
        (1, 2, 1, 2, 11, 22, 1, 1),
        (2, 0, 30, 2, 40, 22, 0, 0),
    ]
    assert (footage.name, footage.length, footage.size_hw) == ("uav1", 3, (40, 80))


@pytest.mark.parametrize(("frame_key", "id_key"), [("frame_index", "track_id"), ("frame_id", "instance_id")])
def test_coco_of_tao_and_bdd(tmp_path, frame_key, id_key):
    images = [{"id": k, "file_name": f"v/{k}.jpg", "height": 40, "width": 80, "video_id": 3} for k in (8, 5)]
    images = [image | {frame_key: n} for image, n in zip(images, (30, 0), strict=True)]
    boxes = [
        {"id": k, "image_id": k, "category_id": 805, "bbox": [1, 2, 3, 4], id_key: 6, "iscrowd": 0} for k in (8, 5)
    ]
    content = {"images": images, "annotations": boxes, "videos": [{"id": 3, "name": "train/v"}]}
    content["categories"] = [{"id": 805, "name": "person", "synset": "person.n.01"}]
    (tmp_path / "a.json").write_text(json.dumps(content))
    (footage,) = open_footage(tmp_path / "a.json")
    assert rows(footage) == [(1, 6, 1, 2, 4, 6, 1, 0), (2, 6, 1, 2, 4, 6, 1, 0)]
    assert [path.name for path in footage.paths] == ["5.jpg", "8.jpg"]
    assert (footage.name, footage.scored) == ("v", False)


MALFORMED = {
    "a.xml": ("<annotations>", "is not XML"),
    "b.xml": ("<html></html>", "its root is <html>, expected CVAT's <annotations>"),
    "c.xml": (
        '<annotations><track id="0" label="person"><box frame="x"/></track></annotations>',
        "expected frame, xtl",
    ),
    "d.xml": (CVAT.replace("person", "dog"), "has no class 'person', there are: car, dog"),
    "e.xml": (CVAT.replace('"person"', '""').replace('"car"', '""'), "there are: without a name"),
    "a.zip": ("PK", "a zip without annotations.xml .* and gt/gt.txt"),
    "a.json": ('[{"data": {}, "annotations": 1}, 2]', "expected an array of Label Studio's tasks"),
    "a.yaml": ("train: a\n\tb", "line 2: 'b': expected KEY: VALUE"),
    "b.yaml": ("train: a\nnames:\n  1: person", "expected names: a list, or names numbered from 0"),
    "c.yaml": ("names: [person]", "names no folder of images"),
    "d.yaml": ("names: [person]\ntrain: nowhere", "there is no folder nowhere"),
    "a.txt": (" ".join(["0 1 Car 0 x"] + ["1"] * 12), "line 1: .* expected KITTI's 17 columns"),
    "b.txt": ("1,1,2,3,4,5,x", "line 1: score is 'x', expected a number"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_files_end_with_a_sentence(tmp_path, capsys, name):
    content, message = MALFORMED[name]
    (tmp_path / name).write_text(content)
    assert main(["data", "convert", str(tmp_path / name), "--to", "coco", "-o", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Traceback" not in err
    assert re.search(message, err), err
    assert not (tmp_path / "out").exists()


def test_results_to_cvat_and_back(tmp_path, capsys):
    """What the help says: correct results in CVAT, and read them back as results."""
    (tmp_path / "street.txt").write_text("1,1,1.00,2.00,10.00,20.00,0.5,1,-1,-1\n3,1,3.00,2.00,10.00,20.00,0,1,-1,-1\n")
    draw(tmp_path / "street", [f"{number:06d}.png" for number in (1, 2, 3)])
    before = (tmp_path / "street.txt").read_text()
    command = ["data", "convert", str(tmp_path / "street.txt"), "--images", str(tmp_path / "street")]
    assert main([*command, "--to", "cvat", "-o", str(tmp_path / "out")]) == 0
    assert capsys.readouterr() == (f"{tmp_path / 'out' / 'street.xml'}\n", "")
    back = ["data", "convert", str(tmp_path / "out" / "street.xml"), "--to", "results", "-o", str(tmp_path / "back")]
    assert main(back) == 0
    assert (tmp_path / "back" / "street.txt").read_text() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "1,1,1,2,10,20,0.5,1,-1,-1\n"),
        ("a.json", '[{"frame": 1, "id": 1, "x": 1, "y": 2, "w": 10, "h": 20, "score": 0.5}]'),
        ("b.txt", "0 1 Pedestrian 0 0 -10 1 2 11 22 -1 -1 -1 -1 -1 -1 -1 0.5\n"),
        ("b.json", '[{"data": {"video": "b.mp4"}}]'),
    ],
)
def test_files_are_recognised_behind_a_byte_order_mark(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    (footage,) = open_footage(tmp_path / name)
    assert rows(footage) == ([] if name == "b.json" else [(1, 1, 1, 2, 11, 22, 0.5, 0)])


def test_a_class_behind_many_zeros_is_refused(tmp_path):
    """Each class up to the largest gets a name."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a_1.txt").write_text("0000009999999999 0.5 0.5 0.1 0.1 0.9 3\n")
    with pytest.raises(UserError, match="expected class cx cy w h"):
        open_footage(tmp_path)


def test_list_of_formats(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["data", "convert", "--list"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["format", "read", "written", "ids", "scores", "visible", "ignored", "classes", "what"]
    assert any(line.startswith("label-studio  yes   yes") for line in lines)
