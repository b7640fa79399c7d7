"""The Python blocks of the README and of pages run; those of docs/python.md in tests/test_python_page.py."""

import re
from pathlib import Path

import numpy as np
import pytest

import idfree
from idfree.offline.fixed_lag import FixedLag
from idfree.offline.whole_video import Video

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
ELSEWHERE = ("docs/python.md",)
BOXES = np.array([[10.0, 20, 50, 140], [200, 20, 240, 140]])


def given():
    """What the blocks take from the reader's own program."""
    detections = idfree.Detections(xyxy=BOXES, score=[0.9, 0.8])
    return {
        "boxes": BOXES,
        "scores": np.array([0.9, 0.8]),
        "features": np.eye(2, 128, dtype=np.float32),
        "my_model": lambda image: np.column_stack([BOXES, [0.9, 0.8]]),
        "frames": [detections] * 60,
        "tracker": idfree.trackers.ByteTrack(),
        "FixedLag": FixedLag,
        "Video": Video,
    }


def pages():
    names = [page.relative_to(ROOT).as_posix() for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))]
    return [name for name in names if name not in ELSEWHERE and BLOCK.search((ROOT / name).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", pages())
def test_blocks_run(page, place):
    names = given()
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    tracks = names["tracks"]
    assert len(tracks.id) == len(tracks.xyxy) > 0
