"""Offline refinement of the tracks of a whole video: link tracklets, drop weak tracks, fill gaps, smooth."""

from dataclasses import dataclass, replace

import numpy as np

from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.camera import cumulative_maps, warp_rows
from idfree.offline.drop import drop_weak
from idfree.offline.fill import fill_gaps, is_occluded
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.link import link_tracks
from idfree.offline.smooth import smooth
from idfree.offline.track_rows import by_frame, by_track, frame_step, is_filled, track_starts
from idfree.offline.tracklet_appearance import MAX_OCCLUSION


@dataclass(frozen=True)
class Video:
    """Properties of the video that tracks belong to.

    frame_rate: frames per second. size_hw: (height, width), None if unknown. camera: (F, 2, 3), affine maps from pixels
    of the frame before to those of each frame, None if they were not measured. first: number of the first of these.
    """

    frame_rate: float = 30.0
    size_hw: tuple[int, int] | None = None
    camera: Floats | None = None
    first: int = 1


def refine_tracks(tracks: Annotation, video: Video, kept: KeptEmbeddings | None = None) -> Annotation:
    """Refined tracks, sorted by frame, then id; rows that were filled in have the score 0.

    tracks: rows with ids, in any order, at most one of an id in a frame; rows of the score 0 were filled in, and are
    filled again. kept: embeddings of some of them; without any, tracklets are linked by motion alone.
    """
    rows = detected_rows(by_track(tracks))
    return refine_rows(rows, video, kept, frame_step(rows))[0]


def detected_rows(tracks: Annotation) -> Annotation:
    """The rows that were not filled in; where all scores are 0, all of them, with the score 1."""
    return tracks[~is_filled(tracks)] if (tracks.score > 0).any() else replace(tracks, score=tracks.score + 1)


def refine_rows(
    rows: Annotation, video: Video, kept: KeptEmbeddings | None, step: int, last_final: int = 0
) -> tuple[Annotation, dict[int, int]]:
    """Refined tracks, sorted by frame, then id; and the new id, by id, of each tracklet linked to an earlier one.

    rows: of detections, sorted by track. step: see `frame_step`. last_final: tracklets that begin in this frame or
    before keep their ids.
    """
    if not len(rows):
        return rows, {}
    embedded = None if kept is None else unoccluded_embeddings(rows, kept)
    size_hw, maps, number = video.size_hw, None, rows.frame - video.first + 1
    if video.camera is not None and len(video.camera):
        size_hw, maps = None, cumulative_maps(video.camera, rows.xyxy.reshape(-1, 2).mean(axis=0))
        rows = replace(rows, xyxy=warp_rows(rows.xyxy, number, np.asarray(np.linalg.inv(maps), dtype=np.float64)))
    ids = link_tracks(smooth(rows, step), video.frame_rate, size_hw, embedded=embedded, last_final=last_final)
    starts = track_starts(rows)
    links = {old: new for old, new in zip(rows.id[starts].tolist(), ids[starts].tolist(), strict=True) if old != new}
    rows = drop_weak(by_track(replace(rows, id=ids)))
    rows = smooth(fill_gaps(rows, video.frame_rate, step, size_hw), step)
    if maps is not None:
        rows = replace(rows, xyxy=warp_rows(rows.xyxy, rows.frame - video.first + 1, maps))
    return by_frame(rows), links


def unoccluded_embeddings(tracks: Annotation, kept: KeptEmbeddings) -> tuple[Integers, Floats] | None:
    """Rows (M,) that are not occluded and have kept embeddings, and these (M, D); None if there are none.

    tracks: sorted by track.
    """
    found = kept.of_rows(tracks)
    if found is None:
        return None
    rows, embedding = found
    is_visible = ~is_occluded(tracks, tracks, MAX_OCCLUSION)[rows]
    return (rows[is_visible], embedding[is_visible]) if is_visible.any() else None
