"""clmot and outrack: they learn from boxes of any footage, and from nobody's identity."""

import json
import logging
from dataclasses import fields, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.learn.checkpoint import load
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.views import FramePairs, TwoViews
from idfree.learn.data.warp import STILL, ImageAugmentation
from idfree.learn.log import recent
from idfree.learn.methods import one_shot, registry
from idfree.learn.methods.clmot import CLMOT, ClmotSettings
from idfree.learn.methods.fairmot import FAIRMOT
from idfree.learn.methods.outrack import OUTRACK, OutrackSettings
from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.objectives.gather import gather

KINDS = {
    "triplet-hard": (CLMOT, []),
    "triplet-all": (CLMOT, ["objective=triplet-all", "violating=true", "balance=frozen", "around=1"]),
    "nt-xent": (CLMOT, ["objective=nt-xent", "projection=4", "detect=both"]),
    "utrack": (OUTRACK, []),
    "hinge": (OUTRACK, ["negative=hinge", "placeholder=zero", "views=both", "balance=fixed"]),
    "images": (OUTRACK, ["views=images"]),
    "cycas": (OUTRACK, ["objective=cycas"]),
}
SIMILAR = {"similarity_same", "similarity_other"}
TOLD = {CLMOT: {"contrast"} | SIMILAR, OUTRACK: {"intra", "inter", "cycle", "negative", "placeholder"} | SIMILAR}


@pytest.fixture
def mixed(narrow):
    """A video, and still images; the third has nobody in it, the fourth one person alone."""
    video, stills = narrow.made_up(frames=4), narrow.made_up(4, people=6, frames=4)
    boxes = stills.boxes
    alone = np.arange(len(boxes)) == boxes.rows_at(4).start
    kept = (boxes.frame != 3) & ((boxes.frame != 4) | alone)
    return [video, replace(stills, boxes=boxes[kept], moving=False)]


@pytest.fixture
def learn(narrow, tmp_path, monkeypatch, one_thread):
    """Trains for an iteration or two, writing no model.onnx; gives what best.pt holds, and the folder."""
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)

    def train(method, settings, footages, name="run"):
        common = ("backbone", "size", "dimension", "lr", "precision", "threads")
        begun = method.settings(**{each: getattr(narrow.TINY, each) for each in common}, batch=4, epochs=1)
        run = tmp_path / name
        one_shot.train(method, footages, override(begun, settings), run, device=narrow.CPU)
        return load(run / "best.pt"), run

    return train


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def without_time(run):
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines(run)]


def renamed(footages, identify):
    return [replace(f, boxes=replace(f.boxes, id=identify(f.boxes.id))) for f in footages]


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_and_still_images_teach_together_and_identities_change_nothing(kind, mixed, learn):
    """Bit for bit, shuffled or removed: batches, losses, weights after training, and what is written of the data."""
    method, settings = KINDS[kind]
    random = np.random.default_rng(0)
    nobody, shuffled = (renamed(mixed, how) for how in (lambda ids: ids * 0 - 1, random.permutation))
    (state, run), (other, elsewhere) = learn(method, settings, mixed), learn(method, settings, nobody, "nobody")
    assert is_same(state["network"], other["network"])
    assert without_time(run) == without_time(elsewhere)
    assert (run / "settings.json").read_bytes() == (elsewhere / "settings.json").read_bytes()
    chosen = override(method.settings(size="96x64", batch=4), settings)
    batches = [method.batches(chosen, method.scenes(f, ["person"]), (0, 1)) for f in (mixed, nobody, shuffled)]
    for step in range(2):
        first, *rest = (batch(step) for batch in batches)
        assert "identity" not in first
        assert all(is_same(first, batch) for batch in rest)
    what_is_told(method, kind, run)
    network, opened, known = registry.opened(run / "best.pt")
    assert (network.dimension, known["method"], opened) == (8, method.name, settings_of(method, state["settings"]))


def is_same(one, two):
    return one.keys() == two.keys() and all(torch.equal(value, two[name]) for name, value in one.items())


def what_is_told(method, kind, run):
    """In metrics.jsonl and to TensorBoard; every iteration, but of what its batch shows nothing."""
    told = lines(run)
    expected = SIMILAR | {"cycle"} if kind == "cycas" else TOLD[method]
    assert [line["iteration"] for line in told] == [1, 2]
    assert all((expected - SIMILAR) | {"heat", "offset", "size", "gradient"} <= line.keys() for line in told)
    seen = expected & set().union(*told)
    assert seen & SIMILAR
    events = next(run.glob("events.out.tfevents.*")).read_bytes()
    assert all(name.encode() in events for name in seen)


def settings_of(method, said):
    known = {each.name: said[each.name] for each in fields(method.settings)}
    return method.settings(**{**known, "augmentation": ImageAugmentation(**said["augmentation"])})


def test_and_they_do_change_what_learns_by_them(mixed, learn):
    known = renamed(mixed, lambda ids: np.arange(len(ids)) % 5)
    states = [learn(FAIRMOT, [], footages, name)[0] for name, footages in (("a", mixed), ("b", known))]
    assert states[0]["settings"]["data"] != states[1]["settings"]["data"]
    name = "heads.embedding.0.weight"
    assert not torch.equal(*(state["network"][name] for state in states))


@pytest.mark.parametrize("kind", ["triplet-hard", "utrack", "cycas"])
def test_nothing_to_compare_is_no_mistake(kind, narrow, learn):
    """One person in a single frame, and a second of which nothing is seen: no pair has two objects."""
    one = narrow.made_up(people=4, frames=2)
    footage = replace(one, boxes=one.boxes[one.boxes.rows_at(1)][:1])
    method, settings = KINDS[kind]
    _, run = learn(method, settings, [footage])
    assert len(lines(run)) == 1


def test_goes_on_from_another_methods_checkpoint(mixed, learn, caplog):
    embedding, path, begun = "heads.embedding.0.weight", None, None
    for method, settings in ((FAIRMOT, []), (CLMOT, ["seed=1"]), (OUTRACK, ["dimension=6"])):
        caplog.clear()
        more = ["lr=1e-9", f"init={path}"] if path else []
        with caplog.at_level(logging.WARNING, "idfree"):
            state, run = learn(method, [*settings, *more], mixed, method.name)
        if begun:
            kept = [name for name in state["network"] if name.startswith("heads.heat")]
            narrower = method is OUTRACK
            assert all(torch.allclose(state["network"][n], begun["network"][n], atol=1e-6) for n in kept)
            assert torch.allclose(state["network"][embedding], begun["network"][embedding], atol=1e-6) != narrower
            said = [record.getMessage() for record in caplog.records if "untrained" in record.getMessage()]
            assert said == [f"{path}: its heads.embedding has another shape, and begins untrained"] * narrower
        path, begun = run / "best.pt", state


def test_who_has_collapsed_is_told(mixed, learn, caplog, monkeypatch):
    _, run = learn(CLMOT, [], mixed)
    assert not caplog.messages
    alike = [line["similarity_other"] for line in lines(run) if "similarity_other" in line]
    monkeypatch.setattr(one_shot, "ALIKE", sum(alike) / len(alike) - 1e-6)
    learn(CLMOT, [], mixed, "again")
    assert f"two people look {sum(alike) / len(alike):.3f} alike" in caplog.text
    assert recent(run, "similarity_other", 1) == alike[-1]
    assert recent(run, "nothing") is None


def test_batches_are_what_the_settings_say(mixed):
    def pairs(method, *assignments):
        settings = override(method.settings(size="96x64", batch=5), assignments)
        return method.batches(settings, method.scenes(mixed, ["person"]), (0, 1))

    frames, both, images, views = (
        pairs(OUTRACK, "frames=3"),
        pairs(OUTRACK, "views=both"),
        pairs(OUTRACK, "views=images"),
        pairs(CLMOT, "around=2"),
    )
    assert [type(each) for each in (frames, both, images, views)] == [FramePairs, FramePairs, TwoViews, TwoViews]
    assert (frames.settings.frames, frames.reach, both.itself, frames.itself) == (3, 2, 0.5, 0)
    assert (frames.settings.mirrored, images.settings.mirrored, views.settings.mirrored) == (False, False, True)
    assert [len(each(0)["image"]) for each in (frames, both, images, views)] == [10] * 4
    assert [each(0)["negative"].sum().item() for each in (frames, images, views)] == [1, 1, 0]
    assert views(0)["around"].shape[2] == 2
    assert not pairs(OUTRACK, "objective=cycas")(0)["negative"].any()
    assert (frames.alike, pairs(OUTRACK, "alike=false").alike, images.alike, views.alike) == (True, False, False, False)


def test_defaults_are_the_papers():
    clmot, outrack = ClmotSettings(), OutrackSettings()
    assert (clmot.dimension, clmot.epochs, clmot.batch, clmot.margin) == (512, 40, 8, 0.3)
    rates = [clmot.plan(10).rate(10 * epoch) for epoch in (0, 19, 20, 29, 30, 39)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6])
    assert (outrack.dimension, outrack.epochs, outrack.frames, outrack.negatives) == (256, 30, 20, 0.25)
    assert (outrack.margin, outrack.placeholder, outrack.temperature) == (0.5, "mean", None)


@pytest.mark.parametrize(
    ("settings", "wrong", "message"),
    [
        (ClmotSettings, "margin=-1", "must be 0 or more"),
        (ClmotSettings, "objective=cycas", "expected 'triplet-hard' or 'triplet-all' or 'nt-xent'"),
        (ClmotSettings, "around=-1", "around=-1"),
        (OutrackSettings, "temperature=0", "temperature is 0"),
        (OutrackSettings, "frames=0", "frames=0 must be 1 or more"),
        (OutrackSettings, "views=video", "expected 'frames' or 'images' or 'both'"),
    ],
)
def test_settings_that_make_no_sense(settings, wrong, message):
    with pytest.raises(UserError, match=message):
        override(settings(), [wrong])
    with pytest.raises(ValueError, match="nothing is left to learn from"):
        OutrackSettings(intra=False, inter=False, cycle=False)


@pytest.mark.parametrize("method", [CLMOT, OUTRACK], ids=lambda method: method.name)
def test_mosaics_are_refused(method, mixed):
    settings = method.settings(size="96x64", augmentation=ImageAugmentation(mosaic=0.5))
    with pytest.raises(UserError, match=r"augmentation\.mosaic=0\.5"):
        method.batches(settings, method.scenes(mixed, ["person"]), (0, 1))


def test_boxes_are_described_where_training_reads_them(mixed, narrow):
    settings = replace(narrow.TINY, batch=1)
    scenes = LabelledImages.of(mixed[:1])
    network = one_shot.centre(settings, 1).eval()
    looks = BoxEmbedder(network, (64, 96))
    assert looks.dimension == 8
    batches = ImageBatches(scenes, settings.shape(), augmentation=STILL)
    batch, number = batches(0), int(batches.numbers(0)[0])
    with torch.inference_mode():
        found = gather(network(batch)["embedding"], batch["index"])[batch["mask"]]
    scene = scenes[number]
    order = batch["row"][batch["mask"]] - scene.row[0]
    told = torch.from_numpy(looks(scene.image, scene.xyxy))
    assert torch.allclose(torch.nn.functional.normalize(found), told[order], atol=1e-5)
    assert looks(scene.image, np.zeros((0, 4))).shape == (0, 8)
    assert np.isfinite(looks(scene.image, np.array([[-50.0, -50, -10, -10], [90, 60, 500, 500]]))).all()
