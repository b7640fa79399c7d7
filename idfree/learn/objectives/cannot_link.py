"""Who is certainly someone else, when nobody has said who is who."""

from torch import Tensor

from idfree.learn import Tensors


def cannot_link_mask(a: Tensors, b: Tensors) -> Tensor:
    """(N, M) bool: tracklets of `a` and `b` that cannot be one person: seen at the same time, or in different videos.

    a, b: "tracklet", "video", "first" and "last" frame of each, (N,) and (M,); frame −1 is no time. Two tracklets of
    one video that never coexist may be one person, lost and found again; no tracklet is someone else than itself.
    """
    elsewhere = a["video"][:, None] != b["video"]
    together = (a["first"][:, None] <= b["last"]) & (b["first"] <= a["last"][:, None]) & (b["first"] >= 0)
    return (elsewhere | together) & (a["tracklet"][:, None] != b["tracklet"])


def any_cannot_link(tracklets: Tensors) -> bool:
    """Whether any two of these tracklets (T,) are certainly two people; otherwise there is nothing to learn from."""
    each = ({name: column[i : i + 1] for name, column in tracklets.items()} for i in range(len(tracklets["tracklet"])))
    return any(bool(cannot_link_mask(one, tracklets).any()) for one in each)
