"""Whole-video tracks with a fixed delay, for streams: each frame is final once a few seconds beyond it are known.

A window of the newest frames is refined again and again, as a whole video would be; what is older than the lag is given
out and stays as it is. A tracklet that is linked to an earlier one before its first frame is given out takes that one's
id. With a lag as long as the video, the result is that of `refine_tracks`. (Fixed-lag smoothing; Moore 1973.)
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from idfree.core.types import Annotation, Detections, Floats, Tracks
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.track_rows import by_track
from idfree.offline.whole_video import Video, detected_rows, refine_rows

HISTORY = 10.0  # s before the lag that are refined, too: what is usual in this video is measured there
REFRESH = 0.25  # × the lag: time between two refinements; the least that is known beyond a final frame is the rest
MOST_IDS = 10_000  # changed ids that are remembered, in case that the tracker finds one of the tracks again
IRREGULAR = 0.05  # relative deviation from the nominal frame rate from which on the measured one is used


@dataclass(frozen=True)
class WindowFrame:
    """A frame in the window: its number, time in s, tracks with final ids, and the camera's motion (2, 3) or None."""

    number: int
    time: float
    tracks: Tracks
    camera: Floats | None


class FixedLag:
    """Refine the tracks of frames as they come; `add` and `finish` return frames that are final, with their tracks.

    lag: seconds, most that a frame waits. video: frame rate and size of its images; the camera's motion is given to
    `add`. Rows that were filled in have the score 0. Memory grows with the lag, not with the length of the stream.
    """

    def __init__(self, lag: float, video: Video):
        self.lag, self.video = lag, video
        self.frames: deque[WindowFrame] = deque()
        self.settled = 0  # number of the last frame that was given out
        self.ids: dict[int, int] = {}  # by the tracker's id: the id that is given out, where it differs
        self.spare: deque[int] = deque(maxlen=MOST_IDS)  # ids of the tracker that were never given out
        self.newest: set[int] = set()  # the tracker's ids in the newest frame
        self.kept = KeptEmbeddings()

    def add(
        self,
        number: int,
        tracks: Tracks,
        time: float | None = None,
        camera: Floats | None = None,
        detections: Detections | None = None,
    ) -> list[tuple[int, Tracks]]:
        """Add the tracks of the next frame; return the numbers and tracks of frames that are final now.

        time: in s, by default that of the frame's number. camera: map (2, 3) from pixels of the frame before, None if
        it stood still. detections: those that `tracks.detection` are rows of, if they have embeddings.
        """
        time = number / self.video.frame_rate if time is None else time
        tracks = self.with_final_ids(tracks)
        self.frames.append(WindowFrame(number, time, tracks, camera))
        if detections is not None:
            self.kept.add(number, tracks, detections)
        waiting = next(frame for frame in self.frames if frame.number > self.settled)
        return self.refine(time - self.lag * (1 - REFRESH)) if time - waiting.time >= self.lag else []

    def finish(self) -> list[tuple[int, Tracks]]:
        """The numbers and tracks of the frames that are left, at the end of the stream."""
        return self.refine(np.inf) if self.frames else []

    def with_final_ids(self, tracks: Tracks) -> Tracks:
        """The tracks of the next frame with the ids that are given out.

        If the tracker finds a track again whose id another tracklet has taken, and still has, it gets a spare one.
        """
        final: dict[int, int] = {}  # the tracker's id, by that given out
        for identity in sorted(tracks.id.tolist(), key=lambda identity: identity not in self.newest):
            given = self.ids.get(identity, identity)
            if given in final:
                given = self.ids[identity] = self.spare.pop()
            final[given] = identity
        self.newest = set(final.values())
        given_of = {identity: given for given, identity in final.items()}
        return replace(tracks, id=np.array([given_of[identity] for identity in tracks.id.tolist()], dtype=np.int64))

    def refine(self, until: float) -> list[tuple[int, Tracks]]:
        """Refine the window, and settle its frames up to the time `until`: their numbers and tracks."""
        numbers = np.array([frame.number for frame in self.frames])
        rows, step = detected_rows(self.rows()), int(np.gcd.reduce(np.diff(numbers))) or 1
        refined, links = refine_rows(rows, self.describe_video(), self.kept, step, self.settled)
        final = [frame.number for frame in self.frames if frame.number > self.settled and frame.time <= until]
        self.settled = final[-1] if final else self.settled
        for old, new in links.items():
            if rows.frame[rows.id == old][0] <= self.settled:
                self.rename(old, new)
        while self.frames[0].time < self.frames[-1].time - self.lag - HISTORY:
            self.frames.popleft()
        self.kept.forget(self.frames[0].number)
        return [(number, refined.tracks_at(number)) for number in final]

    def rename(self, old: int, new: int) -> None:
        """Give the id `new` to the track `old`, none of which was given out yet."""
        for index, frame in enumerate(self.frames):
            if (is_old := frame.tracks.id == old).any():
                renamed = replace(frame.tracks, id=np.where(is_old, new, frame.tracks.id))
                self.frames[index] = replace(frame, tracks=renamed)
        sources = [source for source, given in self.ids.items() if given == old] or [old]
        self.ids.update(dict.fromkeys(sources, new))
        if len(self.ids) > MOST_IDS:
            del self.ids[next(iter(self.ids))]
        self.spare.append(old)
        self.kept.rename(old, new)

    def rows(self) -> Annotation:
        """The tracks in the window, sorted by track."""
        tracks = [frame.tracks for frame in self.frames]
        number = np.repeat([frame.number for frame in self.frames], [len(each) for each in tracks])
        columns = {
            name: np.concatenate([getattr(each, name) for each in tracks])
            for name in ("id", "xyxy", "score", "class_id")
        }
        return by_track(Annotation(frame=number, visibility=np.ones(len(number)), **columns))

    def describe_video(self) -> Video:
        """The frame rate, measured if it is far from the nominal one, and the camera's motion in the window."""
        first, last = self.frames[0], self.frames[-1]
        rate = self.video.frame_rate
        if last.time > first.time:
            measured = (last.number - first.number) / (last.time - first.time)
            rate = measured if abs(measured / rate - 1) > IRREGULAR else rate
        known = [(frame.number - first.number, frame.camera) for frame in self.frames if frame.camera is not None]
        if not any(np.any(each != np.eye(2, 3)) for _, each in known):
            return replace(self.video, frame_rate=rate)
        maps = np.tile(np.eye(2, 3), (last.number - first.number + 1, 1, 1))
        for place, each in known:
            maps[place] = each
        return replace(self.video, frame_rate=rate, camera=maps, first=first.number)
