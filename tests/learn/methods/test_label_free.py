"""Training of clmot and outrack from boxes of videos and still images, independent of identities."""

import json
import logging
from dataclasses import fields, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.learn.checkpoint import inference_weights, load
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.views import FramePairs, TwoViews
from idfree.learn.data.warp import NO_AUGMENTATION, ImageAugmentation
from idfree.learn.log import recent_mean
from idfree.learn.methods import one_shot, registry
from idfree.learn.methods.clmot import CLMOT, ClmotSettings
from idfree.learn.methods.fairmot import FAIRMOT
from idfree.learn.methods.method import centre_network
from idfree.learn.methods.outrack import OUTRACK, OutrackSettings
from idfree.learn.networks.box_embedder import BoxEmbedder
from idfree.learn.objectives.gather import gather_centres

KINDS = {
    "triplet-hard": (CLMOT, []),
    "triplet-all": (CLMOT, ["objective=triplet-all", "violating=true", "balance=frozen", "around=1"]),
    "nt-xent": (CLMOT, ["objective=nt-xent", "projection=4", "detect=both"]),
    "utrack": (OUTRACK, []),
    "hinge": (OUTRACK, ["negative=hinge", "placeholder=zero", "views=both", "balance=fixed"]),
    "images": (OUTRACK, ["views=images"]),
    "cycas": (OUTRACK, ["objective=cycas", "occlusions=none"]),
}
SIMILAR = {"similarity_same", "similarity_other"}
METRICS = {CLMOT: {"contrast"} | SIMILAR, OUTRACK: {"intra", "inter", "cycle", "negative", "placeholder"} | SIMILAR}


@pytest.fixture
def mixed(narrow):
    """A video, and still images of which the third is empty and the fourth has one person."""
    video, stills = narrow.make_footage(frames=4), narrow.make_footage(4, people=6, frames=4)
    boxes = stills.boxes
    alone = np.arange(len(boxes)) == boxes.rows_at(4).start
    is_labelled = (boxes.frame != 3) & ((boxes.frame != 4) | alone)
    return [video, replace(stills, boxes=boxes[is_labelled], is_sequence=False)]


@pytest.fixture
def learn(narrow, tmp_path, monkeypatch, one_thread):
    """Trains for one or two iterations without export; returns the content of best.pt and the folder."""
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)

    def train(method, settings, footages, name="run"):
        shared = ("backbone", "size", "dimension", "lr", "precision", "threads")
        initial = method.settings(**{each: getattr(narrow.TINY, each) for each in shared}, batch=4, epochs=1)
        run = tmp_path / name
        one_shot.train(method, footages, override(initial, settings), run, device=narrow.CPU)
        return load(run / "best.pt"), run

    return train


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def without_time(run):
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines(run)]


def relabel(footages, identify):
    return [replace(f, boxes=replace(f.boxes, id=identify(f.boxes.id))) for f in footages]


@pytest.mark.parametrize("kind", KINDS)
def test_identities_change_nothing(kind, mixed, learn):
    """Identical batches, metrics, weights and settings.json with identities shuffled or removed."""
    method, settings = KINDS[kind]
    random = np.random.default_rng(0)
    unknown, shuffled = (relabel(mixed, how) for how in (lambda ids: ids * 0 - 1, random.permutation))
    (state, run), (other, other_run) = learn(method, settings, mixed), learn(method, settings, unknown, "unknown")
    assert is_same(state["network"], other["network"])
    assert without_time(run) == without_time(other_run)
    assert (run / "settings.json").read_bytes() == (other_run / "settings.json").read_bytes()
    chosen = override(method.settings(size="96x64", batch=4), settings)
    batches = [method.batches(chosen, method.dataset(f, ["person"]), (0, 1)) for f in (mixed, unknown, shuffled)]
    for step in range(2):
        first, *rest = (batch(step) for batch in batches)
        assert "identity" not in first
        assert all(is_same(first, batch) for batch in rest)
    check_metrics(method, kind, run)
    network, restored, metadata = registry.open_tracker(run / "best.pt")
    assert (network.dimension, metadata["method"], restored) == (8, method.name, settings_of(method, state["settings"]))


def is_same(one, two):
    return one.keys() == two.keys() and all(torch.equal(value, two[name]) for name, value in one.items())


def check_metrics(method, kind, run):
    """All metrics are in metrics.jsonl and the events, except in iterations in which they are undefined."""
    metrics = lines(run)
    expected = SIMILAR | {"cycle"} if kind == "cycas" else METRICS[method]
    assert [line["iteration"] for line in metrics] == [1, 2]
    always = {"heat", "offset", "size", "gradient"}
    if method is OUTRACK and kind != "cycas":
        always |= {"occlusion", "occlusion_offset"}
    assert all((expected - SIMILAR) | always <= line.keys() for line in metrics)
    present = expected & set().union(*metrics)
    assert present & SIMILAR
    events = next(run.glob("events.out.tfevents.*")).read_bytes()
    assert all(name.encode() in events for name in present)


def settings_of(method, config):
    values = {each.name: config[each.name] for each in fields(method.settings)}
    return method.settings(**{**values, "augmentation": ImageAugmentation(**config["augmentation"])})


def test_identities_change_fairmot(mixed, learn):
    relabelled = relabel(mixed, lambda ids: np.arange(len(ids)) % 5)
    states = [learn(FAIRMOT, [], footages, name)[0] for name, footages in (("a", mixed), ("b", relabelled))]
    assert states[0]["settings"]["data"] != states[1]["settings"]["data"]
    name = "heads.embedding.0.weight"
    assert not torch.equal(*(state["network"][name] for state in states))


@pytest.mark.parametrize("kind", ["triplet-hard", "utrack", "cycas"])
def test_a_batch_without_comparable_objects_is_valid(kind, narrow, learn):
    """One person in one of two frames: no pair has two objects."""
    one = narrow.make_footage(people=4, frames=2)
    footage = replace(one, boxes=one.boxes[one.boxes.rows_at(1)][:1])
    method, settings = KINDS[kind]
    _, run = learn(method, settings, [footage])
    assert len(lines(run)) == 1


def test_initial_weights_from_another_methods_checkpoint(mixed, learn, caplog):
    embedding, path, previous = "heads.embedding.0.weight", None, None
    for method, settings in ((FAIRMOT, []), (CLMOT, ["seed=1"]), (OUTRACK, ["dimension=6", "occlusions=none"])):
        caplog.clear()
        more = ["lr=1e-9", f"init={path}"] if path else []
        with caplog.at_level(logging.WARNING, "idfree"):
            state, run = learn(method, [*settings, *more], mixed, method.name)
        if previous:
            common = [name for name in state["network"] if name.startswith("heads.heat")]
            narrower = method is OUTRACK
            assert all(torch.allclose(state["network"][n], previous["network"][n], atol=1e-6) for n in common)
            assert torch.allclose(state["network"][embedding], previous["network"][embedding], atol=1e-6) != narrower
            messages = [record.getMessage() for record in caplog.records if "untrained" in record.getMessage()]
            assert messages == [f"{path}: its heads.embedding has another shape, and begins untrained"] * narrower
        path, previous = run / "best.pt", state


def test_collapse_is_warned_of(mixed, learn, caplog, monkeypatch):
    _, run = learn(CLMOT, [], mixed)
    assert not caplog.messages
    similarity = [line["similarity_other"] for line in lines(run) if "similarity_other" in line]
    monkeypatch.setattr(one_shot, "COLLAPSED", sum(similarity) / len(similarity) - 1e-6)
    learn(CLMOT, [], mixed, "again")
    assert f"mean cosine similarity of {sum(similarity) / len(similarity):.3f}" in caplog.text
    assert recent_mean(run, "similarity_other", 1) == similarity[-1]
    assert recent_mean(run, "nothing") is None


def test_batches_follow_the_settings(mixed):
    def pairs(method, *assignments):
        settings = override(method.settings(size="96x64", batch=5), assignments)
        settings = replace(settings, occlusions="none") if method is OUTRACK else settings
        return method.batches(settings, method.dataset(mixed, ["person"]), (0, 1))

    frames, both, images, views = (
        pairs(OUTRACK, "frames=3"),
        pairs(OUTRACK, "views=both"),
        pairs(OUTRACK, "views=images"),
        pairs(CLMOT, "around=2"),
    )
    assert [type(each) for each in (frames, both, images, views)] == [FramePairs, FramePairs, TwoViews, TwoViews]
    assert (frames.settings.frames, frames.max_gap, both.self_pairs, frames.self_pairs) == (3, 2, 0.5, 0)
    assert (frames.settings.mirrored, images.settings.mirrored, views.settings.mirrored) == (False, False, True)
    assert [len(each(0)["image"]) for each in (frames, both, images, views)] == [10] * 4
    assert [each(0)["negative"].sum().item() for each in (frames, images, views)] == [1, 1, 0]
    assert views(0)["around"].shape[2] == 2
    assert not pairs(OUTRACK, "objective=cycas")(0)["negative"].any()
    assert (frames.alike, pairs(OUTRACK, "alike=false").alike, images.alike, views.alike) == (True, False, False, False)


def test_defaults_of_the_papers():
    clmot, outrack = ClmotSettings(), OutrackSettings()
    assert (clmot.dimension, clmot.epochs, clmot.batch, clmot.margin) == (512, 40, 8, 0.3)
    rates = [clmot.make_schedule(10).learning_rate(10 * epoch) for epoch in (0, 19, 20, 29, 30, 39)]
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
def test_invalid_settings_are_refused(settings, wrong, message):
    with pytest.raises(UserError, match=message):
        override(settings(), [wrong])
    with pytest.raises(ValueError, match="nothing is left to learn from"):
        OutrackSettings(intra=False, inter=False, cycle=False)


@pytest.mark.parametrize("method", [CLMOT, OUTRACK], ids=lambda method: method.name)
def test_mosaics_are_refused(method, mixed):
    settings = method.settings(size="96x64", augmentation=ImageAugmentation(mosaic=0.5))
    with pytest.raises(UserError, match=r"augmentation\.mosaic=0\.5"):
        method.batches(settings, method.dataset(mixed, ["person"]), (0, 1))


def test_box_embedder_reads_the_cells_of_training(mixed, narrow):
    settings = replace(narrow.TINY, batch=1)
    dataset = LabelledImages.from_footages(mixed[:1])
    network = centre_network(settings, 1).eval()
    embedder = BoxEmbedder(network, (64, 96))
    assert embedder.dimension == 8
    batches = ImageBatches(dataset, settings.batch_shape(), augmentation=NO_AUGMENTATION)
    batch, number = batches(0), int(batches.image_numbers(0)[0])
    with torch.inference_mode():
        expected_embedding = gather_centres(network(batch)["embedding"], batch["index"])[batch["mask"]]
    sample = dataset[number]
    order = batch["row"][batch["mask"]] - sample.row[0]
    embedding = torch.from_numpy(embedder(sample.image, sample.xyxy))
    assert torch.allclose(torch.nn.functional.normalize(expected_embedding), embedding[order], atol=1e-5)
    assert embedder(sample.image, np.zeros((0, 4))).shape == (0, 8)
    assert np.isfinite(embedder(sample.image, np.array([[-50.0, -50, -10, -10], [90, 60, 500, 500]]))).all()


def test_occlusion_heads_alone_leave_the_network_as_it_is(learn, mixed):
    first, run = learn(OUTRACK, ["occlusions=none"], mixed, "first")
    second, _ = learn(OUTRACK, ["occlusions=only", f"init={run / 'best.pt'}"], mixed, "second")
    before, after = (inference_weights(each) for each in (first, second))
    new = set(after) - set(before)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {name.split(".")[1] for name in new} == {"occlusion", "occlusion_offset"}


def test_occlusion_heads_alone_need_a_network():
    with pytest.raises(UserError, match=r"name it with init=LAST\.pt"):
        override(OutrackSettings(), ["occlusions=only"])
