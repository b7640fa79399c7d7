"""Training of simplereid on synthetic crops: retrieval, resuming, files, error messages."""

import json
from dataclasses import replace
from typing import get_args, get_type_hints

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from idfree.core.errors import UserError
from idfree.evaluation.reid import evaluate_embeddings
from idfree.learn.checkpoint import load
from idfree.learn.methods import simplereid
from idfree.learn.methods.simplereid import OBJECTIVES, SimpleReidSettings, iterations_for, open_checkpoint, train
from idfree.learn.networks.crop_reid import NETWORKS, CropReidNetwork, embed

TINY = SimpleReidSettings(iterations=4, tracklets=4, crops=3, group=4, precision="fp32", threads=1, save_every=2)


@pytest.fixture(autouse=True)
def small(crowd, monkeypatch):
    """Use the size of the synthetic crops as input size, for speed."""
    build, _, dimension = NETWORKS["striped"]
    monkeypatch.setitem(NETWORKS, "striped", (build, crowd.crops.shape[1:3], dimension))


@pytest.fixture
def unexported(monkeypatch):
    """Replace the export, which is tested elsewhere and takes seconds; returns the metadata by file name."""
    written = {}
    monkeypatch.setattr(
        simplereid, "export_encoder", lambda network, path, metadata: written.update({path.name: metadata})
    )
    return written


def retrieval(network, crowd):
    """R1 and mAP."""
    metrics = evaluate_embeddings(embed(network, crowd.crops), crowd.person, np.arange(len(crowd.person)))
    return np.array([metrics.rank1, metrics.mean_ap])


def losses(run):
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("objective", ["plain", "both"])
def test_training_improves_retrieval(crowd, tmp_path, unexported, objective):
    train(crowd, replace(TINY, objective=objective, iterations=48, tracklets=8, crops=2), tmp_path)
    torch.manual_seed(0)
    before, after = (
        retrieval(network, crowd) for network in (CropReidNetwork("striped"), open_checkpoint(tmp_path / "last.pt"))
    )
    loss = losses(tmp_path)
    assert np.mean(loss[-4:]) < 0.6 * np.mean(loss[:4])
    assert (before < [0.8, 0.6]).all()
    assert (after > [0.9, 0.85]).all()


def test_resuming_gives_the_same_result(crowd, tmp_path, unexported):
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


def test_a_run_is_not_resumed_with_other_crops(crowd, tmp_path, unexported):
    train(crowd, replace(TINY, iterations=1), tmp_path)
    with pytest.raises(UserError, match=r"data was '72 crops of 8 tracklets.*now '72 crops"):
        train(replace(crowd, frame=crowd.frame + 1), replace(TINY, iterations=1), tmp_path, resume=True)


def test_files_of_a_run(crowd, tmp_path):
    embeddings = []
    path = train(
        crowd,
        replace(TINY, iterations=1),
        tmp_path,
        calibration=lambda embed: embeddings.append(embed(crowd.crops[:3])) or {"limit": "0.25"},
        trained_on="a synthetic crowd",
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
    assert encoder.metadata["trained_on"] == "a synthetic crowd"
    assert encoder.metadata["method"] == "simplereid"
    assert np.allclose(embeddings[0], encoder.encode(crowd.crops[:3]), atol=1e-4)
    config = json.loads((tmp_path / "settings.json").read_text())
    assert (config["network"], config["objective"], config["iterations"], config["seed"]) == ("striped", "both", 1, 0)


def test_without_calibration_there_is_no_match_threshold(crowd, tmp_path, unexported):
    train(crowd, replace(TINY, iterations=1), tmp_path)
    assert "limit" not in unexported["appearance.onnx"]


def test_global_random_state_and_threads_are_restored(crowd, tmp_path, unexported):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train(crowd, replace(TINY, iterations=1), tmp_path)
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


def test_initial_weights(crowd, tmp_path, unexported):
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


def test_without_coexisting_tracklets_only_the_plain_objective_works(crowd, tmp_path, unexported):
    sequential = replace(crowd, frame=crowd.tracklet * 100 + np.tile(np.arange(9), 8))
    with pytest.raises(UserError, match="objective=plain"):
        train(sequential, TINY, tmp_path)
    train(sequential, replace(TINY, objective="plain", iterations=1), tmp_path)


def test_choices_of_network_and_objective_are_complete():
    hints = get_type_hints(SimpleReidSettings)
    assert get_args(hints["network"]) == tuple(NETWORKS)
    assert get_args(hints["objective"]) == tuple(OBJECTIVES)


def test_settings_from_the_command_line():
    from idfree.core.settings import override

    settings = override(SimpleReidSettings(), ["iterations=20", "objective=triplet", "threads=none", "init=x.pth"])
    assert (settings.iterations, settings.objective, settings.threads, settings.init) == (20, "triplet", None, "x.pth")
    with pytest.raises(UserError, match=r"lr is -1\.0"):
        override(SimpleReidSettings(), ["lr=-1"])


def test_a_checkpoint_of_another_method_is_refused(tmp_path):
    torch.save({"network": {}, "step": 1, "settings": {"method": "fairmot"}}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="is a run of fairmot"):
        open_checkpoint(tmp_path / "last.pt")
