"""Fixed-lag refinement of tracks (Moore 1973), for streams: each frame is final once some seconds after it are known.

A window of the newest frames is refined repeatedly, as a whole video would be; frames older than the lag are returned,
and final. A tracklet that is linked to an earlier one before its first frame is final takes that one's id. With a lag
as long as the video, the result is that of `refine_tracks`.
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from idfree.core.types import Annotation, Detections, Floats, Tracks
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.track_rows import by_track
from idfree.offline.whole_video import Video, detected_rows, refine_rows

HISTORY = 10.0  # s before the lag that are refined, too, as distributions are estimated on them
REFRESH = 0.25  # × the lag: time between two refinements; at least the rest of the lag follows a final frame
MAX_IDS = 10_000  # changed ids that are kept, in case the tracker finds one of the tracks again
RATE_TOLERANCE = 0.05  # relative deviation from the nominal frame rate above which the measured one is used


@dataclass(frozen=True)
class WindowFrame:
    """A frame in the window: number, time in s, tracks with the ids that are returned, camera motion (2, 3) or None."""

    number: int
    time: float
    tracks: Tracks
    camera: Floats | None


class FixedLag:
    """Online refinement with a delay; `add` and `finish` return the frames that are final, with their tracks.

    lag: seconds that a frame waits, at most. video: frame rate and size of its images; the camera motion is given to
    `add`. Rows that were filled in have the score 0. Memory grows with the lag, not with the length of the stream.
    """

    def __init__(self, lag: float, video: Video):
        self.lag, self.video = lag, video
        self.frames: deque[WindowFrame] = deque()
        self.last_final = 0  # number of the last frame that was returned
        self.ids: dict[int, int] = {}  # by the tracker's id: the id that is returned, where it differs
        self.unused: deque[int] = deque(maxlen=MAX_IDS)  # ids of the tracker that were never returned
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
        """Add the tracks of the next frame; return the numbers and tracks of the frames that are final now.

        time: in s, by default that of the frame's number. camera: map (2, 3) from pixels of the previous frame, None if
        it did not move. detections: those that `tracks.detection` are rows of, if they have embeddings.
        """
        time = number / self.video.frame_rate if time is None else time
        tracks = self.replace_ids(tracks)
        self.frames.append(WindowFrame(number, time, tracks, camera))
        if detections is not None:
            self.kept.add(number, tracks, detections)
        waiting = next(frame for frame in self.frames if frame.number > self.last_final)
        return self.refine(time - self.lag * (1 - REFRESH)) if time - waiting.time >= self.lag else []

    def finish(self) -> list[tuple[int, Tracks]]:
        """End the stream: return the numbers and tracks of the remaining frames."""
        return self.refine(np.inf) if self.frames else []

    def replace_ids(self, tracks: Tracks) -> Tracks:
        """The tracks of the next frame with the ids that are returned in place of the tracker's.

        If the tracker finds a track again whose id another tracklet has taken, and still has, it gets an unused one.
        """
        own: dict[int, int] = {}  # the tracker's id, by the returned one
        for identity in sorted(tracks.id.tolist(), key=lambda identity: identity not in self.newest):
            returned = self.ids.get(identity, identity)
            if returned in own:
                returned = self.ids[identity] = self.unused.pop()
            own[returned] = identity
        self.newest = set(own.values())
        returned_of = {identity: returned for returned, identity in own.items()}
        return replace(tracks, id=np.array([returned_of[identity] for identity in tracks.id.tolist()], dtype=np.int64))

    def refine(self, until: float) -> list[tuple[int, Tracks]]:
        """Refine the window; return the numbers and tracks of its frames up to the time `until`, now final."""
        numbers = np.array([frame.number for frame in self.frames])
        rows, step = detected_rows(self.rows()), int(np.gcd.reduce(np.diff(numbers))) or 1
        refined, links = refine_rows(rows, self.describe_video(), self.kept, step, self.last_final)
        final = [frame.number for frame in self.frames if frame.number > self.last_final and frame.time <= until]
        self.last_final = final[-1] if final else self.last_final
        for old, new in links.items():
            if rows.frame[rows.id == old][0] <= self.last_final:
                self.rename(old, new)
        while self.frames[0].time < self.frames[-1].time - self.lag - HISTORY:
            self.frames.popleft()
        self.kept.drop_before(self.frames[0].number)
        return [(number, refined.tracks_at(number)) for number in final]

    def rename(self, old: int, new: int) -> None:
        """Give the id `new` to the track `old`, of which no frame was returned yet."""
        for index, frame in enumerate(self.frames):
            if (is_old := frame.tracks.id == old).any():
                renamed = replace(frame.tracks, id=np.where(is_old, new, frame.tracks.id))
                self.frames[index] = replace(frame, tracks=renamed)
        sources = [source for source, returned in self.ids.items() if returned == old] or [old]
        self.ids.update(dict.fromkeys(sources, new))
        if len(self.ids) > MAX_IDS:
            del self.ids[next(iter(self.ids))]
        self.unused.append(old)
        self.kept.rename(old, new)

    def rows(self) -> Annotation:
        """The tracks of all frames in the window, sorted by track."""
        tracks = [frame.tracks for frame in self.frames]
        number = np.repeat([frame.number for frame in self.frames], [len(each) for each in tracks])
        columns = {
            name: np.concatenate([getattr(each, name) for each in tracks])
            for name in ("id", "xyxy", "score", "class_id")
        }
        return by_track(Annotation(frame=number, visibility=np.ones(len(number)), **columns))

    def describe_video(self) -> Video:
        """The properties of the window: frame rate, measured if far from the nominal one, and camera motion."""
        first, last = self.frames[0], self.frames[-1]
        rate = self.video.frame_rate
        if last.time > first.time:
            measured = (last.number - first.number) / (last.time - first.time)
            rate = measured if abs(measured / rate - 1) > RATE_TOLERANCE else rate
        known = [(frame.number - first.number, frame.camera) for frame in self.frames if frame.camera is not None]
        if not any(np.any(each != np.eye(2, 3)) for _, each in known):
            return replace(self.video, frame_rate=rate)
        maps = np.tile(np.eye(2, 3), (last.number - first.number + 1, 1, 1))
        for place, each in known:
            maps[place] = each
        return replace(self.video, frame_rate=rate, camera=maps, first=first.number)
