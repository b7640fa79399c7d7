"""Retrieval and tracking with embeddings trained without identities, and with identities, colour, random ones and none.

    python experiments/label_free.py --data ../shared/data --out runs/label_free [--rows fairmot outrack-video …]

Trains and evaluates the rows that OUT lacks, and writes docs/label_free.md from all results in OUT; an interrupted run
resumes. Takes hours of one core. To try it: --size 256x160 --backbone resnet18 --epochs 1 --frames 12 --page trial.md

Trained on the first halves of MOT17-04, MOT17-09 and PETS09-S2L1 and the still images of PennFudan (without
identities); evaluated on the second halves. Rows, by the supervision of the embeddings:

    none, random, colour   none: the detector without embeddings, with those of the untrained head, or with striped
                           colour histograms
    fairmot                the identities of the videos
    tracklets              the same, with motion-only tracklets in place of identities
    cycas, outrack-video   pairs of frames (PennFudan: two augmented views)
    outrack-images         two augmented views of each image
    triplet-hard, triplet-all, nt-xent   clmot: two augmented views of each image

All networks have the same embedding size and see the same number of images in the same number of iterations: methods
that train on pairs take half as many pairs as others take images, for half as many epochs. (The detection loss of clmot
is computed on first views only, as in its paper.) All start from one detector, trained on the same boxes. The last
weights are evaluated, so nothing is selected on the validation data. Match thresholds are calibrated on motion-only
tracklets, without ground truth; the trackers are the same for all rows. Retrieval: ground-truth boxes of every 5th
frame, visibility ≥ 0.7, mean of the three videos. AP and tracking: the network's own detections, combined over the
videos.
"""

import argparse
import json
import sys

from label_free_page import write_page
from label_free_study import DETECTION, Study
from study import DOCS, make_parser

from idfree.core.files import write_text
from idfree.learn.methods.clmot import CLMOT
from idfree.learn.methods.fairmot import FAIRMOT
from idfree.learn.methods.outrack import OUTRACK

# row: (title, method, its settings)
ROWS = {
    "none": ("no appearance", DETECTION, {}),
    "random": ("random embedding", DETECTION, {}),
    "colour": ("striped colour histogram", DETECTION, {}),
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
MAIN = ("fairmot", "cycas", "outrack-video", "triplet-hard")  # trained with all seeds, the others with the first
FREE = ("data", "out", "rows", "seeds", "page", "device", "threads", "only_base")  # options that change no result


def describe_protocol(options):
    """The training schedule, in words."""
    return (
        f"{options.backbone} at {options.size}: {options.base_epochs} epochs of detection, shared by all rows,"
        f" in batches of {options.base_batch} images, then {2 * options.epochs} epochs of each row in batches of"
        f" {options.batch}"
    )


def row_name(row):
    """The argument, if it names a row. Raises ArgumentTypeError if not."""
    if row.split(",")[0] not in ROWS:
        raise argparse.ArgumentTypeError(f"{row}: expected one of {', '.join(ROWS)}")
    return row


def refuse_other_settings(options):
    """Exit if OUT holds results of other settings: one table has one protocol."""
    settings = {name: value for name, value in vars(options).items() if name not in FREE}
    file = options.out / "settings.json"
    if file.exists() and json.loads(file.read_text()) != settings:
        sys.exit(f"{file} holds other settings: name another --out")
    write_text(file, json.dumps(settings))


def parse_options():
    """The options of the command line."""
    parser = make_parser(__doc__, "label_free", DOCS / "label_free.md")
    rows = f"{', '.join(ROWS)}; with other settings: outrack-video,frames=5,temperature=5"
    parser.add_argument("--rows", nargs="+", type=row_name, default=list(ROWS), metavar="ROW", help=rows)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help=f"the first only, except {MAIN}")
    add_training_options(parser)
    parser.add_argument("--frames", type=int, help="read so many frames of each video only, to try it")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only-base", action="store_true", help="train the shared detector, and no row")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.batch % 2:
        parser.error(f"--batch {options.batch}: expected an even number")
    return options


def add_training_options(parser):
    """Add the options of all networks."""
    parser.add_argument("--backbone", default="resnet18-fpn")
    parser.add_argument("--size", default="576x320")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--base-epochs", type=int, default=8, help="of the detector that all rows start from")
    parser.add_argument("--base-batch", type=int, default=8, help="images")
    parser.add_argument("--epochs", type=int, default=1, help="of pairs; twice as many of images")
    parser.add_argument("--batch", type=int, default=4, help="images, an even number")
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--init", help="initial weights of the shared detector")
    parser.add_argument("--pixels", default="unit", help="normalisation of images; imagenet with weights from there")


def main():
    options = parse_options()
    refuse_other_settings(options)
    study = Study(options, ROWS)
    if options.only_base:
        study.base()
        return
    for row in options.rows:
        for seed in options.seeds if row in MAIN else options.seeds[:1]:
            study.score(row, seed)
            write_page(options.page, options.out, TITLES, MAIN, describe_protocol(options))


if __name__ == "__main__":
    main()
