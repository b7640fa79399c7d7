"""IDF1 of every candidate of `idfree adapt`, the one that it selects, and an upper bound.

    python experiments/adaptation.py --data ../shared/data --out runs/adaptation [--pairs NAME …] [--seeds 0 1 2]

For each pair of a video and detections, `idfree adapt` runs without training a network (--train: also with it; needs
PyTorch, minutes a video). The embeddings of each candidate are computed once for all detections, and the default
tracker tracks at every 1st, 3rd and 5th frame. No annotation is used for learning, so that whole videos are evaluated.
"oracle" is the upper bound of any appearance: one embedding for each ground-truth identity, and a random one for each
false detection. Writes the tables of docs/adaptation_results.md. An interrupted run resumes. Takes about an hour of one
core.
"""

from pathlib import Path

import numpy as np
from footage import MOVING, TRUTH, track_at_steps, video_path
from study import DOCS, Results, make_parser, markdown_header, markdown_row, write_section
from teach_settings import oracle_embeddings

import idfree
from idfree.core.files import make_folder
from idfree.pipelines.adapt import CANDIDATES
from idfree.sequences.motchallenge import read_ground_truth
from idfree.sequences.tables import read_boxes

NAMES = ("colour", "people", "adapted", "teacher", "trained")
NETWORKS = {"yolox_nano": ("models/yolox_nano.onnx", "person"), "people": ("people", "")}  # detector and classes
OF_MOT15 = ("TUD-Campus", "KITTI-17", "ETH-Sunnyday", "PETS09-S2L1")
BOXES = {  # stored detections of each video, below the data; the networks' are made here
    **{
        name: {"det": f"{TRUTH[name]}/det/det.txt"}
        for name in ("TUD-Campus", "KITTI-17", "ETH-Sunnyday", "PETS09-S2L1")
    },
    **{
        name: {
            "FRCNN": f"MOT17/train/{name}-FRCNN/det/det.txt",
            "SDP": f"MOT17/train/{name}-SDP/det/det.txt",
            "yolox-x": f"detections/yolox-x-mot17/{name}.txt",
        }
        for name in ("MOT17-09", "MOT17-04")
    },
}
COLUMNS = 7  # of a stored detection, before its embedding
PAIRS = {f"{video} {boxes}": (video, boxes) for video in BOXES for boxes in (*BOXES[video], *NETWORKS)}


class Study:
    """The data, the stored results, and how `adapt` is run. extra: options of `idfree.adapt`."""

    def __init__(self, data, out, **extra):
        self.data, self.out, self.extra, self.results = data, out, extra, Results(out)

    def folder(self, pair):
        return self.out / pair.replace(" ", "_")

    def detections(self, pair):
        """The video, and the file or folder of its detections; those of a network are computed once."""
        name, boxes = PAIRS[pair]
        video, folder = video_path(self.data, name), self.folder(pair) / "boxes"
        if boxes not in NETWORKS:
            return video, self.data / BOXES[name][boxes]
        if not (folder / f"{name}.txt").is_file():
            model, classes = NETWORKS[boxes]
            model = model if boxes == "people" else str(self.data / model)
            idfree.detect(video, folder, model, classes=classes, appearance="none")
        return video, folder

    def adapted(self, pair, seed=0):
        """The acceptance test of each candidate."""

        def adapt():
            video, boxes = self.detections(pair)
            return idfree.adapt(video, self.folder(pair) / f"adapt-{seed}", boxes, seed=seed, **self.extra)["relinking"]

        return self.results.get(f"{pair} adapt {seed}", adapt)

    def tracked(self, pair, name, seed=0):
        """[IDF1, HOTA] in percent for each frame step, with a candidate, the oracle, or "motion only"."""
        is_learnt = name in ("adapted", "trained")
        key = f"{pair} {name}" + (f" {seed}" if seed and is_learnt else "")
        return self.results.get(key, lambda: self.track(pair, name, seed))

    def track(self, pair, name, seed):
        video, boxes = self.detections(pair)
        folder, options = self.folder(pair), {}
        if name == "motion only":
            options = {"appearance": "none"}
        elif name == "oracle":
            boxes = self.oracle(pair, video, boxes)
        else:
            boxes = self.embedded(folder, video, boxes, name, seed)
        options["camera"] = "flow" if PAIRS[pair][0] in MOVING else "none"
        truth = self.data / TRUTH[PAIRS[pair][0]]
        return track_at_steps(video, folder / "tracks" / f"{name}-{seed}", truth, detector=boxes, **options)

    def embedded(self, folder, video, boxes, name, seed):
        """The folder of the detections with embeddings of a candidate."""
        run, out = folder / f"adapt-{seed}", folder / f"{name}-{seed}"
        model = run / "appearance.onnx" if name == "trained" else run / CANDIDATES / f"{name}.onnx"
        idfree.detect(video, out, boxes, appearance=str(model))
        return out

    def oracle(self, pair, video, boxes):
        """The folder of the detections with embeddings of ground-truth identities."""
        folder = self.folder(pair)
        (file,) = self.embedded(folder, video, boxes, "colour", 0).glob("*.npy")
        truth = read_ground_truth(self.data / TRUTH[PAIRS[pair][0]] / "gt" / "gt.txt")
        embedding = oracle_embeddings(read_boxes(file), truth)
        make_folder(folder / "oracle")
        np.save(folder / "oracle" / file.name, np.column_stack([np.load(file)[:, :COLUMNS], embedding]))
        return folder / "oracle"


def idf1(scores):
    """IDF1 for each frame step, from [IDF1, HOTA] of each."""
    return np.array(scores)[:, 0]


def tables(study, pairs, seeds):
    """Lines of the page: IDF1 of all candidates, and what was selected against the better of colour and people."""
    names = [name for name in NAMES if any(name in written_candidates(study.adapted(pair)) for pair in pairs)]
    yield "IDF1 at every 1st / 3rd / 5th frame, and its mean; in bold the selected candidate.\n"
    yield markdown_header("pair", "motion only", *names, "oracle")
    found = {}
    for pair in pairs:
        test = study.adapted(pair)
        columns = ("motion only", *(name for name in names if name in written_candidates(test)), "oracle")
        found[pair] = {name: idf1(study.tracked(pair, name)) for name in columns}
        row = markdown_row(pair, *(cell(found[pair].get(name), name == test["winner"]) for name in columns))
        print(row, flush=True)
        yield row
    yield ""
    yield from summary(study, found)
    if len(seeds) > 1:
        yield from seed_lines(study, found, seeds)
    yield from agreement(study, found)


def written_candidates(test):
    """Names of the candidates of which there are files: a trained network has one only if it is selected."""
    return [name for name in test["candidates"] if name != "trained" or test["winner"] == name]


def cell(values, is_selected):
    if values is None:
        return "–"
    text = " / ".join(f"{value:.1f}" for value in values) + f", {values.mean():.1f}"
    return f"**{text}**" if is_selected else text


def summary(study, found):
    """Lines: gains over the better of colour and people, of the selected candidate and of each fixed one."""
    best = np.array([np.maximum(each["colour"], each["people"]) for each in found.values()])
    columns = {"selected": np.array([found[pair][study.adapted(pair)["winner"]] for pair in found])}
    columns |= {
        name: np.array([each[name] for each in found.values()]) for name in ("colour", "people", "adapted", "oracle")
    }
    yield f"Less the better of colour and people, of {best.size} cases (pairs × frame steps):\n"
    yield markdown_header("", "mean", "least", "cases at −0.3 or above", "mean over colour")
    for name, values in columns.items():
        gain = values - best
        over_colour = (values - columns["colour"]).mean()
        count = f"{np.count_nonzero(gain >= -0.3)} of {gain.size}"
        yield markdown_row(name, f"{gain.mean():+.2f}", f"{gain.min():+.1f}", count, f"{over_colour:+.2f}")
    yield ""


def seed_lines(study, found, seeds):
    """Lines: the mean IDF1 of the adapted network, and the selected candidate, for each seed."""
    yield markdown_header("pair", *(f"seed {seed}: adapted, selected" for seed in seeds))
    for pair in found:
        tests = [study.adapted(pair, seed) for seed in seeds]
        cells = [
            f"{idf1(study.tracked(pair, 'adapted', seed)).mean():.1f}, {test['winner']}"
            for seed, test in zip(seeds, tests, strict=True)
        ]
        yield markdown_row(pair, *cells)
    yield ""


def agreement(study, found):
    """Lines: rank 1 (and within the threshold) of each candidate beside its IDF1, and how often their orders agree."""
    yield "Acceptance test, rank 1 (and within the threshold) in percent, beside the mean IDF1:\n"
    names = ("colour", "people", "adapted")
    yield markdown_header("pair", "tracklets, cuts", *names, "selected")
    agreed = count = 0
    for pair, scores in found.items():
        test = study.adapted(pair)
        shares = {name: each for name in names if (each := test["candidates"].get(name)) and each["rank1"] is not None}
        cells = [share_cell(shares.get(name), scores[name]) if name in shares else "–" for name in names]
        yield markdown_row(pair, f"{test['tracklets']}, {test['cuts']}", *cells, test["winner"])
        for first, second in (("colour", "people"), ("colour", "adapted"), ("people", "adapted")):
            if first in shares and second in shares:
                test_order = np.sign(total(shares[first]) - total(shares[second]))
                count += test_order != 0
                agreed += test_order != 0 and test_order == np.sign(scores[first].mean() - scores[second].mean())
    yield f"\nOf {count} pairs of candidates that the test does not find equal, {agreed} are in the order of IDF1."


def total(share):
    return share["rank1"] + share["right"]


def share_cell(share, scores):
    return f"{100 * share['rank1']:.0f} ({100 * share['right']:.0f}), {scores.mean():.1f}"


def main():
    parser = make_parser(__doc__, "adaptation", DOCS / "adaptation_results.md")
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of the split of tracklets")
    parser.add_argument("--train", action="store_true", help="also train a network")
    parser.add_argument("--teacher", type=Path, help="a crop network that is a candidate, too")
    options = parser.parse_args()
    study = Study(options.data, options.out, train=options.train, teacher=options.teacher)
    write_section(options.page, "adaptation", tables(study, options.pairs, options.seeds))


if __name__ == "__main__":
    main()
