"""Maps and targets for objectives that look at whole pictures: 4×6 cells, some objects in three pictures."""

import pytest

torch = pytest.importorskip("torch")

B, C, H, W, M, D = 3, 1, 4, 6, 4, 8


def batch_of(counts=(2, 4, 0), sides=4, identities=5, seed=0):
    """A batch with so many objects in its pictures, as `idfree.learn.data.targets` gives it."""
    random = torch.Generator().manual_seed(seed)
    mask = torch.arange(M) < torch.tensor(counts)[:, None]
    index = torch.stack([torch.randperm(H * W, generator=random)[:M] for _ in counts]) * mask
    heat = 0.9 * torch.rand(len(counts), H * W, generator=random) * bool(sum(counts))
    heat[mask.nonzero()[:, 0], index[mask]] = 1
    return {
        "heat": heat.view(len(counts), C, H, W),
        "mask": mask,
        "index": index,
        "offset": torch.rand(len(counts), M, 2, generator=random) * mask[..., None],
        "size": 4 * torch.rand(len(counts), M, sides, generator=random) * mask[..., None],
        "identity": torch.where(mask, torch.randint(identities, mask.shape, generator=random), -1),
    }


def output_of(batch, seed=1, dtype=torch.float32):
    """What a network might make of it, to be differentiated."""
    random = torch.Generator().manual_seed(seed)
    channels = {"heat": C, "offset": 2, "size": batch["size"].shape[2], "embedding": D}
    maps = {name: torch.randn(len(batch["mask"]), n, H, W, generator=random) for name, n in channels.items()}
    return {name: each.to(dtype).requires_grad_() for name, each in maps.items()}


@pytest.fixture
def centres():
    """(batch_of, output_of), which make batches and what a network makes of them."""
    return batch_of, output_of


COUNTS = ((2, 3), (4, 4), (1, 0), (1, 1), (0, 0))


def pairs_of(counts=COUNTS, negative=None, seed=0):
    """A batch of pairs of pictures with so many objects, as `idfree.learn.data.views` gives it: no identities.

    Object i of the first picture of a pair is object M − i of the second, if there are so many.
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
    """What a network might make of it, to be differentiated."""
    random = torch.Generator().manual_seed(seed)
    return {"embedding": torch.randn(len(batch["mask"]), D, H, W, generator=random).to(dtype).requires_grad_()}


@pytest.fixture
def pairs():
    """(pairs_of, embedding_of), which make batches of pairs and what a network makes of them."""
    return pairs_of, embedding_of
