"""MOTChallenge folders with and without seqinfo.ini, images or a video; results written and read."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.sequences.motchallenge import (
    find_sequences,
    format_results,
    open_sequence,
    read_detections,
    read_ground_truth,
    read_results,
    read_seqinfo,
    write_ground_truth,
    write_results,
)
from idfree.show.video_writer import VideoWriter

INI = (
    "[Sequence]\nname=another\nimDir=img1\nframeRate={rate}\nseqLength={length}\nimWidth=64\nimHeight=48\nimExt=.jpg\n"
)


@pytest.fixture
def folder(tmp_path):
    """A sequence folder with two detections, the second in frame 5."""
    path = tmp_path / "seq02"
    (path / "det").mkdir(parents=True)
    (path / "det" / "det.txt").write_text("1,-1,1,2,3,4,0.5\n5,-1,1,2,3,4,0.5\n")
    return path


def draw(folder, numbers, size_hw=(48, 64)):
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        cv2.imwrite(str(folder / f"{number:06d}.png"), np.full((*size_hw, 3), number, np.uint8))


def annotation(frame, id, xyxy, score, class_id=None):
    count = len(frame)
    return Annotation(
        np.array(frame),
        np.array(id),
        np.array(xyxy, dtype=float),
        np.array(score, dtype=float),
        np.zeros(count, dtype=np.int64) if class_id is None else np.array(class_id),
        np.ones(count),
    )


def test_values_of_seqinfo(folder):
    (folder / "seqinfo.ini").write_text("\ufeff" + INI.format(rate="29.97", length=600), encoding="utf-8")
    info = read_seqinfo(folder)
    assert (info.name, info.length, info.frame_rate, info.size_hw) == ("seq02", 600, 29.97, (48, 64))


def test_missing_length_is_taken_from_det_or_gt(folder):
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=x\nimWidth=64\n")
    info = read_seqinfo(folder)
    assert (info.length, info.frame_rate, info.size_hw) == (5, 30.0, None)
    (folder / "gt").mkdir()
    (folder / "gt" / "gt.txt").write_text("9,1,1,2,3,4,1\n")
    assert read_seqinfo(folder).length == 9


def test_missing_values_are_taken_from_the_images(folder):
    draw(folder / "img1", [1, 2, 7])
    info = read_seqinfo(folder)
    assert (info.length, info.frame_rate, info.size_hw) == (7, 30.0, (48, 64))


@pytest.mark.parametrize("value", ["abc", "0", "-1", "nan"])
def test_invalid_seqinfo(folder, value):
    (folder / "seqinfo.ini").write_text(INI.format(rate=value, length=10))
    with pytest.raises(UserError, match=rf"seqinfo.ini: frameRate is '{value}', expected a positive number"):
        read_seqinfo(folder)
    (folder / "seqinfo.ini").write_text("frameRate=10\n")
    with pytest.raises(UserError, match=r"seqinfo\.ini: .*no section headers"):
        read_seqinfo(folder)


def test_images_are_numbered_by_name_up_to_the_length(folder):
    draw(folder / "img1", [1, 2, 3, 5, 6])
    (folder / "seqinfo.ini").write_text(INI.format(rate=10, length=5))
    sequence = open_sequence(folder)
    assert (sequence.name, sequence.length, sequence.folder) == ("seq02", 5, folder)
    frames = list(sequence)
    assert [frame.number for frame in frames] == [1, 2, 3, 5]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 2, 3, 5]
    assert [frame.time for frame in frames] == [0, 0.1, 0.2, 0.4]
    assert len(list(sequence)) == 4  # a second iteration


def test_sequence_folder_with_a_video(folder):
    with VideoWriter(folder / "video.mp4", 12.5, (48, 64)) as video:
        for _ in range(6):
            video.write(np.zeros((48, 64, 3), np.uint8))
    sequence = open_sequence(folder)
    assert (sequence.length, sequence.frame_rate, sequence.size_hw) == (6, 12.5, (48, 64))
    assert [frame.number for frame in sequence] == [1, 2, 3, 4, 5, 6]
    (folder / "seqinfo.ini").write_text(INI.format(rate=25, length=5))
    assert [frame.time for frame in open_sequence(folder)] == [0, 0.04, 0.08, 0.12, 0.16]  # det.txt has 5 frames, too
    (folder / "seqinfo.ini").write_text(INI.format(rate=25, length=4))
    assert open_sequence(folder).length == 6


def test_the_size_of_the_images_wins(folder, caplog):
    draw(folder / "img1", range(1, 6))
    (folder / "seqinfo.ini").write_text(INI.format(rate=10, length=5).replace("imWidth=64", "imWidth=20"))
    assert open_sequence(folder).size_hw == (48, 64)
    assert "seqinfo.ini: is of other images: it says 20×48, they are 64×48, which is taken" in caplog.text


@pytest.mark.parametrize(
    ("names", "declared", "rows", "numbers", "length"),
    [
        (range(101, 111), 10, None, range(101, 111), 110),  # images of another part of a video
        (range(101, 111), 10, range(1, 11), range(1, 11), 10),  # det.txt counts them from 1
        (range(101, 111), 10, range(101, 111), range(101, 111), 110),
        (range(101, 111), None, None, range(101, 111), 110),
        (range(1, 11), 4, None, range(1, 11), 10),
        (range(1, 11), 4, range(1, 11), range(1, 11), 10),
        (range(1, 11), 4, range(1, 5), range(1, 5), 4),  # a part of a sequence, on purpose
        (range(1, 11), 1000, None, range(1, 11), 10),
        (range(1, 11), 1000, range(1, 601), range(1, 11), 1000),  # of 1000 images only some are here
    ],
)
def test_the_number_and_numbers_of_the_images_win(folder, caplog, names, declared, rows, numbers, length):
    draw(folder / "img1", names)
    (folder / "seqinfo.ini").write_text(INI.format(rate=10, length=declared) if declared else "[Sequence]\n")
    (folder / "det" / "det.txt").write_text("".join(f"{n},-1,1,2,3,4,1\n" for n in rows or ()))
    sequence = open_sequence(folder)
    assert [frame.number for frame in sequence] == list(numbers)
    assert sequence.length == length
    assert [frame.number for frame in sequence.without_images()] == list(range(sequence.first, length + 1))
    assert ("seqinfo.ini: " in caplog.text) == (declared is not None)


@pytest.mark.parametrize("length", ["1e12", "1e300"])
def test_an_implausible_length_is_refused(folder, length):
    (folder / "seqinfo.ini").write_text(INI.format(rate=10, length=length))
    with pytest.raises(UserError, match=r"seqinfo.ini: seqLength is '1e\d+', expected 100000000 at the most"):
        open_sequence(folder)


def test_the_folder_of_the_images_wins(folder, caplog):
    draw(folder / "img1", range(1, 6))
    (folder / "seqinfo.ini").write_text(INI.format(rate=10, length=5).replace("imDir=img1", "imDir=frames"))
    assert [frame.number for frame in open_sequence(folder)] == [1, 2, 3, 4, 5]
    assert "has no folder frames, as seqinfo.ini says: img1 is taken" in caplog.text


def test_sequence_folder_without_images(folder):
    (folder / "img1").mkdir()
    sequence = open_sequence(folder)
    assert [frame.number for frame in sequence.without_images()] == [1, 2, 3, 4, 5]
    with pytest.raises(UserError, match="has no images: expected img1/ or a video file"):
        next(iter(sequence))


def test_find_sequences(folder, tmp_path):
    assert find_sequences(folder) == [folder]
    for name in ("seq10", "seq1", ".hidden", "notes"):
        (tmp_path / name).mkdir()
    for name in ("seq10", "seq1", ".hidden"):
        (tmp_path / name / "seqinfo.ini").touch()
    assert [path.name for path in find_sequences(tmp_path)] == ["seq1", "seq02", "seq10"]
    with pytest.raises(UserError, match=r"no MOTChallenge sequence in it .*; found nothing"):
        find_sequences(tmp_path / "notes")
    (tmp_path / "notes" / "a.txt").touch()
    with pytest.raises(UserError, match=r"found 1 file \(a.txt\)"):
        find_sequences(tmp_path / "notes")
    with pytest.raises(UserError, match="no such folder"):
        find_sequences(tmp_path / "none")
    with pytest.raises(UserError, match="is a file, expected a folder"):
        find_sequences(tmp_path / "notes" / "a.txt")


def test_formatted_results_by_hand():
    boxes = annotation(
        [2, 1, 2],
        [1, 7, 0],
        [[10.126, -0.001, 20, 30.003], [1, 2, 3.5, 4], [0.1 + 0.2, 0, 1, 1]],
        [0.1 + 0.2, 1.0, 0.123456],
        [0, 2, 0],
    )
    assert format_results(boxes) == (
        "1,7,1.00,2.00,2.50,2.00,1,2,-1,-1\n"
        "2,0,0.30,0.00,0.70,1.00,0.1235,0,-1,-1\n"
        "2,1,10.13,0.00,9.87,30.00,0.3,0,-1,-1\n"
    )
    assert format_results(boxes[:0]) == ""


def test_results_survive_writing_and_reading(tmp_path):
    random = np.random.default_rng(0)
    xywh = np.round(random.uniform(0.01, 1920, (500, 4)), 2)
    xyxy = np.column_stack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])
    frame, id = np.divmod(np.arange(500), 10)
    boxes = annotation(frame + 1, id + 1, xyxy, np.round(random.uniform(size=500), 4), random.integers(0, 80, 500))
    write_results(tmp_path / "out" / "a.txt", boxes)
    back = read_results(tmp_path / "out" / "a.txt")
    for name in ("frame", "id", "score", "class_id"):
        assert np.array_equal(getattr(back, name), getattr(boxes, name)), name
    assert np.abs(back.xyxy - boxes.xyxy).max() < 1e-9
    assert format_results(back) == format_results(boxes)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]


def test_ground_truth_survives_writing_and_reading(tmp_path):
    boxes = annotation([1, 2], [0, 3], [[1, 2, 3.25, 4], [0, 0, 5, 6]], [0, 1], [7, 1])
    write_ground_truth(tmp_path / "gt.txt", boxes)
    assert (tmp_path / "gt.txt").read_text() == "1,0,1.00,2.00,2.25,2.00,0,7,1\n2,3,0.00,0.00,5.00,6.00,1,1,1\n"
    back = read_ground_truth(tmp_path / "gt.txt")
    assert back.xyxy.tolist() == boxes.xyxy.tolist()
    assert back.score.tolist() == [0, 1]
    assert back.class_id.tolist() == [7, 1]


def test_real_files(shared):
    readers = {
        read_detections: [*shared.glob("data/*/train/*/det/det.txt"), *shared.glob("data/detections/*/*.txt")],
        read_ground_truth: [
            *shared.glob("data/*/*/*[0-9s]/gt/gt.txt"),
            *shared.glob("data/MOT17/train/*-SDP/gt/gt.txt"),
        ],
        read_results: [*shared.glob("data/reference/lif_t/*-DPM.txt"), *shared.glob("golden/*/*.txt")],
    }  # MOT17 has its ground truth three times
    for read, paths in readers.items():
        assert len(paths) >= 15
        for path in paths:
            boxes = read(path)
            assert len(boxes) == len(path.read_text().splitlines()), path
            assert (np.diff(boxes.frame) >= 0).all(), path
            if read is read_ground_truth:
                assert (boxes.visibility <= 1).all(), path
                assert boxes.class_id.min() >= 1, path
            else:
                assert not boxes.class_id.any(), path  # column 8 is −1 or a position, not a class


def test_unsorted_public_detections_are_sorted(shared):
    path = shared / "data/MOT17/train/MOT17-02-FRCNN/det/det.txt"
    raw = np.loadtxt(path, delimiter=",")
    boxes = read_detections(path)
    assert (np.diff(raw[:, 0]) < 0).any()
    assert (np.diff(boxes.frame) >= 0).all()
    raw_rows = raw[raw[:, 0] == 69]
    assert np.allclose(boxes.detections_at(69).xyxy[:, :2], raw_rows[:, 2:4])
    assert len(boxes) == 8186


def test_real_sequence_folders(shared):
    folders = find_sequences(shared / "data/MOT17/train")
    assert len(folders) == 12
    info = read_seqinfo(shared / "data/MOT15/train/PETS09-S2L1")
    assert (info.name, info.length, info.frame_rate, info.size_hw) == ("PETS09-S2L1", 795, 7.0, (576, 768))
    assert len(list(open_sequence(folders[0]).without_images())) == 600
