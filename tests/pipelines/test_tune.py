"""The search for settings: its space, its first trial, its seed, and the files it writes."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.track import prepare
from idfree.pipelines.tune import Search, Trial, TuningSequence, read_settings, same_footage, watch
from idfree.sequences.motchallenge import write_truth
from idfree.synthetic.scene import street
from idfree.trackers.registry import TRACKERS, SortSettings, make_tracker
from idfree.trackers.search_space import SPACE, Axis, axes

SEARCHED = [(tracker, name) for tracker in TRACKERS for name in SPACE[tracker]]


def default_of(tracker: str, name: str) -> float:
    return getattr(TRACKERS[tracker][1](), name)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> TuningSequence:
    """A made-up street whose people hide each other: SORT's patience of one frame is too short for it."""
    home = tmp_path_factory.mktemp("sets") / "street"
    made = street(people=12, frames=80, size_hw=(270, 480))
    write_truth(home / "gt" / "gt.txt", made.truth)
    sequence = dataclasses.replace(made.sequence, name="street", folder=home)
    return watch(prepare(sequence, PrecomputedDetector(made.detections, (270, 480)), "sort", images=False))


def search(footage: TuningSequence, **changes: object) -> Search:
    space = axes("sort", (), np.array([0.0, 1.0]))
    return dataclasses.replace(Search("sort", SortSettings(), space, [footage], "HOTA"), **changes)


@pytest.mark.parametrize(("tracker", "name"), SEARCHED)
def test_ranges_are_of_settings_and_hold_their_defaults(tracker, name):
    kind = TRACKERS[tracker][1]
    assert name in {field.name for field in dataclasses.fields(kind)}
    (low, high), default = SPACE[tracker][name], default_of(tracker, name)
    assert type(low) is type(high) is type(default)
    assert low < high
    assert low <= default <= high or math.isinf(default)
    for value in (low, high):
        TRACKERS[tracker][0](kind(**{name: value}))


@pytest.mark.parametrize("tracker", TRACKERS)
def test_every_number_is_searched_that_does_something(tracker):
    numbers = {f.name for f in dataclasses.fields(TRACKERS[tracker][1]) if isinstance(f.default, (int, float))}
    without_effect = {"smoothing"} if tracker == "bytetrack" else set()  # of embeddings, which it does not look at
    assert numbers - without_effect == set(SPACE[tracker])


def test_scores_of_another_range():
    """Where scores are not in 0…1, the ends of a range are quantiles; the default is within all the same."""
    scores = np.linspace(-1, 3, 101)
    by_name = {axis.name: axis for axis in axes("bytetrack", (), scores)}
    assert (by_name["low_score"].low, by_name["low_score"].high) == pytest.approx((-1, 0.2))  # 0 and 0.3 of the way
    assert (by_name["high_score"].low, by_name["high_score"].high) == pytest.approx((0.2, 2.2))
    assert by_name["max_distance"] == {a.name: a for a in axes("bytetrack", (), scores / 4 + 0.25)}["max_distance"]
    far = {axis.name: axis for axis in axes("bytetrack", (), 10 * scores + 100)}["new_score"]
    assert (far.low, far.start) == (0.7, 0.7)
    floor = next(axis for axis in axes("sort", (), scores) if axis.name == "min_score")
    assert (floor.low, floor.start, floor.default) == (-1, -1, -np.inf)


def test_a_fixed_setting_is_not_searched():
    assert "max_age" not in {axis.name for axis in axes("sort", {"max_age"}, np.zeros(0))}
    with pytest.raises(UserError, match="fixes every setting of sort"):
        axes("sort", set(SPACE["sort"]), np.zeros(0))
    with pytest.raises(UserError, match="there are ranges to search for sort"):
        axes("best", (), np.zeros(0))


class Says:
    """A trial that suggests what it is told to."""

    def __init__(self, value: float):
        self.value = value

    def suggest_float(self, name: str, low: float, high: float) -> float:
        return self.value

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return int(self.value)

    def suggest_categorical(self, name: str, choices: list[bool]) -> bool:
        return bool(self.value)


def test_axes_speak_the_settings_own_types():
    assert Axis("min_score", 0.0, 0.8, -np.inf).suggest(Says(0.0)) == -np.inf
    assert Axis("min_score", 0.0, 0.8, -np.inf).suggest(Says(0.123456)) == 0.1235
    assert Axis("max_aspect", 0.8, 5.0, np.inf).suggest(Says(5.0)) == np.inf
    assert Axis("max_age", 0, 90, 1).suggest(Says(7)) == 7
    assert Axis("use_byte", False, True, False).suggest(Says(1)) is True


def test_first_the_defaults_then_better(footage):
    pytest.importorskip("optuna", reason="the search needs optuna")
    plan = search(footage)
    trials = list(plan.trials(15, seed=1))
    assert trials[0].settings == SortSettings()
    best = plan.best(trials)
    assert best.figures["HOTA"] > trials[0].figures["HOTA"] + 0.02
    assert best.settings.max_age > 1
    again = list(plan.trials(15, seed=1))
    assert [t.settings for t in again] == [t.settings for t in trials]
    assert [t.settings for t in plan.trials(3, seed=2)] != [t.settings for t in trials[:3]]


def test_less_may_be_better(footage):
    pytest.importorskip("optuna", reason="the search needs optuna")
    plan = search(footage, metric="IDSW", lower=True)
    trials = list(plan.trials(8))
    assert plan.best(trials).figures["IDSW"] == min(t.figures["IDSW"] for t in trials)
    assert plan.best([trials[0], trials[0]]) is trials[0]


def test_halves_are_those_of_the_evaluation(footage):
    """Of 80 frames, 41 train; the second half is seen by a tracker that has seen the first."""
    train, val = footage.cut("train"), footage.cut("val")
    assert (train.frames, val.frames, len(train.seen), len(val.seen)) == (41, 39, 41, 80)
    assert len(train.truth) + len(val.truth) == len(footage.truth)
    whole = footage.scores("sort", SortSettings()).size
    parts = train.scores("sort", SortSettings()).size + val.scores("sort", SortSettings()).size
    assert (parts.dets, parts.gt_dets, parts.frames) == (whole.dets, whole.gt_dets, 80)
    assert footage.cut("none") is footage


def test_nothing_of_the_pictures_is_kept(footage):
    assert all(view.frame.image is None and view.embedder is None for _, view in footage.seen)


def test_same_footage():
    assert same_footage(["MOT17-04-FRCNN", "MOT17-02-SDP"], ["MOT17-04-SDP"]) == ["MOT17-04-FRCNN"]
    assert same_footage(["street"], ["street", "MOT17-04-SDP"]) == ["street"]


def test_settings_files_say_what_was_said(footage, tmp_path):
    """Every digit of a setting, and infinities, which JSON does not know."""
    settings = SortSettings(min_iou=0.1 + 0.2, max_age=12)
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
        ("sort", "a.json: is no JSON"),
        ("[]", 'a.json: expected {"tracker"'),
        ('{"tracker": "sort"}', 'a.json: expected {"tracker"'),
        ('{"tracker": "sort", "settings": [1]}', 'a.json: expected {"tracker"'),
        ('{"settings": {}}', "a.json: unknown tracker None"),
        ('{"tracker": "best", "settings": {}}', "a.json: unknown tracker 'best'; there are: sort"),
        ('{"tracker": ["sort"], "settings": {}}', "a.json: unknown tracker"),
        ('{"tracker": "sort", "settings": {"age": 1}}', "a.json: age=1: SortSettings has no setting 'age'"),
        ('{"tracker": "sort", "settings": {"max_age": 1.5}}', "a.json: max_age=1.5: expected int"),
        ('{"tracker": "sort", "settings": {"max_age": [2]}}', "expected int"),
        ("\xff", "a.json: is no JSON"),
    ],
)
def test_broken_settings_files(tmp_path: Path, text: str, message: str):
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError) as error:
        read_settings(tmp_path / "a.json")
    assert message in str(error.value)


def test_no_settings_file(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*nothing\.json: No such file"):
        read_settings(tmp_path / "nothing.json")
    with pytest.raises(UserError, match="cannot read"):
        read_settings(tmp_path)
