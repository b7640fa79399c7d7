"""Occlusion heads as a setting of the centre-based methods."""

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.checkpoint import load
from idfree.learn.methods import one_shot
from idfree.learn.methods.clmot import CLMOT, ClmotSettings
from idfree.learn.methods.fairmot import FAIRMOT, FairmotSettings


@pytest.mark.parametrize("method", [FAIRMOT, CLMOT])
def test_beside_other_heads_and_alone(method, narrow, tmp_path, monkeypatch, one_thread):
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)
    shared = ("backbone", "size", "dimension", "lr", "precision", "threads")
    settings = method.settings(**{each: getattr(narrow.TINY, each) for each in shared}, batch=5, epochs=1)
    for occlusions, run in (("joint", tmp_path / "joint"), ("only", tmp_path / "only")):
        init = None if occlusions == "joint" else str(tmp_path / "joint" / "last.pt")
        changed = replace(settings, occlusions=occlusions, occlusion_share=0.3, init=init)
        one_shot.train(method, [narrow.make_footage()], changed, run, device=narrow.CPU)
        (line,) = (json.loads(text) for text in (run / "metrics.jsonl").read_text().splitlines())
        assert ("heat" in line, "occlusion" in line) == (occlusions == "joint", True)
        network, _, _ = one_shot.restore_network(method, load(run / "best.pt"))
        assert network.has_occlusions


def test_what_cannot_be_learnt_together_is_refused():
    with pytest.raises(ValueError, match="init=LAST"):
        ClmotSettings(occlusions="only")
    with pytest.raises(ValueError, match="anchors"):
        FairmotSettings(anchors=True, occlusions="joint")
    with pytest.raises(ValueError, match="mosaic"):
        FairmotSettings(occlusions="joint", augmentation=replace(FairmotSettings().augmentation, mosaic=0.5))
