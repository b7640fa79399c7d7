"""What `idfree.track` and its sisters are given in Python: what is clear is accepted, anything else is one sentence."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import idfree
from idfree.core.errors import UserError
from idfree.core.types import Frame, View
from idfree.trackers import Sort, SortSettings


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Six images, and det.txt beside their folder: a box of class 0 and one of class 2 in each."""
    folder = tmp_path_factory.mktemp("track") / "img"
    folder.mkdir()
    for number in range(1, 7):
        cv2.imwrite(str(folder / f"{number:06}.png"), np.full((120, 160, 3), 20 * number, np.uint8))
    rows = "".join(f"{n},-1,{x},20,30,60,0.9,{c}\n" for n in range(1, 7) for x, c in ((10 + n, 0), (80, 2)))
    (folder.parent / "det.txt").write_text(rows)
    return folder


def boxes(frame: Frame, scale: float = 1.0) -> np.ndarray:
    x = 10 + frame.number
    return np.array([[x, 20, x + 30, 80, 0.9 * scale, 0], [80, 20, 110, 80, 0.9 * scale, 2]])


class OwnDetector:
    """An object with the protocol of detectors."""

    name, needs_images, has_embeddings = "own", False, False

    def __call__(self, frame: Frame) -> View:
        return View(boxes(frame), frame)


def classes_of(images, detector=boxes, **options):
    tracks = [tracks for _, tracks in idfree.track(images, detector, **options)]
    assert len(tracks) == 6
    return sorted({int(class_id) for each in tracks for class_id in each.class_id})


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(0, [0]), (2, [2]), (np.int64(2), [2]), ([2], [2]), ((0, 2), [0, 2]), ("2", [2]), ("0, 2", [0, 2]), ("", [0, 2])]
    + [(None, [0, 2]), ((), [0, 2]), (range(2), [0]), (7, [])],
)
def test_classes(images, classes, expected):
    assert classes_of(images, classes=classes) == expected
    assert classes_of(images, images.parent / "det.txt", classes=classes) == expected


def test_class_names(images):
    for detector in (boxes, images.parent / "det.txt"):
        with pytest.raises(UserError, match=r"--classes person: expected numbers: only a model.onnx knows its classes"):
            idfree.track(images, detector, classes=("person",))
    assert classes_of(images, "people", classes=["person"]) == []  # there is nobody
    for classes in (True, 1.5, {}.keys, [None]):
        with pytest.raises(UserError, match="expected numbers or names"):
            idfree.track(images, boxes, classes=classes)


def test_detectors(images):
    assert classes_of(images, images.parent / "det.txt") == [0, 2]
    assert classes_of(images, str(images.parent / "det.txt")) == [0, 2]
    assert classes_of(images, OwnDetector()) == [0, 2]
    for detector in (None, 3, {}, boxes(Frame(1)), OwnDetector):
        with pytest.raises(
            UserError, match=r"detector is .*, expected people, det, the path of a file or folder, or a fun"
        ):
            idfree.track(images, detector)
    for detector in (Path("a" * 300 + ".txt"), "a\0b.txt"):
        with pytest.raises(UserError, match=r"cannot read|no such file"):
            idfree.track(images, detector)


def test_what_detector_functions_return(images, caplog):
    assert classes_of(images, lambda frame: OwnDetector()(frame)) == [0, 2]
    assert not caplog.records
    assert classes_of(images, lambda frame: None) == []
    assert caplog.messages == ["frame 1: the detector function returned None, which counts as no detections"]
    with pytest.raises(UserError, match="the text 'no' instead of detections"):
        classes_of(images, lambda frame: "no")


def test_scores_of_detector_functions(images, caplog):
    def percent(frame):
        return boxes(frame, scale=100)

    tracks = [tracks for _, tracks in idfree.track(images, percent, scores="percent")]
    np.testing.assert_allclose(tracks[-1].score, 0.9)
    assert classes_of(images, percent, scores="raw") == [0, 2]
    assert not caplog.records
    assert classes_of(images, percent) == [0, 2]
    assert caplog.messages == [
        "frame 1: scores from 90 to 90: trackers expect 0…1; name their scale (scores='percent', '255', or 'raw' to"
        " keep them)"
    ]
    with pytest.raises(UserError, match="scores='logit' needs the scores of all frames"):
        idfree.track(images, percent, scores="logit")
    with pytest.raises(UserError, match="--scores ten: expected one of auto, raw, percent, 255, logit"):
        idfree.track(images, percent, scores="ten")
    with pytest.raises(UserError, match="scores='percent': has no effect on a detector that is made: own"):
        idfree.track(images, OwnDetector(), scores="percent")


def test_trackers_and_settings(images):
    for tracker in ("sort", Sort, Sort(SortSettings(min_hits=1))):
        assert classes_of(images, tracker=tracker) == [0, 2]
    for settings in ("min_hits=1", ["min_hits=1"], {"min_hits": 1, "patience": 0.5}):
        assert classes_of(images, tracker="sort", set=settings) == [0, 2]
    for options, message in (
        ({"tracker": "sort", "set": 3}, "settings 3: expected 'name=value', several of these, or a dict"),
        ({"tracker": "sort", "set": {"hits": 1}}, "--set hits=1: SortSettings has no setting 'hits'"),
        ({"tracker": Sort(), "set": "min_hits=1"}, "min_hits=1: the tracker is made already, with its own settings"),
        ({"tracker": SortSettings()}, "tracker is a SortSettings, expected one of sort, iou"),
        ({"tracker": int}, "tracker is a type, expected one of sort, iou"),
    ):
        with pytest.raises(UserError, match=message):
            idfree.track(images, boxes, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 2.5}, r"--every 2.5: expected 1 or more \(a whole number\)"),
        ({"start": "2"}, r"--start 2: expected 1 or more"),
        ({"min_score": "high"}, "--min-score high: expected a number"),
        ({"min_score": float("nan")}, "--min-score nan: expected a number"),
        (
            {"appearance": Path("model.pth")},
            "--appearance model.pth: expected none, own, colour, people or a file MODEL.onnx",
        ),
        ({"appearance": "a" * 300 + ".onnx"}, "no such file"),
        ({"camera": "a" * 300}, "--camera a.*: expected auto, none, flow, ecc, a file"),
    ],
)
def test_other_options(images, options, message):
    with pytest.raises(UserError, match=message):
        idfree.track(images, boxes, **options)


def test_paths_and_none_as_options(images):
    assert classes_of(images, appearance=Path("none"), camera=Path("none")) == [0, 2]
    assert classes_of(images, appearance=None, camera=None) == [0, 2]


@pytest.mark.parametrize("source", [None, 2.5, ["a.mp4"], object(), "a" * 300, "a\0b"])
def test_sources(source):
    with pytest.raises(UserError, match=r"expected a path, an address, or the number of a camera|no such file"):
        idfree.track(source)


def test_the_functions_of_other_commands_take_the_same(images, tmp_path):
    det = images.parent / "det.txt"
    reports = idfree.detect(images, tmp_path / "kept", detector=det, classes=2)["videos"]
    assert reports["img"]["detections"] == 6
    labels = idfree.label(images, tmp_path / "labels", detector=det, classes=[0], set={"min_boxes": 3})["videos"]
    assert labels["img"]["tracklets"] == 1
    summary = idfree.track_videos(images, tmp_path / "out", detector=det, tracker="sort", classes=0, set="min_hits=1")
    assert summary["sequences"][0]["tracks"] == 1


def test_public_detections(images, tmp_path):
    """Of the boxes at 10 and 80, only the second is near a public one."""
    public = tmp_path / "public.txt"
    public.write_text("".join(f"{n},-1,85,25,30,60,-1\n" for n in range(1, 7)))
    tracks = [tracks for _, tracks in idfree.track(images, boxes, "iou", public=public)]
    assert [each.xyxy[:, 0].tolist() for each in tracks] == [[80]] * 6
    with pytest.raises(UserError, match="--public det: img is no MOTChallenge folder"):
        idfree.track(images, boxes, public="det")
    with pytest.raises(UserError, match=r"--public .*: no file for img"):
        idfree.track(images, boxes, public=images)


def test_public_detections_are_part_of_the_request(images, tmp_path):
    options = {"detector": images.parent / "det.txt", "tracker": "iou"}
    with_public = idfree.track_videos([images], tmp_path / "a", public=images.parent / "det.txt", **options)
    without = idfree.track_videos([images], tmp_path / "b", **options)
    (a,), (b,) = with_public["sequences"], without["sequences"]
    assert a["boxes"] == b["boxes"]
    assert a["request"].pop("public")[0] == str(images.parent / "det.txt")
    assert a["request"] == b["request"]


def test_tracktor_on_stored_detections_is_a_sentence(images):
    with pytest.raises(UserError, match="boxes cannot be regressed"):
        list(idfree.track(images, images.parent / "det.txt", "tracktor"))


@pytest.mark.parametrize("name", ["det", "people", "colour", "auto", "own", "none"])
@pytest.mark.parametrize("spell", ["./{}".format, "{}/".format, Path])
def test_a_folder_that_is_called_like_a_keyword(images, name, spell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / "img.txt").write_text((images.parent / "det.txt").read_text())
    summary = idfree.track_videos(images, tmp_path / "out", detector=spell(name), tracker="iou", public=f"./{name}")
    assert summary["sequences"][0]["boxes"] > 0


def test_a_folder_that_the_keyword_det_could_mean(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "det").mkdir()
    with pytest.raises(UserError, match=r"so it has no det/det\.txt; for the folder det: --detector \./det"):
        idfree.track_videos(images, tmp_path / "out", detector="det")
