"""Selection among the candidates of `idfree adapt`: the first, unless another one re-links clearly more."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from idfree.core.types import Floats
from idfree.pipelines.adaptation.candidates import Candidate
from idfree.pipelines.adaptation.relink import Cut, Gain, compare, describe, position_distances, relink


def choose(candidates: Sequence[Candidate], cuts: Sequence[Cut], xyxy: Floats) -> tuple[Candidate, dict[str, Any]]:
    """The winner, and the test of each candidate, ready for JSON.

    The first is the "default". Each of the others is compared with the best so far, on the cuts that both can be judged
    on, and replaces it if its gain is clear. "nothing": the position before the gap, for comparison; every tracker uses
    it beside the appearance. "gain", "standard_error": over the best so far, called "over". xyxy: (K, 4) boxes of the
    crops.
    """
    tracklet = np.array([cut.tracklet for cut in cuts], dtype=np.int64)
    everything = np.ones(len(cuts), dtype=bool)
    rows: dict[str, Any] = {
        "nothing": describe(relink(position_distances(xyxy, cuts), cuts, None), everything, has_threshold=False)
    }
    best, won = candidates[0], Gain(None, None, len(np.unique(tracklet)))
    for each in candidates:
        rows[each.name] = describe(each.relinked, each.is_judged)
        if each is candidates[0]:
            continue
        gain = compare(each.relinked, best.relinked, tracklet, best.is_judged & each.is_judged)
        rows[each.name] |= {"over": best.name, "gain": gain.mean, "standard_error": gain.error}
        if gain.is_clear:
            best, won = each, gain
    return best, {
        "cuts": len(cuts),
        "tracklets": len(np.unique(tracklet)),
        "candidates": rows,
        "default": candidates[0].name,
        "winner": best.name,
        "gain": won.mean,
        "standard_error": won.error,
    }
