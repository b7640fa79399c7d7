"""Small batches for objectives, and random outputs of a network for them: maps of 4×6 cells, or embeddings of crops."""

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.networks.proposals import SIDE, all_anchors
from idfree.learn.networks.pyramid_anchors import map_sizes, pyramid_anchors
from idfree.learn.objectives.registry import ANCHOR_SIZES, DIMENSION, TRACKLETS

B, C, H, W, M, D = 3, 1, 4, 6, 4, DIMENSION
STRIDE = 8


def batch_of(counts=(2, 4, 0), sides=4, identities=5, seed=0):
    """A batch of images with these numbers of objects, as of `idfree.learn.data.targets`."""
    random = torch.Generator().manual_seed(seed)
    mask = torch.arange(M) < torch.tensor(counts)[:, None]
    index = torch.stack([torch.randperm(H * W, generator=random)[:M] for _ in counts]) * mask
    heat = 0.9 * torch.rand(len(counts), H * W, generator=random) * bool(sum(counts))
    heat[mask.nonzero()[:, 0], index[mask]] = 1
    occlusion_offset = torch.rand(len(counts), M, 2, generator=torch.Generator().manual_seed(3))
    return {
        "heat": heat.view(len(counts), C, H, W),
        "mask": mask,
        "index": index,
        "offset": torch.rand(len(counts), M, 2, generator=random) * mask[..., None],
        "size": 4 * torch.rand(len(counts), M, sides, generator=random) * mask[..., None],
        "identity": torch.where(mask, torch.randint(identities, mask.shape, generator=random), -1),
        "class": torch.zeros_like(index),
        "xyxy": boxes_at(index, random) * mask[..., None],
        "teacher": torch.randn(*index.shape, D, generator=random),
        "has_teacher": mask & (torch.arange(M) != 1),
        "occlusion": heat.view(len(counts), C, H, W),  # as if an occlusion were at each object's centre
        "occlusion_mask": mask,
        "occlusion_index": index,
        "occlusion_offset": occlusion_offset * mask[..., None],
        "displacement": 5 - 10 * occlusion_offset,
        "displaced": mask & (torch.arange(M) != 2),
        "image": torch.zeros(len(counts), 3, H * STRIDE, W * STRIDE, dtype=torch.uint8),
    }


def boxes_at(index, random):
    """(B, M, 4) boxes at the centres of cells, nearly of the size of an anchor."""
    centre = (torch.stack([index % W, index // W], dim=2) + 0.5) * STRIDE
    half = (torch.tensor(ANCHOR_SIZES[0]) + 4 * torch.rand(*index.shape, 2, generator=random)) / 2
    return torch.cat([centre - half, centre + half], dim=2)


def output_of(batch, seed=1, dtype=torch.float32):
    """Random maps of a network for the batch, with gradients."""
    random = torch.Generator().manual_seed(seed)
    channels = {"heat": C, "offset": 2, "size": batch["size"].shape[2], "embedding": D}
    channels |= {"objectness": len(ANCHOR_SIZES), "box": 4 * len(ANCHOR_SIZES)}
    channels |= {"occlusion": C, "occlusion_offset": 2, "displacement": 2}
    maps = {name: torch.randn(len(batch["mask"]), n, H, W, generator=random) for name, n in channels.items()}
    return {name: each.to(dtype).requires_grad_() for name, each in maps.items()}


@pytest.fixture
def centres():
    """(batch_of, output_of), which make batches of images and outputs of a network for them."""
    return batch_of, output_of


def pyramid_of(**options):
    """As `batch_of`, with a box of each image, ignored or negative for each anchor of a pyramid."""
    batch = batch_of(**options)
    images, anchors = len(batch["mask"]), len(pyramid_anchors(map_sizes((H * STRIDE, W * STRIDE))))
    random = torch.Generator().manual_seed(2)
    matched_box = torch.randint(-2, M, (images, anchors), generator=random)
    is_object = batch["mask"].gather(1, matched_box.clamp(min=0))
    return {**batch, "matched_box": torch.where((matched_box >= 0) & ~is_object, -1, matched_box)}


def pyramid_output_of(batch, seed=1, dtype=torch.float32):
    """A random output of RetinaNet for the batch, with gradients."""
    random = torch.Generator().manual_seed(seed)
    images, anchors = batch["matched_box"].shape
    shapes = {"score": (images, anchors, C), "box": (images, anchors, 4)}
    shapes["embedding"] = (int((batch["matched_box"] >= 0).sum()), D)
    return {name: torch.randn(shape, generator=random).to(dtype).requires_grad_() for name, shape in shapes.items()}


REGIONS = 20


def regions_of(**options):
    """As `batch_of`, with a box of each image, ignored or negative for each anchor of Faster R-CNN."""
    batch = batch_of(**options)
    anchors = len(all_anchors((H * STRIDE, W * STRIDE), SIDE))
    matched = random_matches(batch["mask"], anchors, torch.Generator().manual_seed(2))
    return {**batch, "matched_anchor": matched}


def random_matches(mask, count, random):
    """(B, count) for each anchor or region, the number of an object of the image, −1 or −2."""
    matched = torch.randint(-2, M, (len(mask), count), generator=random)
    return torch.where((matched >= 0) & ~mask.gather(1, matched.clamp(min=0)), -1, matched)


def region_output_of(batch, seed=1, dtype=torch.float32):
    """A random output of Faster R-CNN for the batch, with gradients; regions and their matches are without."""
    random = torch.Generator().manual_seed(seed)
    images, anchors = batch["matched_anchor"].shape
    matched = random_matches(batch["mask"], REGIONS, random)
    corner = 20 * torch.rand(images, REGIONS, 2, generator=random)
    regions = torch.cat([corner, corner + 4 + 20 * torch.rand(images, REGIONS, 2, generator=random)], dim=2)
    rows = int((matched != -2).sum())
    shapes = {"objectness": (images, anchors), "anchor_deltas": (images, anchors, 4)}
    shapes |= {"region_logits": (rows, C + 1), "region_deltas": (rows, C + 1, 4)}
    maps = {name: torch.randn(shape, generator=random).to(dtype).requires_grad_() for name, shape in shapes.items()}
    return {**maps, "regions": regions, "matched_region": matched.float()}


COUNTS = ((2, 3), (4, 4), (1, 0), (1, 1), (0, 0))


def pairs_of(counts=COUNTS, negative=None, seed=0):
    """A batch of pairs of images with these numbers of objects, as of `idfree.learn.data.views`: no identities.

    Object i of the first image of a pair is object M − i of the second, if there are so many.
    """
    random = torch.Generator().manual_seed(seed)
    flat = [pair[view] for view in (0, 1) for pair in counts]
    mask = torch.arange(M) < torch.tensor(flat)[:, None]
    number = torch.arange(M) + 10 * torch.arange(len(counts))[:, None]
    row = torch.cat([number, number.flip(1) + 1])
    index = torch.stack([torch.randperm(H * W, generator=random)[:M] for _ in flat]) * mask
    batch = {"mask": mask, "index": index, "row": torch.where(mask, row, -1)}
    return batch if negative is None else {**batch, "negative": torch.tensor(negative)}


def embedding_of(batch, seed=1, dtype=torch.float32):
    """A random embedding map of a network for the batch, with gradient."""
    random = torch.Generator().manual_seed(seed)
    return {"embedding": torch.randn(len(batch["mask"]), D, H, W, generator=random).to(dtype).requires_grad_()}


@pytest.fixture
def pairs():
    """(pairs_of, embedding_of), which make batches of pairs and outputs of a network for them."""
    return pairs_of, embedding_of


def labelled_pairs_of(counts=COUNTS, negative=None, seed=0):
    """As `pairs_of`, with the detection targets of `batch_of`."""
    flat = [pair[view] for view in (0, 1) for pair in counts]
    targets = batch_of(flat, seed=seed)
    del targets["identity"]
    return targets | pairs_of(counts, negative, seed)


def crops_of(tracklets=(0, 0, 1, 1, 2, 3, 4, 4)):
    """A batch of crops of these tracklets, as of `idfree.learn.data.crop_batches`."""
    return {name: column[list(tracklets)] for name, column in TRACKLETS.items()}


def crop_embedding_of(batch, seed=1, dtype=torch.float32):
    """Random embeddings of crops, with gradient."""
    random = torch.Generator().manual_seed(seed)
    return {"embedding": torch.randn(len(batch["tracklet"]), D, generator=random).to(dtype).requires_grad_()}


@pytest.fixture
def makers():
    """By kind of batch: (batch, output), which make batches and outputs of a network for them."""
    return {
        "images": (batch_of, output_of),
        "pyramids": (pyramid_of, pyramid_output_of),
        "regions": (regions_of, region_output_of),
        "pairs": (labelled_pairs_of, output_of),
        "crops": (crops_of, crop_embedding_of),
    }
