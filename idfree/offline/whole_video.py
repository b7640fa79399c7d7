"""Whole-video tracks from those of a tracker: link pieces, fill gaps, smooth boxes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.camera import cumulative_maps, warp_rows
from idfree.offline.fill import fill_gaps, is_hidden
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.link import link_tracks
from idfree.offline.looks import COVERED, Embeddings, clear_rows
from idfree.offline.smooth import smooth
from idfree.offline.track_rows import by_frame, by_track, frame_step, is_filled

Embed = Callable[[Annotation], Embeddings]


@dataclass(frozen=True)
class Video:
    """What is known of the video that tracks belong to.

    frame_rate: frames per second. size_hw: (height, width), None if unknown. camera: (F, 2, 3), affine maps from pixels
    of the frame before to those of each frame, None if they were not measured.
    """

    frame_rate: float = 30.0
    size_hw: tuple[int, int] | None = None
    camera: Floats | None = None


def refine_tracks(
    tracks: Annotation, video: Video, embed: Embed | None = None, kept: KeptEmbeddings | None = None
) -> Annotation:
    """Whole-video tracks: rows sorted by frame, then id; those that were filled in have the score 0.

    tracks: rows with ids, in any order, at most one of an id in a frame; rows of the score 0 are filled ones, and made
    anew. embed: gives the embeddings (M, D) of the boxes of a few clear rows of each track. kept: embeddings that were
    kept while tracking, used in its place. Without either, pieces are linked by motion alone.
    """
    rows = by_track(tracks[~is_filled(tracks)] if (tracks.score > 0).any() else replace(tracks, score=tracks.score + 1))
    if not len(rows):
        return rows
    step = frame_step(rows)
    embedded: tuple[Integers, Embeddings] | None = None if kept is None else clear_kept(rows, kept)
    if embedded is None and embed is not None:
        clear = clear_rows(rows)
        embedded = clear, embed(rows[clear])
    size_hw, maps = video.size_hw, None
    if video.camera is not None and len(video.camera):
        size_hw, maps = None, cumulative_maps(video.camera, rows.xyxy.reshape(-1, 2).mean(axis=0))
        rows = replace(rows, xyxy=warp_rows(rows.xyxy, rows.frame, np.asarray(np.linalg.inv(maps), dtype=np.float64)))
    ids = link_tracks(smooth(rows, step), video.frame_rate, size_hw, embedded=embedded)
    rows = smooth(fill_gaps(by_track(replace(rows, id=ids)), video.frame_rate, step, size_hw), step)
    return by_frame(rows if maps is None else replace(rows, xyxy=warp_rows(rows.xyxy, rows.frame, maps)))


def clear_kept(tracks: Annotation, kept: KeptEmbeddings) -> tuple[Integers, Floats] | None:
    """Rows (M,) of uncovered boxes whose embeddings (M, D) were kept; None if there are none. tracks: by track."""
    found = kept.of_rows(tracks)
    if found is None:
        return None
    rows, embedding = found
    is_clear = ~is_hidden(tracks, tracks, COVERED)[rows]
    return (rows[is_clear], embedding[is_clear]) if is_clear.any() else None
