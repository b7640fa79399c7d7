"""Names in data sets lead nowhere but into the output folder, and no number makes a reader endless or huge."""

import json

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.datasets.convert import WRITERS, convert
from idfree.datasets.footage import Footage
from idfree.datasets.formats import FORMATS
from idfree.datasets.open_footage import open_all, open_footage
from idfree.datasets.reid_crops import read_reid


def draw(path, size_hw=(48, 64)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size_hw, 3), 90, np.uint8))


def write_coco(path, images, annotation=None, **video):
    """A COCO file of these images with a box in the first one, of a video if there are keywords."""
    of_video = {"video_id": 1, "frame_id": 1} if video else {}
    images = [{"id": number, **of_video, **image} for number, image in enumerate(images, start=1)]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 20], **(annotation or {})}
    content = {"images": images, "annotations": [box], "categories": [{"id": 1, "name": "person"}]}
    path.write_text(json.dumps(content | ({"videos": [{"id": 1, **video}]} if video else {})))
    return path


@pytest.mark.parametrize("to", [to for to in WRITERS if to != "rerun"])  # which needs a package
@pytest.mark.parametrize("name", ["..", "/", "../../x", "/etc/x", "a\0b", "x" * 300])
def test_no_name_leads_out_of_the_output_folder(tmp_path, to, name):
    draw(tmp_path / "a.jpg")
    out = tmp_path / "deep" / "er" / "out"
    out.mkdir(parents=True)
    file = write_coco(tmp_path / "video.json", [{"file_name": "a.jpg"}], file_name=name)
    before = {*tmp_path.rglob("*")}
    footages = open_all([file])
    assert footages[0].name == {"..": "video-1", "/": "video-1", "a\0b": "a_b", "x" * 300: "x" * 200}.get(name, "x")
    (written,) = convert(footages, to, out)
    assert out in written.parents
    new = {*tmp_path.rglob("*")} - before
    assert new
    assert all(out in path.parents for path in new)


@pytest.mark.parametrize("to", [to for to in WRITERS if not FORMATS[to].videos_only])
def test_an_image_outside_is_linked_by_its_last_name(tmp_path, to):
    draw(tmp_path / "elsewhere" / "v.jpg")
    draw(tmp_path / "data" / "a.jpg")
    images = [{"file_name": str(tmp_path / "elsewhere" / "v.jpg")}, {"file_name": ".."}, {"file_name": "../data/a.jpg"}]
    sizes = {"width": 64, "height": 48}
    footages = open_footage(write_coco(tmp_path / "data" / "stills.json", [{**image, **sizes} for image in images]))
    before = (tmp_path / "elsewhere" / "v.jpg").read_bytes()
    assert [*convert(footages, to, tmp_path / "out")]
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere", "data", "out"}
    assert (tmp_path / "elsewhere" / "v.jpg").read_bytes() == before
    assert not (tmp_path / "elsewhere" / "v.jpg").is_symlink()


def test_a_frame_of_a_video_is_not_written_through_the_link_of_an_earlier_conversion(tmp_path):
    draw(tmp_path / "data" / "a.jpg")
    footages = open_footage(write_coco(tmp_path / "data" / "v.json", [{"file_name": "a.jpg"}], file_name="v"))
    before = (tmp_path / "data" / "a.jpg").read_bytes()
    assert [*convert(footages, "coco", tmp_path / "out")]
    (link,) = (path for path in (tmp_path / "out").rglob("*.jpg"))
    assert link.is_symlink()
    (still,) = footages
    frame = Footage("v", still.boxes, 1, lambda number: np.zeros((48, 64, 3), np.uint8), True, (tmp_path / "v.mp4",))
    assert [*convert([frame], "coco", tmp_path / "out")]
    assert (tmp_path / "data" / "a.jpg").read_bytes() == before
    assert not link.is_symlink()


def test_a_list_above_its_images_names_the_video_by_its_folder(tmp_path):
    draw(tmp_path / "seq" / "img1" / "1.jpg")
    (tmp_path / "seq" / "img1" / "1.txt").write_text("0 1 .5 .5 .2 .2\n")
    (tmp_path / "seq" / "lists").mkdir()
    (tmp_path / "seq" / "lists" / "a.train").write_text("../img1/1.jpg\n")
    (footage,) = open_footage(tmp_path / "seq" / "lists" / "a.train")
    assert footage.name == "seq"


@pytest.mark.parametrize(
    ("image", "annotation", "video", "fault"),
    [
        ({"file_name": "a\0.jpg"}, {}, {}, r"images\[0\] has no id or no file_name that can be one"),
        ({"file_name": "x" * 300}, {}, {}, r"images\[0\] has no id or no file_name that can be one"),
        ({}, {"bbox": [1, 2, 1e300, 20]}, {}, r"annotations\[0\]: bbox is .*expected four numbers"),
        ({}, {"track_id": 1e300}, {}, r"annotations\[0\]: track_id or visibility is no number"),
        ({}, {}, {"frame_rate": 0}, "video 1: frame_rate is 0, expected frames per second"),
        ({}, {}, {"frame_rate": 1e12}, r"video 1: frame_rate is 1000000000000.0, expected frames per second"),
    ],
)
def test_implausible_values_of_coco(tmp_path, image, annotation, video, fault):
    draw(tmp_path / "a.jpg")
    file = write_coco(tmp_path / "a.json", [{"file_name": "a.jpg", **image}], annotation, **video)
    with pytest.raises(UserError, match=fault):
        open_footage(file)


def test_huge_numbers_of_coco_that_do_no_harm(tmp_path):
    draw(tmp_path / "a.jpg")
    image = {"file_name": "a.jpg", "frame_id": 2**53, "width": 1e15, "height": 1e15}
    (footage,) = open_footage(write_coco(tmp_path / "a.json", [image], {"track_id": 2**53}, file_name="v"))
    assert (footage.length, footage.size_hw, footage.boxes.id.tolist()) == (1, None, [2**53])


def test_the_size_of_the_images_wins_over_that_of_the_labels(tmp_path, caplog):
    draw(tmp_path / "a.jpg")
    image = {"file_name": "a.jpg", "width": 32, "height": 24}
    (footage,) = open_footage(write_coco(tmp_path / "a.json", [image]))
    assert footage.size_hw == (48, 64)
    assert "a.json: is of other images: it says 32×24, they are 64×48, which is taken" in caplog.text


@pytest.mark.parametrize("row", ["1e9 1 .5 .5 .1 .1", "-1 1 .5 .5 .1 .1", "0 1e300 .5 .5 .1 .1", "0 1 320 .5 .1 .1"])
def test_implausible_rows_of_jde(tmp_path, row):
    draw(tmp_path / "images" / "a.jpg")
    (tmp_path / "labels_with_ids").mkdir()
    (tmp_path / "labels_with_ids" / "a.txt").write_text(f"0 1 .5 .5 .1 .1\n{row}\n")
    (tmp_path / "a.train").write_text("images/a.jpg\n")
    with pytest.raises(UserError, match=r"a\.txt line 2: .*expected class id cx cy w h, the box normalised"):
        open_footage(tmp_path / "a.train")


@pytest.mark.parametrize(("name", "box"), [("a", [1, 1, 1e300, 5]), ("a\0", [1, 1, 3, 5])])
def test_implausible_values_of_odgt(tmp_path, name, box):
    person = {"tag": "person", "fbox": box}
    (tmp_path / "a.odgt").write_text(json.dumps({"ID": name, "gtboxes": [person]}) + "\n")
    with pytest.raises(UserError, match=r"a\.odgt line 1: "):
        open_footage(tmp_path / "a.odgt")


def test_implausible_values_of_voc(tmp_path):
    corners = "".join(
        f"<{side}>{value}</{side}>"
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), (1, 1, 1e300, 5), strict=True)
    )
    (tmp_path / "a.xml").write_text(
        f"<annotation><object><name>person</name><bndbox>{corners}</bndbox></object></annotation>"
    )
    with pytest.raises(UserError, match=r"a\.xml: the box of a person is 1, 1, 1e\+300, 5; expected"):
        open_footage(tmp_path)


def test_implausible_frames_of_ground_truth(tmp_path):
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text(f"1,1,1,2,3,4,1,1,1\n{2**53},1,1,2,3,4,1,1,1\n")
    with pytest.raises(UserError, match=r"gt\.txt line 2: frame 9\.0.*e\+15, expected at most"):
        open_footage(tmp_path)


def test_implausible_numbers_in_the_names_of_crops(tmp_path):
    draw(tmp_path / "0001_c1s1_000151_00.jpg")
    draw(tmp_path / f"0002_c1s1_{'9' * 30}_00.jpg")
    with pytest.raises(UserError, match=r"999_00\.jpg: .* expected one like 0002_c1s1_000451_03\.jpg"):
        read_reid(tmp_path)
