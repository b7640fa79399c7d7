"""From crops to a file: a made-up crowd is told apart, a run is resumed, and mistakes are named."""

import json
from dataclasses import replace
from typing import get_args, get_type_hints

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from idfree.core.errors import UserError
from idfree.evaluation.reid import appearance
from idfree.learn.checkpoint import load
from idfree.learn.methods import simplereid
from idfree.learn.methods.simplereid import OBJECTIVES, SimpleReidSettings, iterations_for, open_checkpoint, train
from idfree.learn.networks.crop_reid import NETWORKS, CropReidNetwork, embed

TINY = SimpleReidSettings(iterations=4, tracklets=4, crops=3, group=4, precision="fp32", threads=1, save_every=2)


@pytest.fixture(autouse=True)
def small(crowd, monkeypatch):
    """Crops of a size that is trained in a second."""
    build, _, dimension = NETWORKS["striped"]
    monkeypatch.setitem(NETWORKS, "striped", (build, crowd.crops.shape[1:3], dimension))


@pytest.fixture
def unexported(monkeypatch):
    """Leave out the export, which has tests of its own and takes seconds."""
    written = {}
    monkeypatch.setattr(simplereid, "export_crops", lambda network, path, facts: written.update({path.name: facts}))
    return written


def retrieval(network, crowd):
    """R1 and mAP."""
    found = appearance(embed(network, crowd.crops), crowd.person, np.arange(len(crowd.person)))
    return np.array([found.rank1, found.mean_ap])


def losses(run):
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("objective", ["plain", "both"])
def test_a_made_up_crowd_is_told_apart(crowd, tmp_path, unexported, objective):
    train(crowd, replace(TINY, objective=objective, iterations=48, tracklets=8, crops=2), tmp_path)
    torch.manual_seed(0)
    before, after = (
        retrieval(network, crowd) for network in (CropReidNetwork("striped"), open_checkpoint(tmp_path / "last.pt"))
    )
    fell = losses(tmp_path)
    assert np.mean(fell[-4:]) < 0.6 * np.mean(fell[:4])
    assert (before < [0.8, 0.6]).all()
    assert (after > [0.9, 0.85]).all()


def test_resumed_is_as_never_interrupted(crowd, tmp_path, unexported):
    def stop(steps):
        yield from range(3)
        raise KeyboardInterrupt

    train(crowd, TINY, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(crowd, TINY, tmp_path / "halves", progress=stop)
    train(crowd, TINY, tmp_path / "halves", resume=True)
    whole, halves = (load(tmp_path / name / "last.pt") for name in ("whole", "halves"))
    for part in ("network", "objective"):
        assert all(torch.equal(value, halves[part][name]) for name, value in whole[part].items())
    assert whole["settings"] == halves["settings"]


def test_other_crops_do_not_resume_a_run(crowd, tmp_path, unexported):
    train(crowd, replace(TINY, iterations=1), tmp_path)
    with pytest.raises(UserError, match=r"data was '72 crops of 8 tracklets.*now '72 crops"):
        train(replace(crowd, frame=crowd.frame + 1), replace(TINY, iterations=1), tmp_path, resume=True)


def test_everything_in_its_place(crowd, tmp_path):
    seen = []
    path = train(
        crowd,
        replace(TINY, iterations=1),
        tmp_path,
        facts=lambda embed: seen.append(embed(crowd.crops[:3])) or {"limit": "0.25"},
        trained_on="a made-up crowd",
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "appearance.onnx",
        "last.pt",
        "metrics.jsonl",
        "settings.json",
    ]
    from idfree.appearance.crop_network import CropNetwork

    encoder = CropNetwork(path)
    assert encoder.match_threshold == 0.25
    assert encoder.metadata["trained_on"] == "a made-up crowd"
    assert encoder.metadata["method"] == "simplereid"
    assert np.allclose(seen[0], encoder.encode(crowd.crops[:3]), atol=1e-4)
    said = json.loads((tmp_path / "settings.json").read_text())
    assert (said["network"], said["objective"], said["iterations"], said["seed"]) == ("striped", "both", 1, 0)


def test_without_calibration_there_is_no_limit(crowd, tmp_path, unexported):
    train(crowd, replace(TINY, iterations=1), tmp_path)
    assert "limit" not in unexported["appearance.onnx"]


def test_the_world_s_random_numbers_and_threads_are_left_alone(crowd, tmp_path, unexported):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train(crowd, replace(TINY, iterations=1), tmp_path)
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


def test_weights_to_begin_with(crowd, tmp_path, unexported):
    train(crowd, replace(TINY, iterations=2), tmp_path / "a")
    settings = replace(TINY, iterations=1, lr=1e-9, init=str(tmp_path / "a" / "last.pt"), seed=9)
    train(crowd, settings, tmp_path / "b")
    a, b = (load(tmp_path / name / "last.pt")["network"]["body.neck.weight"] for name in "ab")
    assert torch.allclose(a, b, atol=1e-6)


def test_iterations_by_the_number_of_videos():
    assert [iterations_for(videos) for videos in (1, 2, 3, 5, 50)] == [350, 488, 625, 900, 900]


def test_crops_of_another_size_are_refused(crowd, tmp_path):
    with pytest.raises(UserError, match=r"32×16 .* resnet18 takes 256×128"):
        train(crowd, replace(TINY, network="resnet18"), tmp_path)


def test_tracklets_of_which_none_coexist_teach_nothing_certain(crowd, tmp_path, unexported):
    alone = replace(crowd, frame=crowd.tracklet * 100 + np.tile(np.arange(9), 8))
    with pytest.raises(UserError, match="objective=plain"):
        train(alone, TINY, tmp_path)
    train(alone, replace(TINY, objective="plain", iterations=1), tmp_path)


def test_every_network_and_objective_can_be_chosen():
    hints = get_type_hints(SimpleReidSettings)
    assert get_args(hints["network"]) == tuple(NETWORKS)
    assert get_args(hints["objective"]) == tuple(OBJECTIVES)


def test_settings_from_the_command_line():
    from idfree.core.settings import override

    settings = override(SimpleReidSettings(), ["iterations=20", "objective=triplet", "threads=none", "init=x.pth"])
    assert (settings.iterations, settings.objective, settings.threads, settings.init) == (20, "triplet", None, "x.pth")
    with pytest.raises(UserError, match=r"lr is -1\.0"):
        override(SimpleReidSettings(), ["lr=-1"])


def test_a_checkpoint_of_something_else(tmp_path):
    torch.save({"network": {}, "step": 1, "settings": {"method": "fairmot"}}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="is a run of fairmot"):
        open_checkpoint(tmp_path / "last.pt")
