"""Cannot-link constraints between tracklets: pairs that cannot show the same person."""

from torch import Tensor

from idfree.core.tracklet_spans import TrackletSpans
from idfree.learn.tensors import Tensors


def cannot_link_mask(a: Tensors, b: Tensors) -> Tensor:
    """(N, M) bool mask: tracklets of `a` and `b` that coexist in one video, or belong to different videos.

    a, b: "tracklet", "video", "first" and "last" frame, (N,) and (M,); frame −1: unknown. Two tracklets of one video
    that never coexist may show the same person.
    """
    different_videos = a["video"][:, None] != b["video"]
    coexist = (a["first"][:, None] <= b["last"]) & (b["first"] <= a["last"][:, None]) & (b["first"] >= 0)
    return (different_videos | coexist) & (a["tracklet"][:, None] != b["tracklet"])


def any_cannot_link(tracklets: Tensors) -> bool:
    """Whether any two of these tracklets (T,) cannot link, so that there are negatives to train with."""
    video, first, last = (tracklets[name].cpu().numpy() for name in ("video", "first", "last"))
    return bool((video != video[0]).any() or TrackletSpans(video, first, last).have_partner().any())
