"""Embeddings of the detections of tracks, kept while tracking: a bounded number for each track."""

import numpy as np

from idfree.core.types import Annotation, Detections, Floats, Integers, Tracks
from idfree.offline.tracklet_appearance import MAX_CROPS, Embeddings

MAX_SAMPLES = 4 * MAX_CROPS  # of one track; twice as many are thinned to every second


class KeptEmbeddings:
    """For each track, embeddings of evenly spaced ones of its detections, in half precision."""

    def __init__(self) -> None:
        self.samples: dict[int, list[tuple[int, Embeddings]]] = {}  # by id: frame number, embedding
        self.strides: dict[int, int] = {}  # by id: every how many-th detection is kept
        self.counts: dict[int, int] = {}  # by id: number of detections so far

    def add(self, number: int, tracks: Tracks, detections: Detections) -> None:
        """Keep embeddings of frame `number`. tracks.detection: rows of `detections`."""
        if detections.embedding is None:
            return
        rows = np.flatnonzero(tracks.detection >= 0)
        embedding = detections.embedding[tracks.detection[rows]]
        is_known = np.any(embedding, axis=1)
        for identity, vector in zip(tracks.id[rows[is_known]].tolist(), embedding[is_known], strict=True):
            self.add_sample(identity, number, vector)

    def add_sample(self, identity: int, number: int, vector: Embeddings) -> None:
        """Keep an embedding (D,) of a track if it is one of every `strides[identity]`."""
        samples = self.samples.setdefault(identity, [])
        count, stride = self.counts.get(identity, 0), self.strides.get(identity, 1)
        self.counts[identity] = count + 1
        if count % stride:
            return
        samples.append((number, vector.astype(np.float16)))
        if len(samples) >= 2 * MAX_SAMPLES:
            self.samples[identity] = samples[::2]
            self.strides[identity] = 2 * stride

    def rename(self, old: int, new: int) -> None:
        """Keep the embeddings of track `old` as those of track `new`, an earlier tracklet of the same person."""
        self.samples[new] = self.samples.get(new, []) + self.samples.pop(old, [])
        for numbers in (self.strides, self.counts):
            if old in numbers:
                numbers[new] = numbers.pop(old)

    def drop_before(self, frame: int) -> None:
        """Drop embeddings of frames before `frame`; of tracks with few left, keep more of the following ones."""
        for identity, samples in [*self.samples.items()]:
            self.samples[identity] = [sample for sample in samples if sample[0] >= frame]
            if not self.samples[identity]:
                for table in (self.samples, self.strides, self.counts):
                    table.pop(identity, None)
            elif len(self.samples[identity]) < MAX_SAMPLES // 2:
                self.strides[identity] = max(1, self.strides.get(identity, 1) // 2)

    def of_rows(self, tracks: Annotation) -> tuple[Integers, Floats] | None:
        """Rows (M,), ascending, of `tracks` that have kept embeddings, and these (M, D); None if there are none."""
        kept = [(identity, number, v) for identity, samples in self.samples.items() for number, v in samples]
        if not kept:
            return None
        frames = max(int(tracks.frame.max(initial=0)), max(number for _, number, _ in kept)) + 1
        key = np.array([identity * frames + number for identity, number, _ in kept])
        _, rows, found = np.intersect1d(tracks.id * frames + tracks.frame, key, return_indices=True)
        order = np.argsort(rows)
        return rows[order], np.stack([kept[each][2] for each in found[order]]).astype(np.float64)
