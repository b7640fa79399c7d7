"""The trained candidate of `idfree adapt`: a crop network (SimpleReID, Karthik 2020). Needs PyTorch."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.appearance import open_encoder
from idfree.core.progress import training_progress
from idfree.core.settings import override
from idfree.pipelines.adapt_candidates import Candidate, Looks
from idfree.pipelines.adapt_relink import relink_with
from idfree.pipelines.calibration import calibration_metadata
from idfree.pipelines.crop_sets import CropSplit

SIZE_HW = (128, 64)  # of the crops, unless a network that takes others is trained


def can_train() -> bool:
    """Whether PyTorch is installed."""
    return find_spec("torch") is not None


def crop_size(assignments: list[str], is_trained: bool) -> tuple[int, int]:
    """(height, width) of the crops of the network that is trained. Raises UserError for unknown settings."""
    if not is_trained:
        return SIZE_HW
    from idfree.learn.methods.simplereid import SimpleReidSettings
    from idfree.learn.networks.crop_reid import NETWORKS

    return NETWORKS[override(SimpleReidSettings(), assignments).network][1]


def trained_candidate(
    looks: Looks,
    split: CropSplit,
    is_held_out: NDArray[np.bool_],
    out: Path,
    assignments: list[str],
    seed: int,
    device: str,
    quiet: bool,
) -> Candidate:
    """Train on a part of the crops, writing OUT/appearance.onnx; judged on the tracklets of a mask (T,). UserError."""
    from idfree.learn.methods import simplereid

    model = simplereid.train(
        split.train,
        override(simplereid.SimpleReidSettings(seed=seed), assignments),
        out,
        resume=(out / "last.pt").is_file(),
        progress=None if quiet else training_progress,
        calibration=lambda embed: calibration_metadata(embed, looks.crops, looks.share),
        trained_on=looks.notice,
        device=device,
    )
    encoder = open_encoder(model, device=device)
    is_judged = is_held_out[np.array([cut.tracklet for cut in looks.cuts], dtype=np.int64)]
    relinked = relink_with(encoder, looks.crops, looks.cuts)
    return Candidate("trained", relinked, is_judged, None, encoder.match_threshold)
