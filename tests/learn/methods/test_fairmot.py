"""Training of fairmot from footage to files, with a tiny network; error messages."""

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
from idfree.learn.data.warp import NO_AUGMENTATION
from idfree.learn.methods import one_shot, registry
from idfree.learn.methods.fairmot import FAIRMOT, FairmotSettings, objective
from idfree.learn.networks.jde import JdeNetwork
from idfree.learn.training import Training


@pytest.fixture(autouse=True)
def unexported(monkeypatch):
    """Replace the export, which is tested elsewhere and takes seconds; returns the metadata by file name."""
    written = {}
    monkeypatch.setattr(
        one_shot, "export", lambda network, settings, metadata, path: written.update({path.name: metadata})
    )
    return written


@pytest.fixture
def tiny(narrow):
    return replace(narrow.TINY, epochs=1)


def changed(footage, **columns):
    return replace(footage, boxes=replace(footage.boxes, **columns))


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_files_of_a_run(narrow, tiny, tmp_path, unexported):
    path = narrow.train_fairmot(tmp_path, tiny, trained_on="a synthetic street")
    assert path == tmp_path / "model.onnx"
    names = ["best.pt", "events.out.tfevents.0000000000.idfree", "last.pt", "metrics.jsonl", "settings.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    config = json.loads((tmp_path / "settings.json").read_text())
    assert (config["method"], config["backbone"], config["epochs"], config["augmentation"]["flip"]) == (
        "fairmot",
        "narrow",
        1,
        0.5,
    )
    assert config["data"].startswith("5 pictures of 1 footages, ")
    assert [line["iteration"] for line in metrics(tmp_path)] == [1, 2, 3, 3]  # three batches of two, and a validation
    assert {"heat", "offset", "size", "identity", "s_detection", "s_appearance"} < metrics(tmp_path)[0].keys()


def test_metadata_of_the_network(narrow, tiny, tmp_path):
    validation = one_shot.ValidationPlan(
        lambda network, metadata: {"MOTA": 0.5, "limit": 0.25, "farthest": 0.5}, metric="MOTA"
    )
    narrow.train_fairmot(
        tmp_path, tiny, validation=validation, classes=("person", "bicycle"), trained_on="a synthetic street"
    )
    network, settings, metadata = registry.open_tracker(tmp_path / "best.pt")
    assert metadata == {
        "method": "fairmot",
        "size": "64x96",
        "names": "{0: 'person', 1: 'bicycle'}",
        "trained_on": "a synthetic street",
        "limit": "0.25",
        "farthest": "0.5",
    }
    assert settings == tiny
    assert not network.training
    assert network.heads["heat"][-1].out_channels == 2


def test_the_moving_average_of_the_weights_is_used(narrow, tiny, tmp_path):
    narrow.train_fairmot(tmp_path, replace(tiny, ema=0.9), validation=None)
    state = load(tmp_path / "last.pt")
    weights = registry.open_tracker(tmp_path / "last.pt")[0].state_dict()
    assert all(torch.equal(weights[name], value) for name, value in state["ema"].items())
    assert any(not torch.equal(weights[name], value) for name, value in state["network"].items())


def test_images_without_objects_are_valid(narrow, tiny, tmp_path):
    street = narrow.make_footage()
    empty = replace(street, boxes=street.boxes[street.boxes.frame == 1])  # four of five are empty
    narrow.train_fairmot(tmp_path, replace(tiny, batch=1), [empty])
    lines = metrics(tmp_path)[:5]
    assert sum(line["offset"] == line["identity"] == 0 for line in lines) >= 4
    assert all(np.isfinite(line["loss"]) for line in lines)


def test_a_single_identity_has_no_identity_loss(narrow, tiny, tmp_path):
    street = narrow.make_footage()
    narrow.train_fairmot(tmp_path, tiny, [changed(street, id=np.ones_like(street.boxes.id))])
    assert [line["identity"] for line in metrics(tmp_path)[:3]] == [0, 0, 0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": -1}, "none of the boxes has an identity"),
        ({"score": 0}, "no boxes to train on in 5 images: street-3"),
    ],
)
def test_footage_without_objects_or_identities_is_refused(narrow, tiny, tmp_path, columns, message):
    street = narrow.make_footage()
    columns = {name: np.full(len(street.boxes), value) for name, value in columns.items()}
    with pytest.raises(UserError, match=message):
        narrow.train_fairmot(tmp_path, tiny, [changed(street, **columns)])


def test_an_unreadable_image_is_left_out(narrow, tiny, tmp_path, caplog):
    street = narrow.make_footage()

    def image(number):
        if number == 2:
            raise UserError("2.jpg: cut off")
        return street.image(number)

    with caplog.at_level(logging.WARNING):
        narrow.train_fairmot(tmp_path, tiny, [replace(street, image=image)])
    assert "2.jpg: cut off; the image is left out" in caplog.text
    assert metrics(tmp_path)[-1]["iteration"] == 3


def test_anchors_in_place_of_centres(narrow, tiny, tmp_path):
    narrow.train_fairmot(tmp_path, replace(tiny, anchors=True))
    assert isinstance(registry.open_tracker(tmp_path / "best.pt")[0], JdeNetwork)
    assert {"objectness", "box", "identity"} < metrics(tmp_path)[0].keys()
    with pytest.raises(UserError, match="anchors are for one class of objects, not 2"):
        narrow.train_fairmot(tmp_path / "two", replace(tiny, anchors=True), classes=("person", "car"))


def test_initial_weights_from_a_checkpoint(narrow, tiny, tmp_path, caplog):
    narrow.train_fairmot(tmp_path / "one", tiny)
    best = tmp_path / "one" / "best.pt"
    network = one_shot.initial_network(FAIRMOT, replace(tiny, init=str(best), dimension=16), 1)
    weights = load(best)["network"]
    assert torch.equal(network.state_dict()["backbone.last.0.weight"], weights["backbone.last.0.weight"])
    assert "its heads.embedding has another shape, and begins untrained" in caplog.text


def test_another_run_is_not_resumed(narrow, tiny, tmp_path):
    narrow.train_fairmot(tmp_path, tiny)
    with pytest.raises(UserError, match=r"of another run: lr was 0\.001, now 0\.01$"):
        narrow.train_fairmot(tmp_path, replace(tiny, lr=0.01, save_every=50), resume=True)
    with pytest.raises(UserError, match=r"data was '5 pictures.*now '4 pictures"):
        narrow.train_fairmot(tmp_path, tiny, [narrow.make_footage(frames=4)], resume=True)
    state = load(tmp_path / "last.pt")
    torch.save({**state, "settings": {**state["settings"], "method": "clmot"}}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="method was 'clmot', now 'fairmot'"):
        narrow.train_fairmot(tmp_path, tiny, resume=True)


def test_a_checkpoint_of_another_kind_is_refused(tmp_path):
    torch.save({"network": {}, "step": 1, "settings": {"method": "simplereid"}}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="is a run of simplereid, expected one of fairmot"):
        registry.open_tracker(tmp_path / "last.pt")


def test_a_checkpoint_with_other_weights_is_refused(narrow, tiny, tmp_path):
    narrow.train_fairmot(tmp_path, tiny)
    state = load(tmp_path / "best.pt")
    state["network"].pop("backbone.last.0.weight")
    torch.save(state, tmp_path / "best.pt")
    with pytest.raises(UserError, match=r"the checkpoint of idfree .* has other weights than narrow here"):
        registry.open_tracker(tmp_path / "best.pt")


def test_identities_are_removed_unless_a_method_uses_them(narrow, tiny):
    street = narrow.make_footage()
    assert FAIRMOT.dataset([street], ["person"]).identity_count == 3  # one of four is hidden in all frames
    blind = replace(FAIRMOT, name="blind", uses_identities=False)
    assert blind.dataset([street], ["person"]).identity_count == 0
    assert (blind.batches(tiny, blind.dataset([street], ["person"]), (0, 1))(0)["identity"] == -1).all()


@pytest.mark.parametrize("anchors", [False, True])
def test_every_parameter_is_trained(narrow, tiny, anchors):
    """One iteration changes all parameters, including those of the loss balance."""
    settings = replace(tiny, anchors=anchors, size="320x192", augmentation=NO_AUGMENTATION)  # of anchors' size
    dataset = LabelledImages.from_footages([narrow.make_footage(size_hw=(192, 320))])
    batch = FAIRMOT.batches(settings, dataset, (0, 1))(0)
    network, loss = FAIRMOT.network(settings, 1), objective(settings, dataset)
    before = {name: value.clone() for name, value in (*network.named_parameters(), *loss.named_parameters())}
    Training(network, loss, settings.make_schedule(3), {}, narrow.CPU).iterate(batch)
    after = dict((*network.named_parameters(), *loss.named_parameters()))
    assert not [name for name, value in before.items() if torch.equal(value, after[name])]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("size=608", "expected WIDTHxHEIGHT"),
        ("size=1088x9999968", "expected 16384 px a side at most"),
        ("accumulate=99999999999", "expected 100000 at most"),
        ("size=100x64", "expected multiples of 32"),
        ("sides=3", "expected 4 or 2"),
        ("lr=0", "expected more than 0"),
        ("ema=1", "expected 0…1"),
        ("balance=even", "expected 'learned' or 'frozen' or 'fixed'"),
        ("augmentation=5", "augmentation.NAME=VALUE"),
        ("epoch=3", "has no setting 'epoch'"),
    ],
)
def test_invalid_settings_are_refused(assignment, message):
    with pytest.raises(UserError, match=message):
        override(FairmotSettings(), [assignment])


def test_defaults_of_the_paper():
    plan = FairmotSettings().make_schedule(batches_per_epoch=100)
    assert (plan.iterations, plan.optimiser, plan.decay) == (3000, "adam", 0)
    assert [plan.learning_rate(100 * epoch) for epoch in (0, 19, 20, 26, 27, 29)] == pytest.approx(
        [1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6]
    )
    shape = FairmotSettings().batch_shape()
    assert (shape.images, shape.size_hw, shape.stride, shape.sides) == (12, (608, 1088), 4, 4)
