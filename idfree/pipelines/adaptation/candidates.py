"""The candidates of `idfree adapt`: ways to tell people apart, each tested on cut tracklets and ready to be written.

colour: histograms. people: the crop network in the package, with colour. adapted: that network with its last layer
changed in closed form, by what varies within the videos' tracklets, with colour. teacher: a file of the user, with
colour. The network that is trained, where PyTorch is installed, is in adapt_train.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.calibrate import labelled_pairs, pair_distances
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import concatenate
from idfree.appearance.crop_network import CropNetwork
from idfree.appearance.people_crops import FILE, PeopleFeatures, own_head, with_head
from idfree.appearance.whitening import within_class_whitening
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.onnx_bytes import append_metadata
from idfree.core.stored_crops import select
from idfree.core.types import Floats
from idfree.pipelines.adaptation.merge import LONGEST, merge_tracklets
from idfree.pipelines.adaptation.relink import Cut, Relinked, relink_embeddings
from idfree.pipelines.labelling.calibration import CropPairs, pairs_metadata, pairs_to_calibrate
from idfree.teaching.discriminant import LinearHead

FOLDS = 4  # of tracklets: each is judged by a head that was learnt from those of the others
MAX_PAIRS = 20_000  # of one person, that a head is learnt from; of more, a random sample

Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Candidate:
    """A way to tell people apart. relinked: the test (C,). is_judged: mask (C,) of the cuts that it can be judged on.

    file: the content of its appearance.onnx; None if that is written already. threshold: its match threshold.
    """

    name: str
    relinked: Relinked
    is_judged: NDArray[np.bool_]
    file: bytes | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class CropAppearance:
    """What all candidates need of K crops: colour (K, E), features (K, F) of the crop network in the package.

    pairs: to calibrate on, and colour_distance (P,) of them. share: of colour in the distance. frame_rate: of each
    video, in frames per second. notice: of the data, for the metadata of files.
    """

    crops: CropSet
    cuts: Sequence[Cut]
    frame_rate: Floats
    share: float
    notice: str
    colour: Embeddings
    features: NDArray[np.float16]
    pairs: CropPairs
    colour_distance: Floats

    @classmethod
    def of(cls, crops: CropSet, cuts: Sequence[Cut], frame_rate: Floats, share: float, notice: str) -> "CropAppearance":
        """Compute colour and features of all crops."""
        colour, pairs = ColourHistogram().embed_crops(crops.crops), pairs_to_calibrate(crops)
        features = PeopleFeatures().of_crops(crops.crops)
        distance = pair_distances(colour, pairs.i, pairs.j)
        return cls(crops, cuts, frame_rate, share, notice, colour, features, pairs, distance)

    def with_colour(self, own: Embeddings) -> tuple[Embeddings, dict[str, str]]:
        """Embeddings (K, D + E) with colour beside them, and the metadata of the file that gives them."""
        distance = pair_distances(own, self.pairs.i, self.pairs.j)
        metadata = pairs_metadata(self.pairs, distance, self.colour_distance, self.share)
        weight = float(metadata.get("colour", 0))
        return concatenate(own, self.colour, weight) if weight else own, {**metadata, "trained_on": self.notice}

    def test(self, embedding: Embeddings, metadata: dict[str, str]) -> Relinked:
        """The acceptance test of embeddings (K, D)."""
        return relink_embeddings(embedding, self.cuts, limit_of(metadata))

    @property
    def projected(self) -> Embeddings:
        """(K, DIMENSION) of the package's head, not of unit length."""
        mean, weight = own_head()
        return np.asarray((self.features.astype(np.float32) - mean) @ weight)

    @property
    def everything(self) -> NDArray[np.bool_]:
        """The mask of all cuts."""
        return np.ones(len(self.cuts), dtype=bool)


def limit_of(metadata: dict[str, str]) -> float | None:
    """The match threshold of a file; None if it was not calibrated."""
    return float(metadata["limit"]) if "limit" in metadata else None


def colour_candidate(appearance: CropAppearance) -> Candidate:
    """Colour histograms alone, with their own match threshold."""
    histogram = ColourHistogram()
    metadata = {"limit": repr(histogram.match_threshold), "farthest": repr(histogram.upper_threshold), "colour": "1.0"}
    tested = appearance.test(appearance.colour, metadata)
    return Candidate(
        "colour", tested, appearance.everything, append_metadata(FILE.read_bytes(), metadata), limit_of(metadata)
    )


def people_candidate(appearance: CropAppearance) -> Candidate:
    """The crop network in the package as it came."""
    own = CropNetwork(FILE).embed_crops(appearance.crops.crops)
    embedding, metadata = appearance.with_colour(own)
    content = append_metadata(FILE.read_bytes(), metadata)
    return Candidate("people", appearance.test(embedding, metadata), appearance.everything, content, limit_of(metadata))


def teacher_candidate(appearance: CropAppearance, path: Path, encoder: CropNetwork) -> Candidate:
    """A file of the user. Raises UserError if it cannot be read."""
    embedding, metadata = appearance.with_colour(encoder.embed_crops(appearance.crops.crops))
    try:
        content = append_metadata(path.read_bytes(), metadata)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    return Candidate(
        "teacher", appearance.test(embedding, metadata), appearance.everything, content, limit_of(metadata)
    )


def adapted_candidate(appearance: CropAppearance, is_learnt: NDArray[np.bool_], seed: int) -> Candidate | None:
    """The crop network with a head of the tracklets of a mask (T,); None if there is nothing to learn from.

    Each cut is judged by a head that was learnt without its tracklet.
    """
    fold = np.random.default_rng(seed).permutation(appearance.crops.tracklet_count) % FOLDS
    cut_fold = fold[np.array([cut.tracklet for cut in appearance.cuts], dtype=np.int64)]
    relinked = Relinked(*np.zeros((2, len(appearance.cuts)), dtype=bool))
    for n in np.unique(cut_fold).tolist():
        judged = learn_head(appearance, fold != n, seed)
        if judged is not None:
            embedding, metadata = appearance.with_colour(judged(appearance.features))
            relinked = relinked.where(cut_fold == n, appearance.test(embedding, metadata))
    head = learn_head(appearance, is_learnt, seed)
    if head is None:
        return None
    metadata = appearance.with_colour(head(appearance.features))[1]
    content = with_head(head.mean, head.weight, metadata)
    return Candidate("adapted", relinked, appearance.everything, content, limit_of(metadata))


def closed_form_candidates(
    appearance: CropAppearance, is_learnt: NDArray[np.bool_], seed: int, are_people: bool
) -> list[Candidate]:
    """Those that need neither training nor a file of the user; a head is learnt from the tracklets of a mask (T,).

    By descending expected IDF1: of people as measured (docs/adaptation.md); of other objects colour comes first, as the
    crop network was made for people.
    """
    adapted = adapted_candidate(appearance, is_learnt, seed)
    candidates = [*([] if adapted is None else [adapted]), people_candidate(appearance), colour_candidate(appearance)]
    return candidates if are_people else candidates[::-1]


def learn_head(appearance: CropAppearance, is_learnt: NDArray[np.bool_], seed: int) -> LinearHead | None:
    """The package's head, whitened by the tracklets of a mask (T,), merged where they are one person; None without."""
    rows = np.flatnonzero(is_learnt[appearance.crops.tracklet])
    crops = replace(
        appearance.crops,
        crops=select(appearance.crops.crops, rows),
        tracklet=np.unique(appearance.crops.tracklet[rows], return_inverse=True)[1].astype(np.int64),
        **{name: getattr(appearance.crops, name)[rows] for name in ("frame", "video", "xyxy")},
    )
    limit = ColourHistogram().match_threshold or 0.0
    person = merge_tracklets(crops, appearance.colour[rows], limit, appearance.frame_rate)
    gap = round(LONGEST * float(np.median(appearance.frame_rate)))
    i, j, is_same = labelled_pairs(person, crops.frame, crops.video, max_gap=gap)
    pairs = np.random.default_rng(seed).permutation(np.flatnonzero(is_same))[:MAX_PAIRS]
    if not len(pairs):
        return None
    mean, weight = own_head()
    whitening = within_class_whitening(appearance.projected[rows], i[pairs], j[pairs], int(person.max()) + 1)
    return LinearHead((weight @ whitening).astype(np.float32), mean)
