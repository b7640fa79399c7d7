"""Tracking with CenterTrack's association: without and with ground-truth displacements, and with re-association.

    python experiments/centertrack.py --data ../shared/data --out runs/occlusions

Writes the tables of docs/centertrack.md. Evaluated on the second halves of MOT17-04 and MOT17-09, on the boxes and
embeddings of the package's people detector that occlusion_heads.py stores in OUT. Ground-truth displacements are an
upper bound for a displacement head: a detection with an IoU of 0.5 or more with a ground-truth box gets the
displacement of its identity since the previous frame. No CenterTrack network was trained for this. Takes
minutes of one core.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from footage import TRUTH, pedestrians, second_half
from occlusion_views import second_half_frames
from refinding import KEYS, metrics_of, run_tracker
from study import DOCS, make_parser, stored, tracking_table

from idfree.core.files import write_text
from idfree.sequences.motchallenge import open_sequence
from idfree.show.table_formats import to_markdown
from idfree.show.tables import show
from idfree.trackers.association import assign_greedily, iou_distances
from idfree.trackers.registry import make_tracker

EVALUATED = ("MOT17-04", "MOT17-09")
ROWS = {  # title: tracker, settings, embeddings, ground-truth displacements
    "centertrack, centres alone": ("centertrack", (), False, False),
    "centertrack, true displacements": ("centertrack", (), False, True),
    "centertrack, centres alone, re-associated": ("centertrack", ("reassociate=true",), True, False),
    "centertrack, true displacements, re-associated": ("centertrack", ("reassociate=true",), True, True),
    "deepsort": ("deepsort", ("min_score=0.4",), True, False),
    "fairmot, no embeddings": ("fairmot", (), False, False),
    "fairmot": ("fairmot", (), True, False),
}
MARK = "## Tables\n"  # the page is written from here on


def true_displacements(detections, people, before):
    """Displacements (N, 2) of detections to the previous frame; 0 without a ground-truth box in both frames.

    people, before: ground truth of this frame and of the previous one.
    """
    i, j, distance = iou_distances(people.xyxy, detections.xyxy)
    chosen = assign_greedily(i, j, distance, 0.5)
    displacement = np.zeros((len(detections), 2))
    centre, last = ((each.xyxy[:, :2] + each.xyxy[:, 2:]) / 2 for each in (people, before))
    row_of = {identity: row for row, identity in enumerate(before.id.tolist())}
    for person, detection in zip(i[chosen].tolist(), j[chosen].tolist(), strict=True):
        if (row := row_of.get(int(people.id[person]))) is not None:
            displacement[detection] = last[row] - centre[person]
    return displacement


def measure(data, out, name):
    """Rows [title, metrics] of one video."""
    truth, length = second_half(data, TRUTH[name])
    frame_rate, people = open_sequence(data / TRUTH[name]).frame_rate, pedestrians(truth)
    views = []
    for number, frame in enumerate(second_half_frames(data, out, name), start=1):
        found = frame.view.detections
        moved = true_displacements(found, people.tracks_at(number), people.tracks_at(number - 1))
        views.append(replace(frame.view, detections=replace(found, displacement=moved)))
    results = {}
    for title, (kind, settings, embeddings, displacements) in ROWS.items():
        left_out = {} if embeddings else {"embedding": None}
        left_out |= {} if displacements else {"displacement": None}
        shown = (replace(view, detections=replace(view.detections, **left_out)) for view in views)
        results[title] = run_tracker(make_tracker(kind, settings, frame_rate), shown)
    return metrics_of(results, truth, length)


def main():
    parser = make_parser(__doc__, "occlusions", DOCS / "centertrack.md")
    parser.add_argument("--only", nargs="+", default=EVALUATED, help="videos")
    options, parts = parser.parse_args(), []
    for name in options.only:
        rows = stored(options.out / f"centertrack-{name}.json", partial(measure, options.data, options.out, name))
        show(table := tracking_table((name,), KEYS, (((title,), metrics) for title, metrics in rows)))
        parts.append(f"\n{to_markdown(table)}")
    before, _, _ = options.page.read_text(encoding="utf-8").partition(MARK)
    write_text(options.page, before + MARK + "".join(parts))


if __name__ == "__main__":
    main()
