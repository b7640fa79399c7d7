"""Tracking with OUTrack's refinding of lost tracks, given occlusions from heads trained on a frozen detector.

    python experiments/occlusion_heads.py --data ../shared/data --out runs/occlusions

Trains occlusion heads on feature maps of the package's people detector (occlusion_network.py, occlusion_training.py),
evaluates them and tracking on the second halves of MOT17-04 and MOT17-09, and writes docs/refinding_learnt.md. Boxes
and embeddings are the same in all rows. Features, weights, detections and results are stored in OUT. Takes
minutes of one core for the features, and two for training.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from footage import TRUTH, pedestrians, second_half
from occlusion_network import SHARES
from occlusion_views import second_half_frames
from refinding import GUARDED, PREDICTED, metrics_of, no_occlusions, run_tracker, tracker_section, true_occlusions
from study import DOCS, make_parser, markdown_table, stored

from idfree.core.files import write_text
from idfree.core.occlusions import occlusion_regions
from idfree.offline.whole_video import Video, refine_tracks
from idfree.sequences.motchallenge import open_sequence
from idfree.trackers.lost_tracks import KeepPredicting
from idfree.trackers.refinding import Refinding, RefindingSettings, fit_scores
from idfree.trackers.registry import make_tracker

EVALUATED, TRACKERS = ("MOT17-04", "MOT17-09"), ("fused",)
MIN_SCORES = (0.1, 0.2)  # of occlusion centres; the first is the public code's
TRUE_SHARES = (0.3, 0.7)  # τ of the rows with ground-truth occlusions
COLUMNS = ("τ", "min. score", "true occlusions", "recall", "predicted centres", "precision")
HEAD = """# Refinding with learnt occlusions

Written by `experiments/occlusion_heads.py`. Second halves; boxes of the package's people detector and embeddings of the
head that it had at that time (docs/people_model.md), the same in all rows; tracker `fused` with default settings. The
occlusion heads are two convolutions on the detector's frozen maps, trained for 306 iterations of four images
(`outrack`'s targets and loss) in about two minutes of one core, whereas the paper trains for 30 epochs. Joint training
of `outrack` is in the table "OUTrack: unsupervised and supervised embeddings" of [results](results.md): there, too, FN
fall (12058 to 11851 with the tracker `fairmot`) and MOTA does (51.4 to 47.8). MOT17-09 was measured later, with today's
detector, which has no embeddings; one more name in TRACKERS measures `fairmot`.

- FN fall with every τ (MOT17-04), but FP rise by more: at a score of 0.1, the public code's, few predicted centres are
  at an occlusion (first table), and each can place a lost track wrongly. MOTA falls by 0.4 to 2.9; IDF1 rises by 0.3
  with τ = 0.3 and falls by 0.6 to 2.3 with the others. With ground-truth centres, the same rule raises MOTA by 1.3 to
  2.5, but IDF1 by 0.3 at most: the accuracy of the heads is the limit, and with these boxes the possible gain is small.
- On MOT17-09, ground-truth centres raise MOTA by 4.3 to 5.2 and IDF1 by 1.8 to 3.4; learnt ones lower FN by up to 159
  and MOTA by up to 9.7, and IDF1 changes by −3.3 to +1.8: the same finding, with more to gain.
- Centres of score 0.2 and more give fewer FP, and almost no gain. Both guards of the public code avoid half of the
  added FP, with an IDF1 0.2 above that without refinding.
- Offline interpolation has the highest IDF1 and HOTA; predictions of 0.1 s cost no MOTA and need no heads. With heads
  of this accuracy, leave `refind` off, which is the default.
"""


class SecondHalf:
    """Frames, ground truth and frame rate of the second half of a MOT17 video."""

    def __init__(self, data, out, name):
        self.frames = second_half_frames(data, out, name)
        self.truth, self.length = second_half(data, TRUTH[name])
        self.frame_rate = open_sequence(data / TRUTH[name]).frame_rate

    def learnt(self, share):
        """Predicted occlusion centres (K, 3) of each frame."""
        return [frame.occlusions[share] for frame in self.frames]

    def track(self, tracker, occlusions):
        """Tracks of all frames, with these occlusions of each."""
        views = (replace(frame.view, occlusions=each) for frame, each in zip(self.frames, occlusions, strict=True))
        return run_tracker(tracker, views)


def measure(data, out, name, kind):
    """Rows [title, metrics] of one video and tracker."""
    video, results = SecondHalf(data, out, name), {}

    def refound(title, settings, occlusions):
        results[title] = video.track(Refinding(make_tracker(kind, (), video.frame_rate), settings), occlusions)

    none = no_occlusions(video.length)
    baseline = results["baseline"] = video.track(make_tracker(kind, (), video.frame_rate), none)
    for seconds in PREDICTED:
        tracker = KeepPredicting(make_tracker(kind, (), video.frame_rate), seconds)
        results[f"predicted, {seconds:g} s"] = video.track(tracker, none)
    for share in SHARES:
        for score in MIN_SCORES:
            suffix = "" if score == MIN_SCORES[0] else f", score {score}"
            refound(f"learnt occlusions, {share}{suffix}", RefindingSettings(min_score=score), video.learnt(share))
    refound("learnt occlusions, 0.7, both guards", GUARDED, video.learnt(0.7))
    for share in TRUE_SHARES:
        occlusions = true_occlusions(video.truth, video.length, share)
        refound(f"true occlusions, {share}", RefindingSettings(), occlusions)
    results["offline"] = refine_tracks(baseline, Video(video.frame_rate, video.frames[0].view.size_hw))
    return metrics_of(results, video.truth, video.length)


def evaluate_heads(data, out, name):
    """Rows of COLUMNS of one video, for each τ and minimum score.

    An occlusion and a centre match if their fit G exceeds 0.7. Recall and precision are shares of all frames'
    occlusions and centres.
    """
    video, rows = SecondHalf(data, out, name), []
    people = pedestrians(video.truth)
    boxes = [people.tracks_at(number).xyxy for number in range(1, video.length + 1)]
    for share in SHARES:
        regions = [occlusion_regions(each, share) for each in boxes]
        for score in MIN_SCORES:
            centres = [points[points[:, 2] >= score] for points in video.learnt(share)]
            counts = np.sum([count_matches(*each) for each in zip(regions, centres, strict=True)], axis=0).tolist()
            true, found, predicted, right = counts
            rows.append([share, score, true, found / max(true, 1), predicted, right / max(predicted, 1)])
    return rows


def count_matches(regions, centres):
    """Occlusions, those that a centre fits, centres, and those that fit an occlusion, in one frame."""
    i, j = (each.ravel() for each in np.indices((len(regions), len(centres))))
    fits = fit_scores(regions[i], centres[j, :2]) > RefindingSettings().min_fit
    return len(regions), len(np.unique(i[fits])), len(centres), len(np.unique(j[fits]))


def heads_section(name, rows):
    """Section of the page: recall and precision of the heads."""
    cells = ((a, b, f"{n:,}", f"{100 * r:.1f}", f"{m:,}", f"{100 * p:.1f}") for a, b, n, r, m, p in rows)
    return f"## Learnt occlusions, {name}\n\n{markdown_table(COLUMNS, cells)}\n"


def main():
    parser = make_parser(__doc__, "occlusions", DOCS / "refinding_learnt.md")
    parser.add_argument("--only", nargs="+", default=EVALUATED, help="videos")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data, out, page = options.data, options.out, [HEAD]
    for name in options.only:
        page.append(heads_section(name, stored(out / f"quality-{name}.json", partial(evaluate_heads, data, out, name))))
        for kind in TRACKERS:
            rows = stored(out / f"{name}-{kind}.json", partial(measure, data, out, name, kind))
            page.append(tracker_section(name, kind, rows))
            write_text(options.page, "\n".join(page))


if __name__ == "__main__":
    main()
