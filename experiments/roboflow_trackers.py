"""Tracks of one of Roboflow's trackers, run by motion_only.py in an environment that has `trackers` and `supervision`.

    python experiments/roboflow_trackers.py NAME FILE

Reads from FILE, a pickle, (xyxy, score) of each frame of each sequence, and replaces it by (xyxy, id) of the tracks.
"""

import pickle
import sys
from pathlib import Path

import numpy as np
import supervision
import trackers

OPTIONS = {"BoTSORTTracker": {"enable_cmc": False}}  # no camera motion: there are no images


def track(name, frames):
    """(xyxy, id) of the tracks of each frame of a sequence; ids from 1."""
    tracker, results = getattr(trackers, name)(**OPTIONS.get(name, {})), []
    for xyxy, score in frames:
        given = supervision.Detections(xyxy=xyxy, confidence=score, class_id=np.zeros(len(xyxy), dtype=int))
        found = tracker.update(given)
        ids = np.full(len(found), -1) if found.tracker_id is None else np.asarray(found.tracker_id)
        is_track = ids >= 0
        results.append((np.asarray(found.xyxy, dtype=float)[is_track], ids[is_track].astype(np.int64) + 1))
    return results


if __name__ == "__main__":
    name, file = sys.argv[1], Path(sys.argv[2])
    file.write_bytes(pickle.dumps([track(name, frames) for frames in pickle.loads(file.read_bytes())]))
