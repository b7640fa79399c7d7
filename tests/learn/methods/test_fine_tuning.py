"""Settings of a fine-tuned run, and that it begins with the network of the other."""

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.checkpoint import load
from idfree.learn.methods import one_shot
from idfree.learn.methods.fine_tuning import fine_tuning_settings, read_run
from idfree.learn.methods.outrack import OutrackSettings
from idfree.learn.methods.simplereid import SimpleReidSettings
from idfree.learn.methods.tdt import TdtSettings


@pytest.fixture
def base(narrow, tmp_path, monkeypatch):
    """best.pt of a run of one epoch."""
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)
    narrow.train_fairmot(tmp_path / "base", replace(narrow.TINY, epochs=1, warm_up=3, first_drop=0.1, seed=5))
    return tmp_path / "base" / "best.pt"


def test_of_the_same_method_all_settings_are_those_of_the_run_at_a_tenth_of_the_rate(narrow, base):
    settings = fine_tuning_settings(type(narrow.TINY)(seed=9), "fairmot", read_run(base, "fairmot"), base)
    expected = replace(narrow.TINY, epochs=10, lr=1e-4, first_drop=0.1, warm_up=0, seed=9, init=str(base))
    assert settings == replace(expected, precision="auto", threads=None, save_every=100)


def test_of_another_method_the_settings_of_the_network_are_those_of_the_run(base):
    settings = fine_tuning_settings(OutrackSettings(), "outrack", read_run(base, "outrack"), base)
    network = {"backbone": "narrow", "size": "96x64", "dimension": 8}
    assert settings == replace(OutrackSettings(), **network, epochs=10, lr=1e-5, init=str(base))


def test_the_tenth_is_of_the_methods_own_rate(base):
    assert fine_tuning_settings(TdtSettings(), "tdt", read_run(base, "tdt"), base).lr == pytest.approx(0.015)


def test_a_fine_tuned_run_begins_with_the_network_and_freezes_what_is_asked_for(narrow, base, tmp_path):
    settings = fine_tuning_settings(replace(narrow.TINY, lr=1.0), "fairmot", read_run(base, "fairmot"), base)
    settings = replace(settings, epochs=1, freeze="backbone, heads.size", threads=1)
    narrow.train_fairmot(tmp_path / "tuned", settings)
    before, after = (load(tmp_path / name / "best.pt")["network"] for name in ("base", "tuned"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith("heads.") and not name.startswith("heads.size")}
    assert json.loads((tmp_path / "tuned" / "settings.json").read_text())["init"] == str(base)


def test_a_run_of_another_kind_is_refused(base):
    with pytest.raises(UserError, match=r"is a run of fairmot; for simplereid, expected one of simplereid"):
        read_run(base, "simplereid")
    torch.save({"network": {}, "step": 1, "settings": {"method": "simplereid"}}, base)
    with pytest.raises(UserError, match=r"is a run of simplereid; for clmot, expected one of fairmot, clmot"):
        read_run(base, "clmot")


def test_an_encoder_keeps_network_and_objective(tmp_path):
    config = {"method": "simplereid", "network": "resnet18", "objective": "plain", "lr": 0.01, "iterations": 4}
    settings = fine_tuning_settings(SimpleReidSettings(), "simplereid", config, tmp_path / "last.pt")
    assert (settings.network, settings.objective, settings.iterations) == ("resnet18", "plain", None)
    assert settings.lr == pytest.approx(1e-3)
    assert settings.init == str(tmp_path / "last.pt")


def test_settings_of_another_version_are_refused(tmp_path):
    config = {"method": "fairmot", "augmentation": {"twist": 1.0}}
    with pytest.raises(UserError, match=r"has other settings than those of fairmot here: .*twist"):
        fine_tuning_settings(one_shot.OneShotSettings(), "fairmot", config, tmp_path)
