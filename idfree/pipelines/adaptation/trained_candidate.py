"""The trained candidate of `idfree adapt`: a crop network (SimpleReID, Karthik 2020). Needs PyTorch."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.appearance import open_encoder
from idfree.core.progress import training_progress
from idfree.core.settings import override
from idfree.pipelines.adaptation.candidates import Candidate, CropAppearance
from idfree.pipelines.adaptation.relink import FEW_JUDGED, GAP, MIN_HALF, Cut, relink_with
from idfree.pipelines.labelling.calibration import calibration_metadata
from idfree.pipelines.labelling.crop_sets import HELD_OUT, CropSplit

SIZE_HW = (128, 64)  # of the crops, unless a network that takes others is trained
MOST_HELD_OUT = 0.3  # fraction of the tracklets, so that most are left to train on
SPARE = 2  # tracklets that are held out beyond FEW_JUDGED, as the draw is random


def can_train() -> bool:
    """Whether PyTorch is installed."""
    return find_spec("torch") is not None


def held_out_fraction(cuts: Sequence[Cut]) -> float:
    """Fraction of the tracklets to hold out of training: HELD_OUT, or more if it takes more to test the network."""
    count = len({cut.tracklet for cut in cuts})
    return min(max(HELD_OUT, (FEW_JUDGED + SPARE) / max(count, 1)), MOST_HELD_OUT)


def reason_not_to_train(cuts: Sequence[Cut], is_held_out: NDArray[np.bool_]) -> str | None:
    """Why a trained network could not be accepted, in words: too few tracklets to test it on; None if there are enough.

    It is tested on cut tracklets of the mask (T,), which it is not trained on.
    """
    cut = {each.tracklet for each in cuts}
    judged = sum(bool(is_held_out[tracklet]) for tracklet in cut)
    if judged >= FEW_JUDGED:
        return None
    needed = round(FEW_JUDGED / MOST_HELD_OUT)
    return (
        f"too few tracklets to test a trained network on: of {len(is_held_out)} tracklets found, {len(cut)} are long"
        f" enough to be tested ({MIN_HALF} crops before and {MIN_HALF} after a gap of {GAP[0]:g} s), and {judged} of"
        f" these are held out from training (expected {FEW_JUDGED}, which takes about {needed} long ones): give a"
        " longer video, or several videos"
    )


def crop_size(assignments: list[str], is_trained: bool) -> tuple[int, int]:
    """(height, width) of the crops of the network that is trained. Raises UserError for unknown settings."""
    if not is_trained:
        return SIZE_HW
    from idfree.learn.methods.simplereid import SimpleReidSettings
    from idfree.learn.networks.crop_reid import NETWORKS

    return NETWORKS[override(SimpleReidSettings(), assignments).network][1]


def trained_candidate(
    appearance: CropAppearance,
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
        calibration=lambda embed: calibration_metadata(embed, appearance.crops, appearance.share),
        trained_on=appearance.notice,
        device=device,
    )
    encoder = open_encoder(model, device=device)
    is_judged = is_held_out[np.array([cut.tracklet for cut in appearance.cuts], dtype=np.int64)]
    relinked = relink_with(encoder, appearance.crops, appearance.cuts)
    return Candidate("trained", relinked, is_judged, None, encoder.match_threshold)
