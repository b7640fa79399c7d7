"""`idfree data synth`: folders that `check` and `eval` read, the same for the same seed, with errors as asked for."""

import json

import numpy as np
import pytest

from idfree.cli import main
from idfree.core.types import Annotation
from idfree.pipelines.synthesise import SceneSettings, make_scene
from idfree.sequences.motchallenge import open_sequence, read_detections, read_ground_truth
from idfree.synthetic.exposure import expose
from idfree.synthetic.scene import make_street
from idfree.synthetic.simulated_detections import merge_boxes

SMALL = ["--frames", "6", "--people", "6", "--width", "160", "--height", "120", "-q"]


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", [[], ["--images"]])
def test_same_seed_same_files_however_many_workers(tmp_path, kind):
    more = ["--camera", "shake", "--noise", "4", "--light", "0.5", *kind]
    assert main(["data", "synth", "-o", str(tmp_path / "a"), "--scenes", "2", *SMALL, *more]) == 0
    assert main(["data", "synth", "-o", str(tmp_path / "b"), "--scenes", "2", "--workers", "2", *SMALL, *more]) == 0
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "b")
    assert first[next(p for p in first if p.match("street-0/gt/gt.txt"))]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["street-0", "street-1"]


def test_images_of_a_longer_scene_are_refused_and_stay(tmp_path, capsys):
    command = ["data", "synth", "-o", str(tmp_path), *SMALL]
    assert main([*command, "--frames", "6", "--images"]) == 0
    for more in (["--frames", "4", "--images"], ["--frames", "4"]):
        assert main([*command, *more]) == 2
        assert "that this run does not write" in capsys.readouterr().err
    assert len([*(tmp_path / "street-0").glob("img1/*")]) == 6
    assert main([*command, "--frames", "8", "--images"]) == 0
    assert open_sequence(tmp_path / "street-0").length == 8


def test_a_perfect_detector_finds_what_is_there(tmp_path, capsys):
    settings = ["--misses", "0", "--jitter", "0", "--false-positives", "0", "--json"]
    assert main(["data", "synth", "-o", str(tmp_path), *SMALL, *settings]) == 0
    (folder,) = json.loads(capsys.readouterr().out)["written"]
    truth = read_ground_truth(f"{folder}/gt/gt.txt")
    found = read_detections(f"{folder}/det/det.txt")
    clear = truth[truth.visibility == 1]
    assert len(clear) > 0
    for frame, box in zip(clear.frame, clear.xyxy, strict=True):
        assert np.abs(found.xyxy[found.frame == frame] - box).max(axis=1).min() < 0.02
    assert main(["data", "check", folder, "-q"]) == 0


def test_a_hoarding_hides_people_for_longer():
    def hidden(seconds):
        truth = make_scene(SceneSettings(people=12, frames=60, size_hw=(240, 320), occlusion=seconds), seed=1).truth
        return (truth.visibility < 0.1).sum()

    assert hidden(3.0) > hidden(0.0)


def test_merged_boxes_are_the_box_around_both():
    xyxy = np.array([[0, 0, 10, 20], [2, 1, 12, 21], [50, 0, 60, 20.0]])
    boxes = Annotation(np.ones(3, int), np.arange(1, 4), xyxy, np.ones(3), np.ones(3, int), np.array([0.5, 1, 1]))
    merged, kept = merge_boxes(np.random.default_rng(0), boxes, 1.0)
    assert kept.tolist() == (merged.id - 1).tolist() == [1, 2]
    np.testing.assert_array_equal(merged.xyxy, [[0, 0, 12, 21], [50, 0, 60, 20]])


def test_light_and_noise():
    street = make_street(0, 0, 2, (120, 160)).sequence
    plain = next(iter(street)).image.astype(float)
    dark = next(iter(expose(street, 0.5))).image
    assert np.abs(dark - plain / 2).max() <= 0.5
    noisy = next(iter(expose(street, 1.0, 5.0, seed=1))).image - plain
    middle = (plain > 30) & (plain < 225)  # where nothing is cut off
    assert abs(noisy[middle].std() - 5) < 0.2


def test_what_cannot_be(tmp_path, capsys):
    assert main(["data", "synth", "-o", str(tmp_path), "--merged", "2"]) == 2
    assert "expected 0 to 1" in capsys.readouterr().err
    assert main(["data", "synth", "-o", str(tmp_path), "--scenes", "0"]) == 2
