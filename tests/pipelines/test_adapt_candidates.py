"""The candidates of `idfree adapt`, merged tracklets, and which candidate wins."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from idfree.appearance import open_encoder
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.crop_network import CropNetwork
from idfree.appearance.crops import crop_boxes
from idfree.appearance.people_crops import FILE
from idfree.core.cropset import CropSet
from idfree.core.errors import MissingExtra, UserError
from idfree.pipelines.adapt import (
    TrainingPlan,
    advise_training,
    decide_training,
    make_candidates,
    open_teacher,
    warn_of_other_videos,
)
from idfree.pipelines.adaptation.candidates import (
    Candidate,
    CropAppearance,
    adapted_candidate,
    closed_form_candidates,
    colour_candidate,
    people_candidate,
    teacher_candidate,
)
from idfree.pipelines.adaptation.choice import choose
from idfree.pipelines.adaptation.crops import LabelledCrops
from idfree.pipelines.adaptation.merge import merge_tracklets
from idfree.pipelines.adaptation.relink import FEW_JUDGED, Relinked, cut_tracklets
from idfree.pipelines.adaptation.report import NO_TORCH
from idfree.pipelines.adaptation.trained_candidate import MOST_HELD_OUT, held_out_fraction, reason_not_to_train
from idfree.pipelines.labelling.crop_sets import HELD_OUT
from idfree.synthetic.scene import make_street

RATE = 20.0


@pytest.fixture(scope="module")
def crops() -> CropSet:
    """Every second crop of the people of a street, who are the tracklets."""
    street = make_street(0, people=8, frames=60, size_hw=(240, 426))
    parts = []
    for frame in street.sequence:
        rows = street.truth.rows_at(frame.number)
        if frame.number % 2 and frame.image is not None:
            parts.append(crop_boxes(frame.image, street.truth.xyxy[rows], (128, 64)))
    truth = street.truth[street.truth.frame % 2 == 1]
    tracklet = np.unique(truth.id, return_inverse=True)[1].astype(np.int64)
    return CropSet(np.concatenate(parts), tracklet, truth.frame, np.zeros_like(tracklet), truth.xyxy)


@pytest.fixture(scope="module")
def appearance(crops: CropSet) -> CropAppearance:
    cuts = cut_tracklets(crops, np.ones(crops.tracklet_count, dtype=bool), [RATE])
    return CropAppearance.of(crops, cuts, np.array([RATE]), 0.5, "a street")


def written(candidate: Candidate | None, path):
    assert candidate is not None
    assert candidate.file is not None
    path.write_bytes(candidate.file)
    return open_encoder(path)


def test_each_file_gives_the_embeddings_and_the_threshold_that_were_tested(appearance, tmp_path):
    everything = np.ones(appearance.crops.tracklet_count, dtype=bool)
    candidates = [
        colour_candidate(appearance),
        people_candidate(appearance),
        adapted_candidate(appearance, everything, 0),
    ]
    lengths = []
    for number, candidate in enumerate(candidates):
        encoder = written(candidate, tmp_path / f"{number}.onnx")
        assert candidate is not None
        assert encoder.match_threshold == candidate.threshold
        lengths.append(encoder.embed_crops(appearance.crops.crops[:2]).shape[1])
    colour = ColourHistogram()
    assert lengths == [colour.dimension, 64 + colour.dimension, 64 + colour.dimension]
    carried = open_encoder(tmp_path / "0.onnx")
    assert np.array_equal(
        carried.embed_crops(appearance.crops.crops[:2]), colour.embed_crops(appearance.crops.crops[:2])
    )
    box, adapted = (open_encoder(tmp_path / f"{n}.onnx").embed_crops(appearance.crops.crops[:2]) for n in (1, 2))
    assert not np.allclose(box, adapted)


def test_without_pairs_nothing_is_adapted_or_calibrated(appearance):
    one = appearance.crops.tracklet == 0
    alone = CropSet(*(getattr(appearance.crops, name)[one] for name in ("crops", "tracklet", "frame", "video", "xyxy")))
    cuts = cut_tracklets(alone, np.ones(1, dtype=bool), [RATE])
    few = CropAppearance.of(alone, cuts, np.array([RATE]), 0.5, "")
    assert adapted_candidate(few, np.zeros(1, dtype=bool), 0) is None
    assert people_candidate(few).threshold is None


def test_a_teacher_is_tested_as_the_file_that_it_is(appearance, tmp_path):
    teacher = teacher_candidate(appearance, FILE, CropNetwork(FILE))
    box = people_candidate(appearance)
    assert np.array_equal(teacher.relinked.score, box.relinked.score)
    assert written(teacher, tmp_path / "teacher.onnx").match_threshold == box.threshold


def test_training_needs_pytorch_only_if_it_is_asked_for(monkeypatch):
    monkeypatch.setattr("idfree.pipelines.adapt.can_train", lambda: False)
    assert not decide_training(None, [])
    assert not decide_training(False, ["lr=0.1"])
    for train, assignments in ((True, []), (None, ["iterations=5"])):
        with pytest.raises(MissingExtra, match=r"training a network .* needs the package torch"):
            decide_training(train, assignments)
    monkeypatch.setattr("idfree.pipelines.adapt.can_train", lambda: True)
    assert decide_training(None, [])
    assert not decide_training(False, [])
    with pytest.raises(UserError, match=r"--teacher a\.xml: expected a crop network MODEL\.onnx"):
        open_teacher(Path("a.xml"), "cpu")


def test_too_few_held_out_tracklets_are_told_before_training(appearance, caplog, monkeypatch):
    """A trained network is judged on held-out cut tracklets alone: without FEW_JUDGED of them it cannot win."""
    cut = np.unique([each.tracklet for each in appearance.cuts])
    assert len(cut) >= FEW_JUDGED
    held_out = np.zeros(appearance.crops.tracklet_count, dtype=bool)
    held_out[cut[: FEW_JUDGED - 1]] = True
    reason = reason_not_to_train(appearance.cuts, held_out)
    assert reason is not None
    assert f"of {len(held_out)} tracklets found, {len(cut)} are long enough" in reason
    assert f"{FEW_JUDGED - 1} of these are held out from training (expected {FEW_JUDGED}" in reason
    held_out[cut[FEW_JUDGED - 1]] = True
    assert reason_not_to_train(appearance.cuts, held_out) is None

    assert held_out_fraction([]) == MOST_HELD_OUT
    assert held_out_fraction([replace(appearance.cuts[0], tracklet=n) for n in range(30)]) == pytest.approx(6 / 30)
    assert held_out_fraction([replace(appearance.cuts[0], tracklet=n) for n in range(300)]) == HELD_OUT

    assert advise_training(is_asked=False, reason=reason)[0].startswith("No network was trained: too")
    assert not caplog.text
    assert not advise_training(is_asked=True, reason=reason)
    assert "A network is trained, as you ask for it, but cannot be accepted" in caplog.text
    monkeypatch.setattr("idfree.pipelines.adapt.can_train", lambda: True)
    assert not advise_training(is_asked=False, reason=None)
    monkeypatch.setattr("idfree.pipelines.adapt.can_train", lambda: False)
    assert advise_training(is_asked=False, reason=None) == [NO_TORCH]


def candidate(name: str, is_right: list[int], is_judged: list[int] | None = None) -> Candidate:
    right = np.array(is_right, dtype=bool)
    judged = np.ones(len(right), dtype=bool) if is_judged is None else np.array(is_judged, dtype=bool)
    return Candidate(name, Relinked(right, right), judged, b"")


def test_the_first_of_equal_candidates_wins_and_a_better_one_is_accepted(appearance):
    cuts, xyxy = appearance.cuts, appearance.crops.xyxy
    none, every = [0] * len(cuts), [1] * len(cuts)
    winner, told = choose([candidate("colour", none), candidate("people", none)], cuts, xyxy)
    assert (winner.name, told["gain"]) == ("colour", None)
    winner, told = choose(
        [candidate("colour", none), candidate("people", every), candidate("adapted", every)], cuts, xyxy
    )
    assert (winner.name, told["gain"], told["standard_error"]) == ("people", 1, 0)
    assert told["candidates"]["adapted"] == {
        "rank1": 1, "right": 1, "over": "people", "gain": 0, "standard_error": 0
    }  # fmt: skip
    assert told["candidates"]["nothing"]["right"] is None
    few = [cut.tracklet < 2 for cut in cuts]
    winner, _ = choose([candidate("colour", none), candidate("trained", every, few)], cuts, xyxy)
    assert winner.name == "colour"  # judged on too few


def walker(*spans: tuple[int, int, float, int]) -> CropSet:
    """Tracklets of two crops each: first and last frame, x of the left edge, person."""
    number = np.arange(len(spans)).repeat(2)
    frame = np.array([frame for first, last, _, _ in spans for frame in (first, last)])
    box = np.array([[x, 0.0, x + 40, 80] for _, _, x, _ in spans])[number]
    return CropSet(np.zeros((len(number), 4, 4, 3), np.uint8), number, frame, np.zeros_like(number), box)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(1, 20, 0, 0), (40, 60, 50, 0)], [0, 0]),  # 2 s later, half a height on
        ([(1, 20, 0, 0), (40, 60, 900, 0)], [0, 1]),  # too far to walk
        ([(1, 20, 0, 0), (15, 60, 50, 0)], [0, 1]),  # seen at the same time
        ([(1, 20, 0, 0), (140, 160, 50, 0)], [0, 1]),  # 12 s later
        ([(1, 20, 0, 0), (40, 60, 50, 1)], [0, 1]),  # somebody else
    ],
)
def test_tracklets_of_one_person_are_merged_if_a_walk_explains_them(spans, expected):
    crops = walker(*spans)
    person = np.eye(2, dtype=np.float32)[[each[3] for each in spans]].repeat(2, axis=0)
    merged = merge_tracklets(crops, person, 0.1, np.array([10.0]))
    assert merged[::2].tolist() == expected
    assert np.array_equal(merged[::2], merged[1::2])


def test_only_mutual_nearest_tracklets_are_merged():
    crops = walker((1, 20, 0, 0), (30, 40, 10, 0), (45, 60, 20, 0))
    embedding = np.float32([[1, 0], [0.98, 0.199], [0.999, 0.04]]).repeat(2, axis=0)
    assert merge_tracklets(replace(crops), embedding, 0.5, np.array([10.0]))[::2].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ({"a": {}}, True),  # a file of boxes has no names
        ({"a": {"class_names": ["person"]}, "b": {"class_names": []}}, True),
        ({"a": {"class_names": ["person", "car"]}}, False),
    ],
)
def test_of_people_the_adapted_network_comes_first_and_of_others_colour(appearance, reports, expected):
    labelled = LabelledCrops.of(appearance.crops, reports, appearance.frame_rate, 0)
    assert labelled.are_people == expected
    everything = np.ones(appearance.crops.tracklet_count, dtype=bool)
    names = [each.name for each in closed_form_candidates(appearance, everything, 0, labelled.are_people)]
    assert names == (["adapted", "people", "colour"] if expected else ["colour", "people", "adapted"])


def test_a_teacher_comes_first_as_the_default(crops, tmp_path):
    labelled = LabelledCrops.of(crops, {"street": {}}, np.array([RATE]), seed=0)
    plan = TrainingPlan(False, True, False, (), tmp_path, "cpu", True)
    candidates, _, _ = make_candidates(labelled, (FILE, CropNetwork(FILE)), plan, 0.5, 0)
    assert [each.name for each in candidates][:2] == ["teacher", "adapted"]


def test_a_model_of_other_videos_is_named_before_it_is_replaced(tmp_path, caplog):
    (tmp_path / "appearance.onnx").touch()
    for content in ("", "[]", "5", '{"videos": 5}', '{"other": {}}', '{"videos": {"street": {}}}'):
        (tmp_path / "report.json").write_text(content)
        warn_of_other_videos(tmp_path, ["street"])
    assert not caplog.messages
    warn_of_other_videos(tmp_path, ["garden"])
    assert caplog.messages == [f"{tmp_path / 'appearance.onnx'}: the model of another run (street) is replaced"]
