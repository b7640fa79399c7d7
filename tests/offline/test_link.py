"""Linking: by motion, by appearance; tracklets that coexist or cannot be reached stay apart."""

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.offline.entries import Entries, border_zone, prior_odds
from idfree.offline.link import CandidateLinks, assign, link_tracks
from idfree.offline.tracklet_appearance import MAX_CROPS, coexisting_pairs, measure_appearance, unoccluded_rows


def people(*pieces: tuple[int, int, int, float, float]) -> Annotation:
    """Tracks of people who walk along parallel lines: (id, first frame, last frame, x at frame 0, y); 3 px a frame."""
    columns = []
    for identity, first, last, x, y in pieces:
        frame = np.arange(first, last + 1)
        left = x + 3.0 * frame
        box = np.stack([left, np.full(len(frame), y), left + 40, np.full(len(frame), y + 100)], axis=1)
        columns.append((frame, np.full(len(frame), identity), box))
    frame, identity, xyxy = (np.concatenate(column) for column in zip(*columns, strict=True))
    ones = np.ones(len(frame))
    return Annotation(frame, identity, xyxy, ones, ones.astype(np.int64), ones)


CROWD = tuple((10 + n, 1, 90, 300.0 * (n % 5), 150.0 * n) for n in range(6))  # people who are seen all the time


def ids_of(tracks: Annotation, ids: np.ndarray) -> dict[int, int]:
    """The id of each piece after linking."""
    return dict(zip(tracks.id.tolist(), ids.tolist(), strict=True))


def test_a_piece_that_goes_on_where_another_ended_is_the_same_person():
    tracks = people((1, 1, 40, 0, 1000), (2, 50, 90, 0, 1000), *CROWD)
    linked = ids_of(tracks, link_tracks(tracks, 30, (1200, 1920)))
    assert linked[2] == linked[1] == 1
    assert all(linked[number] == number for number, *_ in CROWD)


@pytest.mark.parametrize("second", [(2, 50, 90, 900, 1000), (2, 50, 90, 0, 500), (2, 30, 90, 0, 1000)])
def test_pieces_far_away_or_at_the_same_time_stay_apart(second):
    tracks = people((1, 1, 40, 0, 1000), second, *CROWD)
    assert ids_of(tracks, link_tracks(tracks, 30, (1200, 1920)))[2] == 2


def test_classes_stay_apart():
    tracks = people((1, 1, 40, 0, 1000), (2, 50, 90, 0, 1000), *CROWD)
    tracks.class_id[tracks.id == 2] = 5
    assert ids_of(tracks, link_tracks(tracks, 30, (1200, 1920)))[2] == 2


def test_the_assignment_is_global():
    """The best single link, 0 to 3, would leave 1 without a successor."""
    links = CandidateLinks(np.array([0, 0, 1]), np.array([2, 3, 3]), np.array([4.0, 5.0, 4.0]))
    chains = assign(links, 4, min_score=0.0)
    assert chains[0] == chains[2] != chains[1] == chains[3]
    assert len(set(assign(links, 4, min_score=6.0))) == 4


def embeddings_of(tracks: Annotation, same: dict[int, int], noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Unoccluded rows and their embeddings: random ones of each person; same: whose embedding a piece has."""
    rows = unoccluded_rows(tracks)
    rng = np.random.default_rng(0)
    look = rng.normal(size=(100, 64))
    who = [same.get(identity, identity) for identity in tracks.id[rows].tolist()]
    return rows, look[who] + noise * rng.normal(size=(len(rows), 64))


def test_appearance_links_what_motion_cannot_and_separates_what_it_would_link():
    """Somebody turns back while hidden; elsewhere another person goes on where somebody vanished."""
    many = tuple((20 + n, 1, 160, 250.0 * (n % 8), 130.0 * n) for n in range(24))
    tracks = people((1, 1, 40, 0, 4000), (2, 70, 160, -210, 4000), (3, 1, 40, 0, 5000), (4, 60, 160, 30, 5000), *many)
    size_hw = (5200, 3000)
    by_motion = ids_of(tracks, link_tracks(tracks, 30, size_hw))
    assert (by_motion[2], by_motion[4]) == (2, 3)
    by_appearance = ids_of(tracks, link_tracks(tracks, 30, size_hw, embedded=embeddings_of(tracks, {2: 1})))
    assert (by_appearance[2], by_appearance[4]) == (1, 4)


def test_few_unoccluded_rows_are_embedded_and_spread_over_the_track():
    tracks = people((1, 1, 100, 0, 0), (2, 1, 50, 0, 60))  # 2 stands in front of 1, until frame 50
    rows = unoccluded_rows(tracks)
    assert (tracks.id[rows] == 2).sum() == MAX_CROPS
    assert tracks.frame[rows][tracks.id[rows] == 1].min() > 50
    assert len(unoccluded_rows(Annotation.empty())) == 0


def test_appearance_without_pairs_to_measure_is_not_used():
    tracks = people((1, 1, 40, 0, 0), (2, 50, 90, 0, 0))
    assert measure_appearance(tracks, *embeddings_of(tracks, {})) is None


def test_coexisting_pairs():
    first, last = np.array([1, 5, 11, 3]), np.array([10, 9, 20, 30])
    i, j = coexisting_pairs(first, last, np.array([True, True, True, True]))
    assert {tuple(sorted(pair)) for pair in zip(i.tolist(), j.tolist(), strict=True)} == {
        (0, 1),
        (0, 3),
        (1, 3),
        (2, 3),
    }


def test_where_people_appear_and_vanish_is_learnt():
    """Of 16 tails and heads, half at the border, mostly those inside go on; so the next one inside is more probable."""
    zone = np.tile([0, 1], 16)
    entries = Entries(zone, zone, np.array([0.5, 0.5]), 10.0)
    i, j = np.arange(16), np.arange(16, 32)
    evidence = np.where(zone[i] == 0, 8.0, -8.0)
    inside, border = prior_odds(evidence, i, j, entries, 0.5, 10.0)[:2]
    assert inside > border + 1.5
    assert inside > prior_odds(np.full(16, -8.0), i, j, entries, 0.5, 10.0)[0] + 1


def test_border_zone():
    boxes = np.array([[500.0, 300, 540, 400], [20, 300, 60, 400], [500, 900, 540, 995], [930, 300, 970, 400]])
    assert border_zone(boxes, (1000, 1000)).tolist() == [0, 1, 1, 1]
    assert border_zone(boxes[:2], None).tolist() == [1, 1]  # the extent of the boxes
