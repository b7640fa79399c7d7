"""CenterTrack's association with centres alone, with true displacements, and with DeepSORT behind it.

    python experiments/centertrack.py --data ../shared/data --out runs/occlusions

writes the tables of docs/centertrack.md. The second halves of MOT17-04 and MOT17-09, boxes and embeddings of the
package's people detector as occlusion_heads.py keeps them in OUT. True displacements: of detections that a true box
overlaps by half, that of its person since the frame before; it is what a displacement head that never errs would say.
No CenterTrack network was trained for this.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from occlusion_heads import JUDGED, seen
from refinding import KEYS

from idfree.core.files import write_text
from idfree.core.types import Detections, View
from idfree.evaluation.frame_subset import select_half
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.pipelines.tracking_run import concatenate_tracks
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.show.table_formats import to_markdown
from idfree.show.tables import TRACKING, Row, Table, show
from idfree.trackers.association import assign_greedily, iou_distances
from idfree.trackers.registry import make_tracker

ROWS = {  # title: tracker, settings, embeddings, true displacements
    "centertrack, centres alone": ("centertrack", (), False, False),
    "centertrack, true displacements": ("centertrack", (), False, True),
    "centertrack, centres alone, re-associated": ("centertrack", ("reassociate=true",), True, False),
    "centertrack, true displacements, re-associated": ("centertrack", ("reassociate=true",), True, True),
    "deepsort": ("deepsort", ("min_score=0.4",), True, False),
    "fairmot, no embeddings": ("fairmot", (), False, False),
    "fairmot": ("fairmot", (), True, False),
}
PAGE = Path(__file__).resolve().parents[1] / "docs" / "centertrack.md"
MARK = "## Tables\n"  # of the page: what follows it is written here


def true_displacements(found, people, before):
    """(N, 2) of detections, from the true boxes of this frame and the one before; 0 where nobody is known."""
    i, j, distance = iou_distances(people.xyxy, found.xyxy)
    chosen = assign_greedily(i, j, distance, 0.5)
    moved = np.zeros((len(found), 2))
    centre, last = ((each.xyxy[:, :2] + each.xyxy[:, 2:]) / 2 for each in (people, before))
    place = {identity: row for row, identity in enumerate(before.id.tolist())}
    for person, detection in zip(i[chosen].tolist(), j[chosen].tolist(), strict=True):
        if (row := place.get(int(people.id[person]))) is not None:
            moved[detection] = last[row] - centre[person]
    return moved


def measure(data, out, name):
    """Rows [title, metrics] of one video."""
    (sequence,) = open_source(str(data / "videos" / f"{name}.mp4"))
    truth = read_ground_truth(data / "MOT17" / "train" / f"{name}-SDP" / "gt" / "gt.txt")
    truth, length = select_half(truth, sequence.length, "val")
    people = truth[(truth.score > 0) & (truth.class_id == 1)]
    views = []
    for number, (columns, thresholds, size_hw, _) in enumerate(seen(data, out, name), start=1):
        found, (match, upper) = Detections(*columns), thresholds
        moved = true_displacements(found, people.tracks_at(number), people.tracks_at(number - 1))
        shown = replace(found, displacement=moved)
        views.append(View(shown, None, size_hw, match_threshold=match, upper_threshold=upper))
    rows = []
    for title, (kind, settings, looks, moves) in ROWS.items():
        tracker, results = make_tracker(kind, settings, sequence.frame_rate), []
        for number, view in enumerate(views, start=1):
            left = {} if looks else {"embedding": None}
            left |= {} if moves else {"displacement": None}
            results.append((number, tracker.update(replace(view, detections=replace(view.detections, **left)))))
        rows.append([title, compute_metrics(evaluate(truth, concatenate_tracks(results), frames=length))])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/occlusions"))
    parser.add_argument("--only", nargs="+", default=JUDGED, help="videos")
    options = parser.parse_args()
    columns, parts = tuple(column for column in TRACKING if column.key in KEYS), []
    for name in options.only:
        path = options.out / f"centertrack-{name}.json"
        if not path.exists():
            write_text(path, json.dumps(measure(options.data, options.out, name)))
        rows = tuple(Row((title,), metrics) for title, metrics in json.loads(path.read_text()))
        table = Table((name,), columns, (rows,))
        show(table)
        parts.append(f"\n{to_markdown(table)}")
    before = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    write_text(PAGE, before + MARK + "".join(parts))


if __name__ == "__main__":
    main()
