"""Previous frames: of videos and simulated, their heatmaps, and displacements by hand."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.heatmaps import centre_heatmap
from idfree.learn.data.image_batches import ImageBatches, ImageBatchShape
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.previous_frames import (
    PreviousFrameBatches,
    PreviousFramesSettings,
    displacements,
    noisy_heatmap,
)
from idfree.learn.data.warp import NO_AUGMENTATION

HW = (64, 128)  # of a batch; the footages are 60×100, and so enlarged by 64/60
EXACT = PreviousFramesSettings(shift=0, scale=0, hm_disturb=0, lost_disturb=0, fp_disturb=0)


def previous_frames(footages, settings=EXACT):
    shape = ImageBatchShape(images=5, size_hw=HW, stride=4)
    return PreviousFrameBatches(
        ImageBatches(LabelledImages.from_footages(footages), shape, 0, NO_AUGMENTATION), settings
    )


def test_displacements_by_hand():
    now, before = np.array([[10.0, 0, 20, 10], [50, 0, 60, 10]]), np.array([[48.0, 4, 58, 14], [0, 0, 2, 2]])
    moved = displacements(now, before, np.array([3, 7]), np.array([7, 1]))
    np.testing.assert_array_equal(moved, [[np.nan, np.nan], [-2, 4]])
    assert np.isnan(displacements(now, before, np.array([-1, 7]), np.array([-1, 1]))).all()


def test_a_peak_per_object_in_the_cell_of_its_centre():
    heat = centre_heatmap(np.array([[10.4, 20.6], [200, 5]]), np.array([[8.0, 20], [8, 20]]), (32, 64))
    assert (heat.shape, (heat == 1).sum(), heat[0, 20, 10]) == ((1, 32, 64), 1, 1)


@pytest.mark.parametrize(("kept", "false", "peaks"), [(0, 0, 40), (1, 0, 0), (1, 1, 40), (0.5, 0, range(10, 31))])
def test_mistakes_of_the_heatmap(kept, false, peaks):
    x = 30.0 * np.arange(40)
    boxes = np.stack([x, np.full(40, 20.0), x + 10, np.full(40, 60.0)], axis=1)
    settings = PreviousFramesSettings(lost_disturb=kept, fp_disturb=false)
    heat = noisy_heatmap(boxes, (100, 1200), np.random.default_rng(0), settings)
    assert (heat == 1).sum() in (peaks if isinstance(peaks, range) else [peaks])
    places = np.argwhere(heat[0] == 1)
    assert np.ptp(places[:, 0]) > 2 if len(places) else True  # jittered by 2 px (0.05 · 40)


def test_frames_of_a_video_are_paired_by_identity(footages):
    """Of "two", id 7 moves by 4 px; of "one", id 9 by −2 from frame 1 to 3, and nobody is in frame 2."""
    batches = previous_frames(footages)
    scale, seen = 1.07, set()  # 107 px of the input for 100 of the image
    for step in range(40):
        batch = batches(step)
        assert batch["previous"].shape == batch["image"].shape
        assert batch["previous_heat"].shape == (5, 1, *HW)
        for k, number in enumerate(batches.batches.image_numbers(step).tolist()):
            x = (4 * batch["displacement"][k, :, 0] / scale)[batch["displaced"][k]]
            seen |= {(number, round(each)) for each in x.tolist()}
    assert seen == {(0, 0), (0, -2), (2, 0), (2, 2), (3, 0), (3, 4), (4, 0), (4, -4)}


@pytest.mark.parametrize("known", [True, False])
def test_a_still_image_is_its_own_previous_one(footages, known):
    """And so is a video frame without identities."""
    if not known:
        footages = [replace(each, boxes=replace(each.boxes, id=np.full(len(each.boxes), -1))) for each in footages]
    settings = replace(EXACT, still=known)
    batch = previous_frames(footages, settings)(0)
    assert torch.equal(batch["image"], batch["previous"])
    assert torch.equal(batch["displaced"], batch["mask"])
    assert not batch["displacement"].any()
    moved = previous_frames(footages, replace(settings, shift=0.1, scale=0.1))(0)
    assert torch.equal(moved["image"], batch["image"])
    assert not torch.equal(moved["previous"], batch["previous"])
    assert moved["displacement"].abs().sum() > 1
