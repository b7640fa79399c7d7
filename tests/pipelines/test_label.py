"""Pseudo-labels: splitting and dropping of tracklets, the crop buffer, statistics, purity."""

import dataclasses

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.core.types import Annotation, Frame, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.labelling.crop_buffer import CropBuffer
from idfree.pipelines.labelling.label_sequence import label_sequence
from idfree.pipelines.labelling.pseudolabels import (
    LabelSettings,
    drop_unclean_boxes,
    extract_tracklets,
    sample_boxes,
    split_at_jumps,
)
from idfree.pipelines.labelling.quality import compute_purity, describe_tracklets
from idfree.pipelines.tracking.selection import Selection
from idfree.sequences import open_source
from idfree.sequences.cuts import SceneCuts, colour_histogram
from idfree.sequences.motchallenge import read_detections, read_ground_truth
from idfree.synthetic.scene import make_street

ANY = LabelSettings(min_boxes=1, min_clean=1, min_height=0)


def annotation(rows) -> Annotation:
    """Rows (frame, id, x1, y1, x2, y2), sorted by frame."""
    table = np.array(sorted(rows, key=lambda row: row[0]), dtype=float).reshape(-1, 6)
    ones = np.ones(len(table))
    return Annotation(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:], ones, ones.astype(int) - 1, ones)


def walk(identity, frames, x=0.0, speed=2.0, size=(20.0, 50.0)):
    """Rows of a person who walks to the right."""
    width, height = size
    return [(n, identity, x + speed * n, 100, x + speed * n + width, 100 + height) for n in frames]


# Tracklets ----------------------------------------------------------------------------------------------------------


def test_ids_from_one_in_order_of_appearance():
    made = extract_tracklets(
        annotation(walk(70, range(5, 20), x=500) + walk(3, range(7, 20), x=900) + walk(9, range(1, 20)))
    )
    assert made.frame.tolist() == sorted(made.frame.tolist())
    assert made.id[made.frame == 19].tolist() == [2, 3, 1]
    assert (made.frame[made.id == 2].min(), made.frame[made.id == 3].min()) == (5, 7)
    assert np.all(made.visibility == 1)


def test_short_tracklets_and_boxes_without_a_track_are_dropped():
    rows = walk(1, range(1, 8)) + walk(2, range(1, 9), x=300) + walk(-1, range(1, 20), x=600)
    made = extract_tracklets(annotation(rows))
    assert (len(made), made.xyxy[0, 0]) == (8, 302)
    assert len(extract_tracklets(annotation(rows), dataclasses.replace(LabelSettings(), min_boxes=9))) == 0


def test_small_boxes_are_dropped():
    rows = walk(1, range(1, 11), size=(12, 31)) + walk(2, range(1, 11), x=300, size=(12, 32))
    assert np.all(extract_tracklets(annotation(rows)).xyxy[:, 0] > 300)


def test_occluded_boxes_are_dropped_also_behind_boxes_without_a_track():
    """Of 20 px width 8 are covered: 0.4; of 40 px of the other, 8: 0.2."""
    standing = walk(1, range(1, 21), speed=0)
    passing = [(n, -1, 12, 100, 52, 150) for n in range(6, 11)]
    made = extract_tracklets(annotation(standing + passing))
    assert made.frame.tolist() == [*range(11, 21)]  # the five before are too few to be one by themselves
    longer = extract_tracklets(annotation(walk(1, range(-9, 21), speed=0) + passing))
    assert longer.frame.tolist() == [*range(-9, 6), *range(11, 21)]
    assert longer.id.tolist() == [1] * 15 + [2] * 10  # who comes out behind somebody may be somebody else
    other = extract_tracklets(
        annotation(walk(-1, range(1, 21), speed=0) + [(n, 4, 12, 100, 52, 150) for n in range(1, 21)])
    )
    assert len(other) == 20
    np.testing.assert_allclose(other.visibility, 0.8)
    assert len(extract_tracklets(annotation(standing + passing), LabelSettings(max_overlap=0.4))) == 20


def test_a_tracklet_needs_clean_boxes():
    standing = walk(1, range(1, 21), speed=0)
    assert len(extract_tracklets(annotation(standing + [(n, -1, 0, 100, 20, 150) for n in range(4, 21)]))) == 0
    assert len(extract_tracklets(annotation(standing + [(n, -1, 0, 100, 20, 150) for n in range(5, 21)]))) == 0
    assert len(extract_tracklets(annotation(standing + [(n, -1, 0, 100, 20, 150) for n in range(9, 21)]))) == 8


def test_a_scene_cut_ends_all_tracklets():
    rows = annotation(walk(1, range(1, 21)) + walk(2, range(1, 21), x=300))
    made = extract_tracklets(rows, cuts=[11])
    assert [made.frame[made.id == n].tolist() for n in (1, 3)] == [list(range(1, 11)), list(range(11, 21))]
    assert len(np.unique(extract_tracklets(rows, cuts=[1, 30]).id)) == 2
    assert len(np.unique(extract_tracklets(rows, cuts=[9, 11]).id)) == 4  # 9 and 10 are too short


def test_a_jump_ends_a_tracklet():
    rows = annotation(walk(5, range(1, 11)) + walk(5, range(11, 21), x=30))
    parts = split_at_jumps(rows, 0.4)
    assert parts.id.tolist() == [1] * 10 + [2] * 10
    grown = annotation(walk(5, range(1, 11), speed=0) + walk(5, range(11, 21), speed=0, size=(40, 100)))
    assert len(np.unique(split_at_jumps(grown, 0.4).id)) == 2
    assert len(np.unique(split_at_jumps(grown, 0.2).id)) == 1


def test_constant_velocity_and_a_stop_are_no_jumps():
    """At 15 px a frame, boxes of 20 px hardly overlap; over a gap of 4 frames not at all."""
    fast = annotation(walk(1, [1, 2, 3, 7, 8, 9], speed=15))
    stops = annotation(walk(1, range(1, 4), speed=8) + [(n, 1, 24, 100, 44, 150) for n in range(4, 8)])
    parts = split_at_jumps(fast, 0.4)
    assert parts.id[2:].tolist() == [parts.id[2]] * 4
    assert len(np.unique(split_at_jumps(stops, 0.4).id)) == 1


def test_boxes_without_a_track_are_not_split():
    assert split_at_jumps(annotation(walk(-1, [1, 50, 100], speed=99)), 0.4).id.tolist() == [-1, -1, -1]
    assert drop_unclean_boxes(annotation(walk(-1, [1])), ANY).id.tolist() == [-1]


def test_empty_input():
    nothing = Annotation.empty()
    assert (
        len(extract_tracklets(nothing))
        == len(split_at_jumps(nothing, 0.4))
        == len(sample_boxes(nothing, ANY, 30.0))
        == 0
    )
    report = describe_tracklets(nothing, 0)
    assert (report["tracklets"], report["boxes"], report["kept"], report["coexisting_pairs"], report["largest"]) == (
        0,
        0,
        None,
        0,
        0,
    )
    assert np.isnan(compute_purity(nothing, annotation(walk(1, [1]))))
    sequence = Sequence("empty", lambda: iter(()), 0)
    made = label_sequence(sequence, PrecomputedDetector(nothing))
    assert (len(made.boxes), len(made.crops), made.report["frames"]) == (0, 0, 0)


def test_track_ids_do_not_matter():
    made = make_street(people=8, frames=60)
    rows = made.truth
    again = extract_tracklets(dataclasses.replace(rows, id=1000 - rows.id))
    first = extract_tracklets(rows)
    assert len(first)
    np.testing.assert_array_equal(first.xyxy, again.xyxy)
    pairs = np.unique(np.stack([first.id, again.id]), axis=1)
    assert pairs.shape[1] == len(np.unique(first.id)) == len(np.unique(again.id))


@pytest.mark.parametrize("wrong", ["max_overlap=1.5", "min_boxes=0", "crop_gap=-1", "tracker=best", "min_iou=2"])
def test_invalid_settings(wrong):
    with pytest.raises(UserError, match=wrong.partition("=")[0]):
        override(LabelSettings(), [wrong])


@pytest.mark.parametrize(
    ("tracker", "rate", "expected"), [("sort", 30, ("min_iou=0.5",)), ("iou", 7, ("min_iou=0.3",))]
)
def test_min_iou_depends_on_the_frame_rate(tracker, rate, expected):
    assert LabelSettings(tracker=tracker).tracker_assignments(rate) == expected
    assert LabelSettings(tracker=tracker, min_iou=0.4).tracker_assignments(rate) == ("min_iou=0.4",)
    assert LabelSettings(tracker="bytetrack").tracker_assignments(rate) == ()


# Report and purity --------------------------------------------------------------------------------------------------


def test_report_by_hand():
    """1…10 and 5…20 coexist, 20…22 and 5…20 too (in frame 20), 1…10 and 20…22 do not."""
    rows = annotation(walk(1, range(1, 11)) + walk(2, range(5, 21), x=200) + walk(3, range(20, 23), x=400))
    report = describe_tracklets(rows, 58)
    assert report == {
        "tracklets": 3,
        "boxes": 29,
        "kept": 0.5,
        "length": {"min": 3.0, "median": 10.0, "max": 16.0},
        "coexisting_pairs": 2,
        "largest": round(16 / 29, 4),
    }


def test_coexisting_pairs_equal_brute_force():
    rng = np.random.default_rng(0)
    spans = [sorted(rng.integers(1, 60, 2).tolist()) for _ in range(30)]
    rows = [row for n, span in enumerate(spans, start=1) for row in walk(n, sorted(set(span)), x=50 * n)]
    pairs = sum(a[0] <= b[1] and b[0] <= a[1] for k, a in enumerate(spans) for b in spans[:k])
    assert describe_tracklets(annotation(rows))["coexisting_pairs"] == pairs


def test_purity_by_hand():
    """Tracklet 1 shows A four times and B twice; tracklet 2 shows B three times and a false detection once: 7 of 10."""
    a, b = walk(10, range(1, 11)), walk(11, range(1, 11), x=300)
    truth = annotation(a + b)
    labels = annotation(
        [(n, 1, *row[2:]) for n, row in zip(range(1, 7), [*a[:4], *b[4:6]], strict=True)]
        + [(n, 2, *row[2:]) for n, row in zip(range(7, 10), b[6:9], strict=True)]
        + walk(2, [10], x=900)
    )
    assert compute_purity(labels, truth) == pytest.approx(0.7)
    ignored = dataclasses.replace(truth, score=np.zeros(20), class_id=np.full(20, 7))
    assert compute_purity(labels, ignored) == pytest.approx(0.7)


# Crops --------------------------------------------------------------------------------------------------------------


def test_sampled_boxes_include_both_ends_and_are_even():
    rows = annotation(walk(1, range(1, 101)) + walk(2, range(1, 4), x=300) + walk(3, range(31, 61), x=600))
    settings = LabelSettings(max_crops=12, min_clean=4, crop_gap=0.1)
    few = rows[sample_boxes(rows, settings, 30.0)]
    first, second, third = (few.frame[few.id == n] for n in (1, 2, 3))
    assert (len(first), first[0], first[-1]) == (12, 1, 100)
    assert set(np.diff(first)) <= {9, 10}
    assert second.tolist() == [1, 2, 3]
    assert (len(third), third[0], third[-1]) == (10, 31, 60)  # 29 frames at 30 a second: one in 0.1 s
    assert len(sample_boxes(rows, LabelSettings(max_crops=1000, crop_gap=0), 30.0)) == len(rows)


def crop_of(image, xyxy):
    """Crops whose pixels are the coordinates of their boxes."""
    return np.repeat(np.rint(xyxy).astype(np.uint8)[:, None, None, :3], 2, axis=1)


def test_crop_buffer_keeps_few_crops_of_a_track_evenly():
    buffer = CropBuffer(crop_of, most=4, least=2)
    image, rows = np.zeros((8, 8, 3), np.uint8), annotation(walk(1, range(100)))
    for n in range(100):
        buffer.add(image, rows[n : n + 1], n)
        assert len(buffer.crops) <= 8
    crops, held = buffer.crops_of(np.arange(100))
    assert held.tolist() == list(range(0, 100, 16))
    np.testing.assert_array_equal(crops[:, 0, 0, 0], np.rint(rows.xyxy[held, 0]).astype(np.uint8))
    assert buffer.crops_of(np.array([5, 16, 17]))[1].tolist() == [1]


def test_crop_buffer_thins_out_all_tracks_beyond_its_capacity():
    buffer = CropBuffer(crop_of, most=16, least=2, capacity=50)
    image = np.zeros((8, 8, 3), np.uint8)
    for n in range(40):
        buffer.add(image, annotation([(n, track, 5, 5, 9, 9) for track in range(10)]), 10 * n)
    assert len(buffer.crops) <= 50
    assert buffer.most == 2
    assert {len(rows) for rows in buffer.rows.values()} <= {3, 4}


def test_crop_buffer_without_a_crop_function():
    buffer = CropBuffer(None, most=4, least=2)
    buffer.add(np.zeros((8, 8, 3), np.uint8), annotation(walk(1, [1])), 0)
    crops, held = buffer.crops_of(np.arange(3))
    assert (len(crops), len(held)) == (0, 0)


# From video to labels -----------------------------------------------------------------------------------------------


def test_crops_match_their_boxes_and_the_video_is_read_once():
    made = make_street(people=10, frames=60, size_hw=(270, 480))
    reads = []

    def read():
        reads.append(1)
        for number in range(1, 61):
            yield Frame(number, np.full((270, 480, 3), number, dtype=np.uint8), (number - 1) / 20)

    sequence = Sequence("street", read, 60, 20.0, (270, 480))
    boxes = PrecomputedDetector(made.detections, (270, 480))

    def cut(image, xyxy):
        return np.stack([np.full(len(xyxy), image[0, 0, 0]), *np.rint(xyxy.T[:2] / 2)], axis=1).astype(np.uint8)[
            :, None, None
        ]

    settings = LabelSettings(max_crops=20, min_continuity=0)
    found = label_sequence(sequence, boxes, settings, cut)
    assert len(reads) == 1
    assert len(found.boxes)
    assert np.bincount(found.boxes.id[found.crop_rows])[1:].min() >= 4
    assert np.bincount(found.boxes.id[found.crop_rows]).max() <= 20
    shown = found.boxes[found.crop_rows]
    np.testing.assert_array_equal(found.crops[:, 0, 0, 0], shown.frame)
    np.testing.assert_array_equal(found.crops[:, 0, 0, 1], np.rint(shown.xyxy[:, 0] / 2))
    plain = label_sequence(sequence, boxes, settings)
    assert len(reads) == 1  # images are not read
    np.testing.assert_array_equal(plain.boxes.xyxy, found.boxes.xyxy)
    assert (plain.report["scenes"], found.report["scenes"]) == (None, 1)


def test_boxes_are_the_detected_ones():
    made = make_street(people=10, frames=60)
    found = label_sequence(made.sequence, PrecomputedDetector(made.detections))
    known = {(n, *xyxy) for n, xyxy in zip(made.detections.frame.tolist(), made.detections.xyxy.tolist(), strict=True)}
    assert {(n, *xyxy) for n, xyxy in zip(found.boxes.frame.tolist(), found.boxes.xyxy.tolist(), strict=True)} <= known
    assert compute_purity(found.boxes, made.truth) > 0.9
    assert found.report["detections"] < len(made.detections)  # those of low scores do not count


def test_boxes_and_regions_without_a_tracklet():
    """In frames 2, 4 … 20 of 24: a long track, a short one, an uncertain detection, and one of a very low score."""
    rows = [*walk(-1, range(1, 25)), *walk(-1, range(1, 7), x=300), *walk(-1, [4, 5], x=600), *walk(-1, [4], x=900)]
    given = annotation(rows)
    score = np.select([given.xyxy[:, 0] > 800, given.xyxy[:, 0] > 500], [0.05, 0.3], 0.9)
    sequence = Sequence("x", lambda: (Frame(n) for n in range(1, 25)), 24, 30.0, (200, 1000))
    which = Selection(start=2, every=2, frames=10)
    found = label_sequence(sequence, PrecomputedDetector(dataclasses.replace(given, score=score)), selection=which)
    assert found.boxes.frame.tolist() == [*range(2, 21, 2)]
    rest = found.rest
    assert set(rest.id.tolist()) == {-1}
    assert rest.frame.tolist() == sorted(rest.frame.tolist())
    sure, doubtful = rest[rest.score == 1], rest[rest.score == 0]
    assert [(n, x) for n, x in zip(sure.frame, sure.xyxy[:, 0], strict=True)] == [(2, 304), (4, 308), (6, 312)]
    whole = doubtful.xyxy[:, 2] == 1000
    assert (doubtful.frame[~whole].tolist(), doubtful.xyxy[~whole, 0].tolist()) == ([4], [608])
    assert doubtful.frame[whole].tolist() == [1, *range(3, 21, 2), 21, 22, 23, 24]
    assert np.all(doubtful.xyxy[whole] == [0, 0, 1000, 200])
    everything = label_sequence(dataclasses.replace(sequence, size_hw=None), PrecomputedDetector(given))
    assert len(everything.boxes) + len(everything.rest) == len(given)


@pytest.mark.parametrize("tracker", ["sort", "iou", "bytetrack"])
def test_every_tracker(tracker):
    made = make_street(people=10, frames=60)
    settings = LabelSettings(tracker=tracker)
    found = label_sequence(made.sequence, PrecomputedDetector(made.detections), settings)
    assert found.report["tracklets"] > 3
    assert compute_purity(found.boxes, made.truth) > 0.85


def test_scene_cut_in_a_video():
    """The boxes continue across the cut; only the images differ."""
    colours = [(200, 180, 160)] * 12 + [(30, 60, 90)] * 12

    def read():
        for number, bgr in enumerate(colours, start=1):
            yield Frame(number, np.full((90, 160, 3), bgr, dtype=np.uint8), (number - 1) / 30)

    sequence = Sequence("two", read, 24, 30.0, (180, 160))
    boxes = PrecomputedDetector(annotation(walk(-1, range(1, 25))), (180, 160))
    found = label_sequence(sequence, boxes, images=True)
    assert (found.report["scenes"], found.report["tracklets"]) == (2, 2)
    assert found.boxes.frame[found.boxes.id == 2].min() == 13
    assert label_sequence(sequence, boxes).report["tracklets"] == 1
    assert label_sequence(sequence, boxes, LabelSettings(scene_cut=None), images=True).report["tracklets"] == 1


def find_cuts(images) -> list[int]:
    cuts = SceneCuts(LabelSettings().scene_cut)
    for number, image in enumerate(images, start=1):
        cuts.update(Frame(number, image))
    return cuts.cuts


def test_gradual_brightening_is_no_cut():
    assert find_cuts(np.full((30, 40, 3), shade, np.uint8) for shade in range(0, 256, 4)) == []
    assert find_cuts(np.full((30, 40, 3), shade, np.uint8) for shade in (0, 4, 200, 204, 20)) == [3, 5]
    assert find_cuts([np.zeros((3, 2, 3), np.uint8)] * 3) == []


def test_colour_histogram_by_hand():
    """A quarter of the pixels are black, the others half-way between two shades of red."""
    image = np.zeros((20, 20, 3), np.uint8)
    image[5:, :, 2] = 51 * 1.5
    colours = colour_histogram(image)
    assert colours.sum() == pytest.approx(1)
    assert colours[[0, 1 * 36, 2 * 36]] == pytest.approx([0.25, 0.375, 0.375], abs=0.01)


def test_real_video_has_no_cuts(shared):
    sequence = open_source(shared / "data" / "videos" / "TUD-Campus.mp4")[0]
    other = next(iter(open_source(shared / "data" / "videos" / "KITTI-17.mp4")[0])).image
    images = [frame.image for frame in sequence]
    assert find_cuts(images[::7]) == []
    assert find_cuts([*images[:5], other]) == [6]


@pytest.mark.parametrize(("name", "least"), [("MOT17-09-SDP", 0.97), ("MOT17-09-FRCNN", 0.985), ("MOT17-09-DPM", 0.92)])
def test_purity_on_real_video(shared, name, least):
    folder = shared / "data" / "MOT17" / "train" / name
    sequence = open_source(folder)[0]
    found = label_sequence(sequence, PrecomputedDetector(read_detections(folder / "det" / "det.txt"), sequence.size_hw))
    assert compute_purity(found.boxes, read_ground_truth(folder / "gt" / "gt.txt")) > least
    assert found.report["tracklets"] > 35
