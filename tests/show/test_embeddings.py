"""Plots of embeddings."""

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.show import embeddings

PEOPLE, FRAMES = 3, 12


def detections(noise=0.1, dimension=8):
    """Three people in twelve frames, the third only in every second one; a false positive in frame 1."""
    random = np.random.default_rng(0)
    frame, identity = (each.ravel() for each in np.meshgrid(np.arange(1, FRAMES + 1), np.arange(PEOPLE), indexing="ij"))
    kept = (identity < 2) | (frame % 2 == 0)
    frame, identity = np.append(1, frame[kept]), np.append(-1, identity[kept])
    embedding = np.eye(dimension)[identity] + noise * random.normal(size=(len(frame), dimension))
    one = np.ones(len(frame))
    return Annotation(frame, identity, np.tile([0.0, 0, 9, 9], (len(frame), 1)), one, frame * 0 + 1, one, embedding)


def test_two_frames_are_matched_as_in_training():
    torch = pytest.importorskip("torch")
    from idfree.learn.objectives.matching import MatchingSettings, placeholder_similarity, soft_assignment

    boxes = detections(noise=0.5)
    matching = embeddings.match_frames(boxes, (1, 2))
    assert matching.identity.tolist() == [-1, 0, 1, 0, 1, 2]
    assert matching.first_count == 3
    rows = np.concatenate([[0, 1, 2], [3, 4, 5]])
    unit = torch.from_numpy(embeddings.normalise(boxes.embedding)[rows]).double()[None]
    there = torch.ones(1, 6, dtype=torch.bool)
    level = placeholder_similarity(unit @ unit.mT, there, torch.zeros(1, dtype=torch.bool), MatchingSettings())
    assert matching.placeholder == pytest.approx(level.item(), abs=1e-6)
    assert np.allclose(matching.weights, soft_assignment(unit @ unit.mT, there, level)[0].numpy(), atol=1e-6)


def test_figures_of_a_match():
    boxes = detections(noise=0.0)
    figures = embeddings.match_frames(boxes[boxes.id >= 0], (1, 2)).metrics
    assert figures["matched"] == 1
    assert figures["placeholder"] == pytest.approx(2 * 2 / 20)  # two of ten pairs of five objects are alike
    alone = embeddings.match_frames(boxes[(boxes.id == 0) & (boxes.frame == 1)], (1, 2))
    assert alone.metrics == {"placeholder": 0.0, "to_placeholder": 1.0, "matched": None}
    nobody = embeddings.match_frames(boxes, (90, 91))
    assert nobody.metrics["to_placeholder"] is None
    assert embeddings.draw_matrix(nobody, "").ndim == 3


def test_frames_with_the_most_people_in_common_are_matched():
    boxes = detections()
    known = boxes[boxes.id >= 0]
    assert embeddings.choose_frames(known, 6) == (2, 8)
    assert embeddings.choose_frames(known, 100) == (2, 12)
    assert embeddings.choose_frames(known[known.frame == 2], 6) is None


def test_pair_cosines():
    same, other = embeddings.pair_cosines(detections(noise=0.0)[1:])
    assert (len(same), len(other)) == (2 * 66 + 15, 30 * 29 / 2 - 147)
    assert np.allclose(same, 1)
    assert np.allclose(other, 0)


def test_boxes_with_identity_are_sampled_evenly_over_time():
    some = embeddings.sample_evenly(detections(), 5)
    assert some.frame.tolist() == [1, 4, 6, 10, 12]
    assert (some.id >= 0).all()
    assert len(embeddings.sample_evenly(detections(), 1000)) == 30


def test_plots():
    boxes = detections()
    boxes = boxes[boxes.id >= 0]
    picture = embeddings.draw_tsne(boxes, "dots")
    assert picture.shape == (embeddings.SIDE, embeddings.SIDE, 3)
    colours = {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()}
    assert set(embeddings.palette(np.arange(PEOPLE))) <= colours
    matching = embeddings.match_frames(boxes, (2, 4))
    drawn = embeddings.draw_matrix(matching, "match")
    side = 40  # px of a cell: the most
    middle = np.array(embeddings.MARGIN + side // 2)
    shade = 255 - drawn[middle : middle + 6 * side : side, middle : middle + 7 * side : side, 2]
    assert np.allclose(shade, matching.weights * (255 - embeddings.DARK[2]), atol=1)
    curves = embeddings.draw_distances(*embeddings.pair_cosines(boxes), "far")
    ink = [np.argwhere((curves == colour).all(axis=2))[:, 1].mean() for colour in (embeddings.GREEN, embeddings.RED)]
    assert curves.shape[1] == embeddings.SIDE
    assert len(ink) == 2
    assert embeddings.draw_distances(np.zeros(0), np.zeros(0), "nothing").shape == curves.shape
