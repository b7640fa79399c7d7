"""Cannot-link constraints between tracklets: pairs that cannot show the same person."""

from torch import Tensor

from idfree.core.tracklet_spans import TrackletSpans
from idfree.learn.tensors import Tensors


def cannot_link_mask(a: Tensors, b: Tensors) -> Tensor:
    """(N, M) bool mask: tracklets of `a` and `b` that coexist in one video, or belong to different videos.

    a, b: "tracklet", "video", and "first" and "last" frame of each, (N,) and (M,); frame −1 means unknown. Two
    tracklets of one video that never coexist may be the same person, and a tracklet always may link to itself.
    """
    different_videos = a["video"][:, None] != b["video"]
    coexist = (a["first"][:, None] <= b["last"]) & (b["first"] <= a["last"][:, None]) & (b["first"] >= 0)
    return (different_videos | coexist) & (a["tracklet"][:, None] != b["tracklet"])


def any_cannot_link(tracklets: Tensors) -> bool:
    """Whether any two of these tracklets (T,) cannot link; without such a pair there are no negatives to train with."""
    video, first, last = (tracklets[name].cpu().numpy() for name in ("video", "first", "last"))
    return bool((video != video[0]).any() or TrackletSpans(video, first, last).have_partner().any())
