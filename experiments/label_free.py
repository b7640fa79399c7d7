"""Embeddings learnt from boxes alone, against identities, colour, random ones and none: one network, one schedule.

    python experiments/label_free.py --data ../shared/data --out runs/label_free [--rows fairmot outrack-video …]

trains and judges the rows that OUT lacks, and writes docs/label_free.md from all results in OUT; an interrupted run
resumes. To try it: --size 256x160 --backbone resnet18 --epochs 1 --frames 12 --page trial.md

Trained on first halves of MOT17-04, MOT17-09 and PETS09-S2L1 and the still images of PennFudan (without identities);
judged on the second halves. Rows, and what the embeddings are trained by:

    none, random, colour   nothing: the detector alone; no embeddings, those of the untrained head, or striped colour
                           histograms
    fairmot                the identities of the videos
    tracklets              the same, with motion-only tracklets in place of identities
    cycas, outrack-video   pairs of frames (PennFudan: two views)
    outrack-images         two views of each image
    triplet-hard, triplet-all, nt-xent   clmot: two views of each image

All networks have one embedding size and see as many images in as many iterations: methods of pairs take half as many
pairs as others take images, for half as many epochs. (The detection loss of clmot is of first views alone, as in its
paper.) All start from one detector, trained on the same boxes; the last network is judged, none is selected on the
validation data; match thresholds are calibrated on motion-only tracklets, without the truth; the trackers are the same
for all. Retrieval: true boxes of every 5th frame, visibility ≥ 0.7, mean of the three videos. AP and trackers: the
network's own detections, the three videos together.
"""

import argparse
import json
import sys
from pathlib import Path

from label_free_page import page
from label_free_study import ALONE, Study

from idfree.core.files import write_text
from idfree.learn.methods.clmot import CLMOT
from idfree.learn.methods.fairmot import FAIRMOT
from idfree.learn.methods.outrack import OUTRACK

PAGE = Path(__file__).resolve().parents[1] / "docs" / "label_free.md"
# row: (how it stands in the table, method, its settings)
ROWS = {
    "none": ("no appearance", ALONE, {}),
    "random": ("random embedding", ALONE, {}),
    "colour": ("striped colour histogram", ALONE, {}),
    "fairmot": ("fairmot (identities)", FAIRMOT, {}),
    "tracklets": ("fairmot (tracklets)", FAIRMOT, {}),
    "cycas": ("cycas", OUTRACK, {"objective": "cycas", "occlusions": "none"}),
    "outrack-video": ("outrack (video)", OUTRACK, {"occlusions": "none"}),
    "outrack-images": ("outrack (images)", OUTRACK, {"views": "images", "occlusions": "none"}),
    "triplet-hard": ("clmot triplet-hard", CLMOT, {"pool": "batch"}),
    "triplet-all": ("clmot triplet-all", CLMOT, {"objective": "triplet-all", "pool": "batch"}),
    "nt-xent": ("clmot nt-xent", CLMOT, {"objective": "nt-xent", "pool": "batch"}),
}
TITLES = {row: title for row, (title, *_) in ROWS.items()}
MAIN = ("fairmot", "cycas", "outrack-video", "triplet-hard")  # of which all seeds are trained
FREE = ("data", "out", "rows", "seeds", "page", "device", "threads", "only_base")  # options that change no figure


def describe_protocol(options):
    """The protocol, for the page."""
    return (
        f"{options.backbone} at {options.size}: {options.base_epochs} epochs of detection, which all share, in batches"
        f" of {options.base_batch} pictures, then {2 * options.epochs} epochs of each row in batches of {options.batch}"
    )


def row_name(row):
    """A row as typed. Raises ArgumentTypeError for an unknown one."""
    if row.split(",")[0] not in ROWS:
        raise argparse.ArgumentTypeError(f"{row}: expected one of {', '.join(ROWS)}")
    return row


def refuse_other_settings(options):
    """Exit if OUT holds results of other settings, which must not stand in one table."""
    settings = {name: value for name, value in vars(options).items() if name not in FREE}
    file = options.out / "settings.json"
    if file.exists() and json.loads(file.read_text()) != settings:
        sys.exit(f"{file} holds other settings: name another --out")
    write_text(file, json.dumps(settings))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/label_free"))
    parser.add_argument("--page", type=Path, default=PAGE)
    rows = f"{', '.join(ROWS)}; with other settings: outrack-video,frames=5,temperature=5"
    parser.add_argument("--rows", nargs="+", type=row_name, default=list(ROWS), metavar="ROW", help=rows)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="the first alone for the lesser rows")
    parser.add_argument("--backbone", default="resnet18-fpn")
    parser.add_argument("--size", default="576x320")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--base-epochs", type=int, default=8, help="of pictures, for the detector that all begin with")
    parser.add_argument("--base-batch", type=int, default=8, help="pictures")
    parser.add_argument("--epochs", type=int, default=1, help="of pairs; of pictures twice as many")
    parser.add_argument("--batch", type=int, default=4, help="pictures, an even number")
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--init", help="weights to begin with")
    parser.add_argument("--pixels", default="unit", help="imagenet with weights from there")
    parser.add_argument("--frames", type=int, help="of each footage only so many, to try it")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only-base", action="store_true", help="train the detector from which all begin, no row")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.batch % 2:
        parser.error(f"--batch {options.batch}: expected an even number")
    refuse_other_settings(options)
    study = Study(options, ROWS)
    if options.only_base:
        study.base()
        return
    for row in options.rows:
        for seed in options.seeds if row in MAIN else options.seeds[:1]:
            study.score(row, seed)
            write_text(options.page, page(options.out, TITLES, MAIN, describe_protocol(options)))
    write_text(options.page, page(options.out, TITLES, MAIN, describe_protocol(options)))


if __name__ == "__main__":
    main()
