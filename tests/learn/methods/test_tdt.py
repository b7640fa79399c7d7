"""Training of tdt: settings, both networks, a teacher, resuming; RetinaNet overfits a few frames."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.boxes import iou
from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.detectors import open_detector
from idfree.learn.data.warp import NO_AUGMENTATION
from idfree.learn.methods import one_shot, registry
from idfree.learn.methods.tdt import TDT, TdtSettings
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.retinanet import RetinaNet
from idfree.learn.torch_session import TorchSession
from idfree.learn.training import Training
from idfree.pipelines.training.train_tracker import align_rows, check_teacher
from idfree.pipelines.training.validate import detect_footage

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def tiny(narrow):
    shared = ("backbone", "size", "dimension", "precision", "threads")
    return TdtSettings(**{each: getattr(narrow.TINY, each) for each in shared}, batch=2, epochs=1, lr=1e-3)


@pytest.fixture
def learn(narrow, tmp_path, monkeypatch):
    """Trains without export; returns the network, settings and metadata of best.pt."""
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)

    def train(settings, footage=None, run="run", **options):
        footage = footage or narrow.make_footage()
        options = options if "teacher" in options else {**options, "teacher": narrow.make_teacher([footage])}
        one_shot.train(TDT, [footage], settings, tmp_path / run, device=narrow.CPU, **options)
        return registry.open_tracker(tmp_path / run / "best.pt")

    return train


@pytest.mark.parametrize(("network", "kind"), [("retinanet", RetinaNet), ("centre", CentreNetwork)])
def test_both_networks_train(network, kind, tiny, learn):
    settings = replace(tiny, network=network)
    trained, restored, metadata = learn(settings)
    assert type(trained) is kind
    assert (restored, trained.dimension) == (settings, 8)
    assert (metadata["method"], metadata["teacher"]) == ("tdt", "made-up")


def test_identities_change_nothing(narrow, tiny, learn):
    street = narrow.make_footage()
    teacher = narrow.make_teacher([street])
    unknown = replace(street, boxes=replace(street.boxes, id=np.full(len(street.boxes), -1)))
    one, two = (learn(tiny, f, name, teacher=teacher)[0] for f, name in ((street, "one"), (unknown, "two")))
    assert all(torch.equal(each, two.state_dict()[name]) for name, each in one.state_dict().items())


def test_another_teacher_is_another_run(narrow, tiny, learn):
    learn(tiny)
    other = replace(narrow.make_teacher([narrow.make_footage()]), name="other")
    with pytest.raises(UserError, match="teacher was 'made-up', now 'other'"):
        learn(tiny, resume=True, teacher=other)


def test_a_missing_teacher_is_an_error(tiny, learn):
    with pytest.raises(UserError, match=r"tdt distils a teacher: name a crop Re-ID network \(--teacher MODEL.onnx\)"):
        learn(tiny, teacher=None)
    with pytest.raises(UserError, match="tdt distils a teacher"):
        check_teacher(TDT, None)


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["stride=8"], "stride: of network=centre alone"),
        (["sides=2", "balance=fixed"], "sides, balance: of network=centre alone"),
        (["distillation=-1"], "distillation is -1"),
        (["network=yolo"], "expected 'retinanet' or 'centre'"),
    ],
)
def test_invalid_settings_are_refused(assignments, message):
    with pytest.raises(UserError, match=message):
        override(TdtSettings(), assignments)


def test_settings_of_the_centre_network(tiny):
    settings = override(tiny, ["network=centre", "stride=8", "sides=2", "balance=fixed"])
    assert (settings.target_shape().stride, settings.target_shape().sides) == (8, 2)


def test_defaults_of_the_paper():
    settings = TdtSettings()
    schedule = settings.make_schedule(1000)
    assert (schedule.optimiser, schedule.shape, schedule.warm_up, settings.batch) == ("sgd", "cosine", 2000, 16)
    assert schedule.learning_rate(2000) == pytest.approx(0.15, rel=0.02)
    assert (settings.augmentation.flip, settings.augmentation.smallest, settings.augmentation.largest) == (0.5, 0.5, 2)
    assert settings.augmentation.rotation == settings.augmentation.value == 0
    assert (settings.dimension, settings.target_shape().stride) == (128, 8)


def test_rows_of_unreadable_frames_have_no_embedding(narrow):
    """Caching adds a region to ignore to the second frame; all other rows keep their embeddings."""
    from idfree.datasets.frame_cache import ignore_images
    from idfree.pipelines.training.teacher_embeddings import TeacherEmbeddings

    before = narrow.make_footage()
    after = ignore_images(before, [2], [(64, 96)] * 5)
    count = len(before.boxes)
    embeddings = TeacherEmbeddings(np.arange(3.0 * count).reshape(count, 3), np.arange(count)[::-1])
    aligned = align_rows(embeddings, before, after)
    is_old = ~((after.boxes.frame == 2) & (after.boxes.id == -1))
    assert is_old.sum() == count
    assert (aligned[is_old] == embeddings[:]).all()
    assert aligned.is_known[is_old].all()
    assert not aligned.is_known[~is_old].any()
    assert align_rows(embeddings, before, before) is embeddings


def test_every_parameter_is_trained(narrow, tiny):
    """One iteration changes all parameters; people of the scene are as large as anchors."""
    street = narrow.make_footage(size_hw=(256, 320))
    settings = replace(tiny, size="320x256", augmentation=NO_AUGMENTATION, lr=1.0, warm_up=0)
    dataset = replace(TDT.dataset([street], ["person"]), teacher=narrow.make_teacher([street]))
    network = TDT.network(settings, 1)
    before = {name: value.clone() for name, value in network.named_parameters()}
    training = Training(network, TDT.objective(settings, dataset), settings.make_schedule(3), {}, narrow.CPU)
    metrics = training.iterate(TDT.batches(settings, dataset, (0, 1))(0))
    assert metrics["loss"] == pytest.approx(sum(metrics[name] for name in ("score", "box", "distillation")), rel=1e-5)
    assert min(metrics[name] for name in ("score", "box", "distillation")) > 0
    assert not [name for name, value in before.items() if torch.equal(value, dict(network.named_parameters())[name])]


def test_reduced_precision_is_decoded_in_float32(narrow, tiny):
    """As it is where thresholds are calibrated during training."""
    session = TorchSession(TDT.network(tiny, 1).eval(), {}, "bf16")
    outputs = session.run(None, {"image": np.zeros((1, 64, 96, 3), np.uint8)})
    assert [each.dtype for each in outputs] == [np.float32, np.float32, np.int64, np.float32]


def test_retinanet_overfits_a_few_frames(narrow):
    """It finds the people of six frames, all as large as some anchor, and gives each the teacher's embedding."""
    street = narrow.make_footage(seed=4, frames=6, size_hw=(256, 160))
    shape = {"backbone": "narrow", "size": "160x256", "dimension": 8, "precision": "fp32", "threads": 1}
    schedule = {"epochs": 32, "batch": 2, "lr": 2e-3, "optimiser": "adam", "warm_up": 20}
    settings = TdtSettings(**shape, **schedule, augmentation=NO_AUGMENTATION)
    teacher = narrow.make_teacher([street])
    dataset = replace(TDT.dataset([street], ["person"]), teacher=teacher)
    batches = TDT.batches(settings, dataset, (0, 1))
    torch.manual_seed(0)
    network = TDT.network(settings, 1).train()
    plan = settings.make_schedule(batches.per_epoch)
    training = Training(network, TDT.objective(settings, dataset), plan, {}, narrow.CPU)
    losses = [training.iterate(batches(step))["loss"] for step in range(plan.iterations)]
    assert np.mean(losses[-5:]) < 0.05 * np.mean(losses[:5])
    session = TorchSession(network.eval(), {"size": "256x160", "method": "tdt"})
    seen = detect_footage(open_detector("the network", session=session), [street])
    assert seen.average_precision > 0.85
    found, truth = seen.boxes[0][seen.boxes[0].score > 0.5], street.boxes
    overlap = iou(found.xyxy, truth.xyxy) * (found.frame[:, None] == truth.frame)
    identity = truth.id[overlap.argmax(axis=1)]
    by_identity = {number: teacher.parts[0].rows[truth.id == number].sum(axis=0)[:8] for number in np.unique(truth.id)}
    expected = np.array([by_identity[number] for number in identity])
    cosine = (found.embedding * expected).sum(axis=1) / np.linalg.norm(expected, axis=1)
    assert len(found) >= 20
    assert cosine.min() > 0.9
