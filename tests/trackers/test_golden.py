"""Parity with the official implementations: same boxes to the printed precision, same identities up to renaming.

Every row of every sequence in golden/ must be there; no tie in an assignment has had to be excused.
"""

from pathlib import Path

import numpy as np
import pytest

from idfree.core.boxes import Floats, xywh_to_xyxy, xyxy_to_xywh
from idfree.core.types import Detections
from idfree.trackers.registry import DeepSort, FairMOT, Sort, Tracker

SORT_SEQUENCES = "ADL-Rundle-6 ETH-Bahnhof ETH-Pedcross2 KITTI-13 KITTI-17 PETS09-S2L1 TUD-Campus".split()


def follow(tracker: Tracker, frame: Floats, xywh: Floats, score: Floats, embedding: Floats | None = None) -> Floats:
    """(K, 6) rows frame, id, x, y, w, h."""
    rows = []
    for number in range(1, int(frame.max()) + 1):
        now = frame == number
        look = None if embedding is None else embedding[now]
        tracks = tracker.update(Detections(xywh_to_xyxy(xywh[now]), score[now], embedding=look))
        rows.append(np.column_stack([np.full(len(tracks), number), tracks.id, xyxy_to_xywh(tracks.xyxy)]))
    return np.concatenate(rows)


def assert_same_tracks(ours: Floats, path: Path, decimals: int) -> None:
    official = np.loadtxt(path, delimiter=",")[:, :6]
    assert len(ours) == len(official)
    # Within a frame, rows are paired by place; half a unit of the last printed digit is rounding.
    tolerance = 0.5 * 10.0**-decimals * (1 + 1e-6)
    names: set[tuple[int, int]] = set()
    for number in np.unique(official[:, 0]):
        a, b = (rows[rows[:, 0] == number] for rows in (ours, official))
        assert len(a) == len(b), f"frame {number:.0f}"
        distance = np.abs(a[:, None, 2:] - b[None, :, 2:]).max(axis=2)
        partner = distance.argmin(axis=1)
        assert distance.min(axis=1, initial=0).max(initial=0) <= tolerance, f"frame {number:.0f}"
        assert len(set(partner.tolist())) == len(b)
        names |= set(zip(a[:, 1].astype(int).tolist(), b[partner, 1].astype(int).tolist(), strict=True))
    assert len(names) == len({i for i, _ in names}) == len({j for _, j in names})


@pytest.mark.parametrize("name", SORT_SEQUENCES)
def test_sort(shared, name):
    detections = np.loadtxt(shared / "golden" / "sort_detections" / f"{name}.txt", delimiter=",")
    ours = follow(Sort(), detections[:, 0], detections[:, 2:6], detections[:, 6])
    assert_same_tracks(ours, shared / "golden" / "sort_mot15" / f"{name}.txt", decimals=2)


@pytest.mark.parametrize("name", ["KITTI-17", "PETS09-S2L1"])
@pytest.mark.parametrize("method", ["fairmot", "deepsort"])
def test_with_embeddings(shared, method, name):
    stored = np.load(shared / "golden" / "fairmot_mot15" / f"{name}.npz")
    detections, embedding = stored["detections"], stored["embeddings"]
    if method == "deepsort":  # these were given the confident detections only
        confident = detections[:, 5] >= 0.4
        detections, embedding = detections[confident], embedding[confident]
    tracker = {"fairmot": FairMOT, "deepsort": DeepSort}[method]()
    ours = follow(tracker, detections[:, 0], detections[:, 1:5], detections[:, 5], embedding)
    assert_same_tracks(ours, shared / "golden" / f"{method}_mot15" / f"{name}.txt", decimals=3)
