"""Pairs of images: which are paired, independence of identities, unreadable images."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.learn.data.image_batches import ImageBatches, ImageBatchShape
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.prefetch import BatchPrefetcher
from idfree.learn.data.views import FramePairs, FramePairsSettings, TwoViews, TwoViewsSettings, off_centre_cells
from idfree.learn.data.warp import NO_AUGMENTATION, ImageAugmentation
from idfree.sequences.images import read_image

SHAPE = ImageBatchShape(images=4, size_hw=(64, 96))
LONG, SHORT, STILLS = 30, 1, 5  # images of a video, of another, and of a set of still images


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(column, two[name]) for name, column in one.items())


@pytest.fixture
def many(footages):
    """A video, another of a single frame, and still images; one object per image, all of one identity."""
    one = footages[0]

    def make(name, length, is_sequence):
        frame = np.arange(1, length + 1)
        xyxy = np.stack([20 + frame, 10 + 0 * frame, 40 + frame, 50 + 0 * frame], axis=1).astype(float)
        boxes = Annotation(frame, 0 * frame + 7, xyxy, np.ones(length), 0 * frame + 1, np.ones(length))
        image = lambda frame: np.full((60, 100, 3), frame, dtype=np.uint8)  # noqa: E731
        return replace(one, name=name, boxes=boxes, length=length, image=image, is_sequence=is_sequence)

    return [make("long", LONG, True), make("short", SHORT, True), make("stills", STILLS, False)]


def frames_of(footages, settings=None, shape=SHAPE, **options):
    return FramePairs(ImageBatches(LabelledImages.from_footages(footages), shape, **options), settings)


def views_of(footages, settings=None, shape=SHAPE, **options):
    return TwoViews(ImageBatches(LabelledImages.from_footages(footages), shape, **options), settings)


BOTH = pytest.mark.parametrize("kind", [views_of, frames_of])
SETTINGS = {views_of: TwoViewsSettings(negatives=0.5, around=2), frames_of: FramePairsSettings(frames=3)}


@BOTH
def test_identities_change_nothing(kind, footages):
    def relabelled(identify):
        changed = [replace(f, boxes=replace(f.boxes, id=identify(f.boxes.id))) for f in footages]
        return kind(changed, SETTINGS[kind], seed=4)

    usual = relabelled(lambda ids: ids)
    shuffled = relabelled(lambda ids: np.random.default_rng(0).permutation(ids))
    unknown, zero = relabelled(lambda ids: ids * 0 - 1), relabelled(lambda ids: ids * 0)
    for step in range(4):
        batch = usual(step)
        assert "identity" not in batch
        assert all(same(batch, other(step)) for other in (shuffled, unknown, zero))


@BOTH
def test_a_batch_depends_on_seed_and_number_only(kind, footages):
    one, two, other = (kind(footages, SETTINGS[kind], seed=seed) for seed in (1, 1, 2))
    one(0)
    with BatchPrefetcher(two, 2, steps=6) as prefetcher:
        assert same(one(5), prefetcher(5))
    assert not torch.equal(one(5)["image"], one(4)["image"])
    assert not torch.equal(one(5)["image"], other(5)["image"])
    assert one.per_epoch == 2


def test_two_views_are_mirror_images_with_the_same_objects(footages):
    batch = views_of(footages, augmentation=replace(NO_AUGMENTATION, flip=0.5), seed=1)(0)
    first, second = batch["image"].split(4)
    assert torch.equal(first, second.flip(3))
    assert not batch["negative"].any()
    for k in range(4):
        rows = [batch["row"][n][batch["mask"][n]] for n in (k, k + 4)]
        assert torch.equal(*rows)
        boxes = [batch["xyxy"][n][batch["mask"][n]] for n in (k, k + 4)]
        assert torch.allclose(
            boxes[0][:, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor([96, 0, 96, 0]), boxes[1]
        )
    plain = views_of(footages, TwoViewsSettings(mirrored=False), augmentation=NO_AUGMENTATION)(0)
    assert torch.equal(*plain["image"].split(4))


def test_views_are_augmented_separately(footages):
    first, second = views_of(footages, TwoViewsSettings(mirrored=False))(0)["image"].split(4)
    assert all(not torch.equal(a, b) and not torch.equal(a, b.flip(2)) for a, b in zip(first, second, strict=True))


def test_partners_are_nearby_frames(many):
    pairs = frames_of(many, FramePairsSettings(frames=4))
    random = np.random.default_rng(0)
    for number, near in ((0, {1, 2, 3}), (10, {7, 8, 9, 11, 12, 13}), (28, {25, 26, 27, 29}), (29, {26, 27, 28})):
        assert {pairs.partner(number, random) for _ in range(200)} == near
    assert {pairs.partner(LONG, random) for _ in range(9)} == {LONG}  # the only frame of its video
    assert {pairs.partner(LONG + 3, random) for _ in range(9)} == {LONG + 3}  # a still image
    often = np.bincount([pairs.partner(10, random) for _ in range(6000)])[[7, 8, 9, 11, 12, 13]]
    assert (abs(often - 1000) < 150).all()
    itself = frames_of(many, FramePairsSettings(frames=4, self_pairs=0.5))
    assert 400 < sum(itself.partner(10, random) == 10 for _ in range(1000)) < 600


def test_unlabelled_frames_are_not_partners(many):
    """Only frames 1, 4, 7 … of the long video are labelled; distance is in frames, not in images."""
    boxes = many[0].boxes
    hidden = boxes.frame % 3 != 1
    whole = np.where(hidden[:, None], [0, 0, 100, 60], boxes.xyxy)
    sparse = replace(many[0], boxes=replace(boxes, xyxy=whole, score=1.0 - hidden))
    pairs = frames_of([sparse, *many[1:]], FramePairsSettings(frames=7))
    assert pairs.batches.dataset.frame[:10].tolist() == list(range(1, 31, 3))
    random = np.random.default_rng(0)
    for number, near in ((0, {1, 2}), (5, {3, 4, 6, 7}), (9, {7, 8}), (10, {10}), (12, {12})):
        assert {pairs.partner(number, random) for _ in range(100)} == near


def test_two_frames_with_the_same_augmentation(many):
    """One affine map for both: boxes move by about one pixel, as in the video."""

    def steps(**settings):
        batch = frames_of(many[:1], FramePairsSettings(frames=2, negatives=0, **settings), seed=3)(0)
        half = len(batch["image"]) // 2
        centre = batch["xyxy"][:, 0].reshape(-1, 2, 2).mean(1)
        return (centre[half:] - centre[:half]).norm(dim=1)

    assert steps(alike=True).max() < 2
    assert steps().max() > 5
    still = frames_of(many[2:], FramePairsSettings(alike=True))(0)
    assert not torch.equal(still["image"][0], still["image"][len(still["image"]) // 2])


def test_the_partner_in_two_views_is_the_image_itself(many):
    pairs = views_of(many)
    assert [pairs.partner(n, np.random.default_rng(n)) for n in range(36)] == list(range(36))


def test_negatives_of_still_images_come_from_another_folder(many):
    """Each folder of still images may hold frames of one video; those of a set in one folder are unrelated."""
    stills = replace(many[2], paths=tuple(Path("set") / "ABABB"[n] / f"{n}.jpg" for n in range(STILLS)))
    random = np.random.default_rng(0)

    def partners(footages):
        pairs = frames_of(footages)
        numbers = range(len(pairs.batches.dataset))
        return [{pairs.scenes.draw_other(number, random) for _ in range(300)} for number in numbers]

    a, b = {0, 2}, {1, 3, 4}
    assert partners([stills]) == [b, a, b, a, a]
    with_video = partners([stills, many[1]])
    assert with_video == [b | {5}, a | {5}, b | {5}, a | {5}, a | {5}, a | b]
    flat = replace(stills, paths=tuple(Path("set") / f"{n}.jpg" for n in range(STILLS)))
    assert partners([flat]) == [{0, 1, 2, 3, 4} - {n} for n in range(STILLS)]
    pairs = frames_of(
        [stills], FramePairsSettings(negatives=1e9), shape=ImageBatchShape(images=STILLS, size_hw=(64, 96))
    )
    assert pairs(0)["negative"].all()


def test_other_scenes_exclude_the_own_video_or_still_image(many):
    pairs = frames_of(many)
    random = np.random.default_rng(0)
    video, single, stills = {*range(LONG)}, {LONG}, {*range(LONG + 1, LONG + 1 + STILLS)}
    for number, rest in (
        (0, single | stills),
        (29, single | stills),
        (LONG, video | stills),
        (LONG + 1, video | single | stills - {LONG + 1}),
        (LONG + 5, video | single | stills - {LONG + 5}),
    ):
        assert {pairs.scenes.draw_other(number, random) for _ in range(1000)} == rest


@pytest.mark.parametrize(("ratio", "each"), [(0.25, 2), (1.0, 5), (0.0, 0), (1 / 9, 1)])
def test_number_of_negative_pairs(many, ratio, each):
    pairs = frames_of(many, FramePairsSettings(negatives=ratio), replace(SHAPE, images=10))
    assert [int(pairs.negative_pairs(step).sum()) for step in range(20)] == [each] * 20
    odd = frames_of(many, FramePairsSettings(negatives=ratio), replace(SHAPE, images=3))
    spread = [int(odd.negative_pairs(step).sum()) for step in range(100)]
    assert max(spread) - min(spread) <= 1
    assert sum(spread) == pytest.approx(300 * ratio / (1 + ratio), abs=1)


def test_pixels_agree_with_the_pairs(many):
    """The grey level of an image is its frame number; rows are numbers of images, as each has one object."""
    pairs = frames_of(many, FramePairsSettings(frames=3), replace(SHAPE, images=10), augmentation=NO_AUGMENTATION)
    video, kinds = np.array([0] * LONG + [1] * SHORT + [2] * STILLS), []
    for step in range(8):
        batch = pairs(step)
        number = batch["row"][:, 0]
        shade = batch["image"][:, 0, 32, 48].long()
        assert (shade == torch.from_numpy(pairs.batches.dataset.frame)[number]).all()
        for one, two, negative in zip(*number.split(10), batch["negative"], strict=True):
            in_one_video = video[one] == video[two] != 2
            assert bool(negative) == (one != two and not in_one_video)
            assert negative or abs(one - two) <= 2
            kinds.append((bool(negative), int(one == two)))
    assert {*kinds} == {(True, 0), (False, 0), (False, 1)}


def test_a_single_video_has_no_negative_pairs(many, caplog):
    with caplog.at_level(logging.WARNING, "idfree"):
        pairs = frames_of(many[:1])
    assert [record.getMessage() for record in caplog.records] == [
        "long is all one scene: there are no negative pairs",
    ]
    assert not pairs(3)["negative"].any()


def test_off_centre_cells_lie_in_the_middle_of_the_box(footages):
    pairs = views_of(footages, TwoViewsSettings(around=50), augmentation=replace(ImageAugmentation(), shift=0.4))
    batch = pairs(0)
    assert batch["around"].shape == (*batch["mask"].shape, 50)
    x, y = batch["around"] % 24, batch["around"] // 24
    for b, m in batch["mask"].nonzero().tolist():
        left, top, right, bottom = (
            (batch["xyxy"][b, m] / 4).clamp(torch.zeros(4), torch.tensor([24, 16, 24, 16])).tolist()
        )
        quarter = (right - left) / 4
        assert int(left + quarter) <= x[b, m].min() <= x[b, m].max() <= right - quarter
        assert int(top) <= y[b, m].min() <= y[b, m].max() <= bottom
    sample = pairs.batches.dataset[0]
    whole = replace(sample, visible=np.array([[0.0, 0, 100, 60]]))
    cells = off_centre_cells(whole, 1, 4000, np.random.default_rng(0))[0]
    assert (cells % 100).min() == 25
    assert (cells % 100).max() == 74
    assert set(cells // 100) == {*range(60)}


@pytest.fixture
def damaged(many):
    """Frames 11 to 20 of the video cannot be read."""
    image = many[0].image
    broken = lambda frame: read_image("nowhere.jpg") if 11 <= frame <= 20 else image(frame)  # noqa: E731
    return [replace(many[0], image=broken), *many[1:]]


def test_unreadable_images_are_errors_or_replaced_by_valid_pairs(damaged):
    with pytest.raises(UserError, match=r"nowhere\.jpg"):
        [frames_of(damaged)(step) for step in range(9)]
    pairs = frames_of(damaged, FramePairsSettings(frames=8), skip_unreadable=True, augmentation=NO_AUGMENTATION)
    dataset = pairs.batches.dataset
    for step in range(18):
        batch = pairs(step)
        for one, two, negative in zip(*batch["row"][:, 0].split(4), batch["negative"], strict=True):
            near = dataset.footage[one] == dataset.footage[two] and abs(one - two) < 8
            assert negative or (near and (one == two or dataset.footage[one] == 0))
            assert not ({*range(10, 20)} & {int(one), int(two)})
    assert pairs.batches.unreadable == {*range(10, 20)}


@pytest.mark.parametrize("wrong", [{"negatives": -1}, {"negatives": float("inf")}, {"around": -1}])
def test_invalid_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="must be 0 or more"):
        TwoViewsSettings(**wrong)
    with pytest.raises(ValueError, match="frames=0 must be 1 or more"):
        FramePairsSettings(frames=0)
    with pytest.raises(ValueError, match="self_pairs=2 must lie in 0…1"):
        FramePairsSettings(self_pairs=2)


def test_mosaics_are_refused(footages):
    with pytest.raises(UserError, match=r"augmentation\.mosaic=0\.1: pairs are not made of mosaics"):
        views_of(footages, augmentation=replace(ImageAugmentation(), mosaic=0.1))


def test_parts_of_processes_make_the_whole_batch(many):
    whole, processes = frames_of(many), [frames_of(many, rank_world=(rank, 2)) for rank in (0, 1)]
    for step in range(3):
        batch, parts = whole(step), [process(step) for process in processes]
        for rank, part in enumerate(parts):
            assert torch.equal(part["negative"], batch["negative"][rank::2])
            assert torch.equal(part["image"], batch["image"][rank::2])  # of both halves, which are even
