"""Embeddings kept while tracking: rows found again, evenly thinned, none of predicted boxes."""

import numpy as np

from idfree.core.types import Annotation, Detections, Tracks
from idfree.offline.kept_embeddings import MAX_SAMPLES, KeptEmbeddings


def tracks_of(identity, rows):
    count = len(identity)
    return Tracks(np.zeros((count, 4)), np.array(identity), np.ones(count), np.zeros(count, int), np.array(rows))


def annotation(frame, identity):
    count = len(frame)
    box = np.tile([0.0, 0, 1, 1], (count, 1))
    return Annotation(np.array(frame), np.array(identity), box, np.ones(count), np.zeros(count, int), np.ones(count))


def test_embeddings_are_those_of_the_rows_of_their_track_and_frame():
    kept = KeptEmbeddings()
    first = Detections(np.tile([0.0, 0, 9, 9], (3, 1)), embedding=np.array([[1.0, 0], [0, 1], [0, 0]]))
    kept.add(1, tracks_of([5, 6, 7, 8], [1, 0, 2, -1]), first)  # 7: unknown, 8: predicted
    kept.add(2, tracks_of([5], [0]), Detections(np.array([[0.0, 0, 9, 9]])))
    rows, embedding = kept.of_rows(annotation([1, 2, 1, 1, 1], [5, 5, 6, 7, 8]))
    assert rows.tolist() == [0, 2]
    assert embedding.tolist() == [[0, 1], [1, 0]]


def test_a_long_track_keeps_a_bounded_number_evenly_spaced():
    kept = KeptEmbeddings()
    for number in range(1, 1001):
        kept.add(number, tracks_of([1], [0]), Detections(np.array([[0.0, 0, 9, 9]]), embedding=np.ones((1, 2))))
    frames = [number for number, _ in kept.samples[1]]
    assert MAX_SAMPLES / 2 <= len(frames) <= 2 * MAX_SAMPLES
    assert len(set(np.diff(frames))) == 1
    assert frames[-1] > 980


def test_nothing_kept_is_none():
    assert KeptEmbeddings().of_rows(annotation([1], [1])) is None
