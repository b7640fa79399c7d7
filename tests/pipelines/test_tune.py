"""The search of tracker settings: first trial, seed, halves, and settings files."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracker_settings import read_settings
from idfree.pipelines.tune import tune
from idfree.pipelines.tuning.sequence import TuningSequence, record_detections, same_footage
from idfree.pipelines.tuning.settings_search import Search, Trial
from idfree.sequences.motchallenge import write_ground_truth
from idfree.synthetic.scene import make_street
from idfree.trackers.registry import SortSettings, make_tracker
from idfree.trackers.search_space import axes


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> TuningSequence:
    """A synthetic street with occlusions, for which SORT's patience of one frame is too short."""
    home = tmp_path_factory.mktemp("sets") / "street"
    made = make_street(people=12, frames=80, size_hw=(270, 480))
    write_ground_truth(home / "gt" / "gt.txt", made.truth)
    sequence = dataclasses.replace(made.sequence, name="street", folder=home)
    return record_detections(
        make_tracking_run(sequence, PrecomputedDetector(made.detections, (270, 480)), "sort", images=False)
    )


def search(footage: TuningSequence, **changes: object) -> Search:
    space = axes("sort", (), np.array([0.0, 1.0]))
    return dataclasses.replace(Search("sort", SortSettings(), space, [footage], "HOTA"), **changes)


def test_the_search_starts_from_the_defaults_and_improves_them(footage):
    pytest.importorskip("optuna", reason="the search needs optuna")
    plan = search(footage)
    trials = list(plan.trials(15, seed=1))
    assert trials[0].settings == SortSettings()
    best = plan.best(trials)
    assert best.metrics["HOTA"] > trials[0].metrics["HOTA"] + 0.02
    assert best.settings.patience > 1 / 30
    again = list(plan.trials(15, seed=1))
    assert [t.settings for t in again] == [t.settings for t in trials]
    assert [t.settings for t in plan.trials(3, seed=2)] != [t.settings for t in trials[:3]]


def test_metrics_that_are_minimised(footage):
    pytest.importorskip("optuna", reason="the search needs optuna")
    plan = search(footage, metric="IDSW", lower_is_better=True)
    trials = list(plan.trials(8))
    assert plan.best(trials).metrics["IDSW"] == min(t.metrics["IDSW"] for t in trials)
    assert plan.best([trials[0], trials[0]]) is trials[0]


def test_halves_are_those_of_the_evaluation(footage):
    """Of 80 frames, 41 train; before the second half, the first half is tracked."""
    train, val = footage.select_half("train"), footage.select_half("val")
    assert (train.frames, val.frames, len(train.views), len(val.views)) == (41, 39, 41, 80)
    assert len(train.ground_truth) + len(val.ground_truth) == len(footage.ground_truth)
    whole = footage.score("sort", SortSettings()).totals
    parts = train.score("sort", SortSettings()).totals + val.score("sort", SortSettings()).totals
    assert (parts.dets, parts.gt_dets, parts.frames) == (whole.dets, whole.gt_dets, 80)
    assert footage.select_half("none") is footage


def test_images_are_not_kept(footage):
    assert all(view.frame.image is None and view.embedder is None for _, view in footage.views)


def test_same_footage():
    assert same_footage(["MOT17-04-FRCNN", "MOT17-02-SDP"], ["MOT17-04-SDP"]) == ["MOT17-04-FRCNN"]
    assert same_footage(["street"], ["street", "MOT17-04-SDP"]) == ["street"]


def test_settings_files_restore_the_settings(footage, tmp_path):
    """With every digit, and with infinities, which JSON has no numbers for."""
    settings = SortSettings(min_iou=0.1 + 0.2, patience=0.4)
    trials = [
        Trial(SortSettings(), {"HOTA": 0.5}),
        Trial(settings, {"HOTA": 0.6}),
        Trial(SortSettings(), {"HOTA": 0.6}),
    ]
    record = search(footage).record(trials, seed=3)
    assert [record[key] for key in ("value", "default_value", "trials", "seed")] == [0.6, 0.5, 3, 3]
    (tmp_path / "a.json").write_text(json.dumps(record, allow_nan=False))
    tracker, assignments = read_settings(tmp_path / "a.json")
    assert tracker == "sort"
    assert make_tracker(tracker, assignments).settings == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sort", "a.json: is not JSON"),
        ("[]", 'a.json: expected {"tracker"'),
        ('{"tracker": "sort"}', 'a.json: expected {"tracker"'),
        ('{"tracker": "sort", "settings": [1]}', 'a.json: expected {"tracker"'),
        ('{"settings": {}}', "a.json: unknown tracker None"),
        ('{"tracker": "best", "settings": {}}', "a.json: unknown tracker 'best'; there are: sort"),
        ('{"tracker": ["sort"], "settings": {}}', "a.json: unknown tracker"),
        ('{"tracker": "sort", "settings": {"age": 1}}', "a.json: age=1: SortSettings has no setting 'age'"),
        ('{"tracker": "sort", "settings": {"min_hits": 1.5}}', "a.json: min_hits=1.5: expected int"),
        ('{"tracker": "sort", "settings": {"min_hits": [2]}}', "expected int"),
        ("\xff", "a.json is not a text file"),
    ],
)
def test_broken_settings_files(tmp_path: Path, text: str, message: str):
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError) as error:
        read_settings(tmp_path / "a.json")
    assert message in str(error.value)


def test_no_settings_file(tmp_path):
    with pytest.raises(UserError, match=r"no such file: .*nothing\.json"):
        read_settings(tmp_path / "nothing.json")
    with pytest.raises(UserError, match="is a folder"):
        read_settings(tmp_path)


def test_a_tracker_that_regresses_boxes_is_a_sentence():
    with pytest.raises(UserError, match="--tracker tracktor: cannot be tuned"):
        tune([], "det", tracker="tracktor")
