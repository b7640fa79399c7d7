"""FairMOT's training from footage to files, on a network of a few thousand parameters; what goes wrong is named."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.learn.checkpoint import load
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.warp import STILL
from idfree.learn.methods import one_shot, registry
from idfree.learn.methods.fairmot import FAIRMOT, FairmotSettings, objective
from idfree.learn.networks.anchors import AnchorNetwork
from idfree.learn.training import Training


@pytest.fixture(autouse=True)
def unexported(monkeypatch):
    """Leave out the export, which has tests of its own and takes seconds; gives what would stand in the file."""
    written = {}
    monkeypatch.setattr(one_shot, "export", lambda network, settings, known, path: written.update({path.name: known}))
    return written


@pytest.fixture
def tiny(narrow):
    return replace(narrow.TINY, epochs=1)


def changed(footage, **columns):
    return replace(footage, boxes=replace(footage.boxes, **columns))


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_everything_in_its_place(narrow, tiny, tmp_path, unexported):
    path = narrow.learn(tmp_path, tiny, trained_on="a made-up street")
    assert path == tmp_path / "model.onnx"
    names = ["best.pt", "events.out.tfevents.0000000000.idfree", "last.pt", "metrics.jsonl", "settings.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    said = json.loads((tmp_path / "settings.json").read_text())
    assert (said["method"], said["backbone"], said["epochs"], said["augmentation"]["flip"]) == (
        "fairmot",
        "narrow",
        1,
        0.5,
    )
    assert said["data"].startswith("5 pictures of 1 footages, ")
    assert [line["iteration"] for line in metrics(tmp_path)] == [1, 2, 3, 3]  # three of two, and a judgement
    assert {"heat", "offset", "size", "identity", "s_detection", "s_appearance"} < metrics(tmp_path)[0].keys()


def test_what_is_known_of_the_network(narrow, tiny, tmp_path):
    judging = one_shot.ValidationPlan(lambda network, known: {"MOTA": 0.5, "limit": 0.25, "farthest": 0.5}, by="MOTA")
    narrow.learn(tmp_path, tiny, judging=judging, classes=("person", "bicycle"), trained_on="a made-up street")
    network, settings, known = registry.opened(tmp_path / "best.pt")
    assert known == {
        "method": "fairmot",
        "size": "64x96",
        "names": "{0: 'person', 1: 'bicycle'}",
        "trained_on": "a made-up street",
        "limit": "0.25",
        "farthest": "0.5",
    }
    assert settings == tiny
    assert not network.training
    assert network.heads["heat"][-1].out_channels == 2


def test_the_mean_of_the_weights_is_what_is_used(narrow, tiny, tmp_path):
    narrow.learn(tmp_path, replace(tiny, ema=0.9), judging=None)
    state = load(tmp_path / "last.pt")
    weights = registry.opened(tmp_path / "last.pt")[0].state_dict()
    assert all(torch.equal(weights[name], value) for name, value in state["ema"].items())
    assert any(not torch.equal(weights[name], value) for name, value in state["network"].items())


def test_pictures_without_anybody_do_no_harm(narrow, tiny, tmp_path):
    street = narrow.made_up()
    empty = replace(street, boxes=street.boxes[street.boxes.frame == 1])  # four of five show nobody
    narrow.learn(tmp_path, replace(tiny, batch=1), [empty])
    lines = metrics(tmp_path)[:5]
    assert sum(line["offset"] == line["identity"] == 0 for line in lines) >= 4
    assert all(np.isfinite(line["loss"]) for line in lines)


def test_one_person_alone_is_no_one_else(narrow, tiny, tmp_path):
    street = narrow.made_up()
    narrow.learn(tmp_path, tiny, [changed(street, id=np.ones_like(street.boxes.id))])
    assert [line["identity"] for line in metrics(tmp_path)[:3]] == [0, 0, 0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": -1}, "none of the boxes has an identity"),
        ({"score": 0}, "no boxes to train on in 5 pictures: street-3"),
    ],
)
def test_nothing_to_learn_is_said(narrow, tiny, tmp_path, columns, message):
    street = narrow.made_up()
    columns = {name: np.full(len(street.boxes), value) for name, value in columns.items()}
    with pytest.raises(UserError, match=message):
        narrow.learn(tmp_path, tiny, [changed(street, **columns)])


def test_a_damaged_picture_is_left_out(narrow, tiny, tmp_path, caplog):
    street = narrow.made_up()

    def image(number):
        if number == 2:
            raise UserError("2.jpg: cut off")
        return street.image(number)

    with caplog.at_level(logging.WARNING):
        narrow.learn(tmp_path, tiny, [replace(street, image=image)])
    assert "2.jpg: cut off; the picture is left out" in caplog.text
    assert metrics(tmp_path)[-1]["iteration"] == 3


def test_anchors_in_place_of_centres(narrow, tiny, tmp_path):
    narrow.learn(tmp_path, replace(tiny, anchors=True))
    assert isinstance(registry.opened(tmp_path / "best.pt")[0], AnchorNetwork)
    assert {"objectness", "box", "identity"} < metrics(tmp_path)[0].keys()
    with pytest.raises(UserError, match="anchors are for one class of objects, not 2"):
        narrow.learn(tmp_path / "two", replace(tiny, anchors=True), classes=("person", "car"))


def test_weights_to_begin_with_are_a_run_s_own(narrow, tiny, tmp_path, caplog):
    narrow.learn(tmp_path / "one", tiny)
    best = tmp_path / "one" / "best.pt"
    network = one_shot.begun(FAIRMOT, replace(tiny, init=str(best), dimension=16), 1)
    weights = load(best)["network"]
    assert torch.equal(network.state_dict()["backbone.last.0.weight"], weights["backbone.last.0.weight"])
    assert "its heads.embedding has another shape, and begins untrained" in caplog.text


def test_runs_are_told_apart(narrow, tiny, tmp_path):
    narrow.learn(tmp_path, tiny)
    with pytest.raises(UserError, match=r"of another run: lr was 0\.001, now 0\.01$"):
        narrow.learn(tmp_path, replace(tiny, lr=0.01, save_every=50), resume=True)
    with pytest.raises(UserError, match=r"data was '5 pictures.*now '4 pictures"):
        narrow.learn(tmp_path, tiny, [narrow.made_up(frames=4)], resume=True)
    state = load(tmp_path / "last.pt")
    torch.save({**state, "settings": {**state["settings"], "method": "clmot"}}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="method was 'clmot', now 'fairmot'"):
        narrow.learn(tmp_path, tiny, resume=True)


def test_a_checkpoint_of_another_kind_is_no_tracker(tmp_path):
    torch.save({"network": {}, "step": 1, "settings": {"method": "simplereid"}}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="is a run of simplereid, expected one of fairmot"):
        registry.opened(tmp_path / "last.pt")


def test_a_checkpoint_of_another_version_is_named(narrow, tiny, tmp_path):
    narrow.learn(tmp_path, tiny)
    state = load(tmp_path / "best.pt")
    state["network"].pop("backbone.last.0.weight")
    torch.save(state, tmp_path / "best.pt")
    with pytest.raises(UserError, match=r"the checkpoint of idfree .* has other weights than narrow here"):
        registry.opened(tmp_path / "best.pt")


def test_methods_without_identities_do_not_see_any(narrow, tiny):
    street = narrow.made_up()
    assert FAIRMOT.scenes([street], ["person"]).identities == 3  # one of four is hidden throughout
    blind = replace(FAIRMOT, name="blind", identities=False)
    assert blind.scenes([street], ["person"]).identities == 0
    assert (blind.batches(tiny, blind.scenes([street], ["person"]), (0, 1))(0)["identity"] == -1).all()


@pytest.mark.parametrize("anchors", [False, True])
def test_every_part_learns(narrow, tiny, anchors):
    """After an iteration, all parameters have changed, the balance's among them."""
    settings = replace(tiny, anchors=anchors, size="320x192", augmentation=STILL)  # of anchors' size
    scenes = LabelledImages.of([narrow.made_up(size_hw=(192, 320))])
    batch = FAIRMOT.batches(settings, scenes, (0, 1))(0)
    network, goal = FAIRMOT.network(settings, 1), objective(settings, scenes)
    before = {name: value.clone() for name, value in (*network.named_parameters(), *goal.named_parameters())}
    Training(network, goal, settings.plan(3), {}, narrow.CPU).learn(batch)
    after = dict((*network.named_parameters(), *goal.named_parameters()))
    assert not [name for name, value in before.items() if torch.equal(value, after[name])]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("size=608", "expected WIDTHxHEIGHT"),
        ("size=100x64", "expected multiples of 32"),
        ("sides=3", "expected 4 or 2"),
        ("lr=0", "expected more than 0"),
        ("ema=1", "expected 0…1"),
        ("balance=even", "expected 'learned' or 'frozen' or 'fixed'"),
        ("augmentation=5", "augmentation.NAME=VALUE"),
        ("epoch=3", "has no setting 'epoch'"),
    ],
)
def test_settings_are_checked(assignment, message):
    with pytest.raises(UserError, match=message):
        override(FairmotSettings(), [assignment])


def test_defaults_are_the_paper_s():
    plan = FairmotSettings().plan(per_epoch=100)
    assert (plan.iterations, plan.optimiser, plan.decay) == (3000, "adam", 0)
    assert [plan.rate(100 * epoch) for epoch in (0, 19, 20, 26, 27, 29)] == pytest.approx(
        [1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6]
    )
    shape = FairmotSettings().shape()
    assert (shape.pictures, shape.size_hw, shape.stride, shape.sides) == (12, (608, 1088), 4, 4)
