"""Who is who learnt from boxes alone, against identities, colour, chance and no embeddings: one network, one schedule.

    python experiments/label_free.py --data ../shared/data --out runs/label_free [--rows fairmot outrack-video …]

trains what is missing, judges it, and writes docs/label_free.md from all that OUT holds: a row or two at a time, and
stopped at any moment, it goes on. To try it: --size 256x160 --backbone resnet18 --epochs 1 --frames 12 --page trial.md

Learnt from first halves of MOT17-04, MOT17-09 and PETS09-S2L1 and the still images of PennFudan (whose identities are
not known); judged on the second halves. Rows, and how each learns who is who:

    none, random, colour   not at all: of detection alone; embeddings are left out, or what the head that never learnt
                           gives, or striped colour histograms
    fairmot                by the identities of the videos
    tracklets              the same by tracklets: boxes that motion links, no name is read
    cycas, outrack-video   by pairs of frames (PennFudan: two views)
    outrack-images         by two views of each picture
    triplet-hard, triplet-all, nt-xent   clmot: by two views of each picture

All networks have one embedding size, and see as many pictures in as many iterations: methods of pairs take half as many
pairs as others take pictures, for half as many epochs. (clmot finds objects in first views alone, as its paper has it.)
All begin with one detector, learnt from the same boxes; the last network is judged, none is chosen by what it is judged
by; each limit is calibrated by tracklets that motion links, without the truth; the trackers are the same for all.
Retrieval: true boxes of every 5th frame, visibility ≥ 0.7, the mean of the three videos. AP and trackers: what each
network detects, the three together.
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


def how(options):
    """What was done, for the page."""
    return (
        f"{options.backbone} at {options.size}: {options.base_epochs} epochs of detection, which all share, in batches"
        f" of {options.base_batch} pictures, then {2 * options.epochs} epochs of each row in batches of {options.batch}"
    )


def known(row):
    """A row, as asked for."""
    if row.split(",")[0] not in ROWS:
        raise argparse.ArgumentTypeError(f"{row}: expected one of {', '.join(ROWS)}")
    return row


def same_as_before(options):
    """Results of other settings must not stand in one table."""
    said = {name: value for name, value in vars(options).items() if name not in FREE}
    file = options.out / "settings.json"
    if file.exists() and json.loads(file.read_text()) != said:
        sys.exit(f"{file} tells of other settings: name another --out")
    write_text(file, json.dumps(said))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/label_free"))
    parser.add_argument("--page", type=Path, default=PAGE)
    rows = f"{', '.join(ROWS)}; with other settings: outrack-video,frames=5,temperature=5"
    parser.add_argument("--rows", nargs="+", type=known, default=list(ROWS), metavar="ROW", help=rows)
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
    same_as_before(options)
    study = Study(options, ROWS)
    if options.only_base:
        study.base()
        return
    for row in options.rows:
        for seed in options.seeds if row in MAIN else options.seeds[:1]:
            study.score(row, seed)
            write_text(options.page, page(options.out, TITLES, MAIN, how(options)))
    write_text(options.page, page(options.out, TITLES, MAIN, how(options)))


if __name__ == "__main__":
    main()
