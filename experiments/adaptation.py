"""What `idfree adapt` chooses without labels, judged by tracking with the truth at hand (docs/adaptation.md).

    python experiments/adaptation.py --data ../shared/data --out runs/adaptation [--pairs NAME …]

For each pair of video and detections: `idfree adapt` without training a network (with --train also with it, which needs
PyTorch and takes minutes a video); then every candidate's embeddings of the detections are computed once, and the
default tracker tracks them at every 1st, 3rd and 5th frame. Nothing is learnt from annotations, so each video is judged
whole. It goes on where it was stopped; the tables go between the marks of docs/adaptation.md.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import idfree
from idfree.core.files import write_text
from idfree.pipelines.adapt import CANDIDATES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "adaptation.md"
MARKS = "<!-- adaptation: begin -->", "<!-- adaptation: end -->"
EVERY = (1, 3, 5)
MOVING = ("ETH-Sunnyday", "KITTI-17")
NAMES = ("colour", "box", "adapted", "trained")
PAIRS = {  # video, folder of truth, detections; below the data
    "TUD-Campus": ("videos/TUD-Campus.mp4", "MOT15/train/TUD-Campus", "MOT15/train/TUD-Campus/det/det.txt"),
    "KITTI-17": ("videos/KITTI-17.mp4", "MOT15/train/KITTI-17", "MOT15/train/KITTI-17/det/det.txt"),
    "ETH-Sunnyday": ("moving/ETH-Sunnyday", "moving/ETH-Sunnyday", "moving/ETH-Sunnyday/det/det.txt"),
    "PETS09-S2L1": ("videos/PETS09-S2L1.mp4", "MOT15/train/PETS09-S2L1", "MOT15/train/PETS09-S2L1/det/det.txt"),
    **{
        f"{video} {boxes}": (
            f"videos/{video}.mp4",
            f"MOT17/train/{video}-{'SDP' if boxes == 'yolox-x' else boxes}",
            "detections/yolox-x-mot17" if boxes == "yolox-x" else f"MOT17/train/{video}-{boxes}/det/det.txt",
        )
        for video in ("MOT17-09", "MOT17-04")
        for boxes in ("FRCNN", "SDP", "yolox-x")
    },
}


class Study:
    """The data, the folder of results, and the figures that are known: OUT/figures.json."""

    def __init__(self, data, out, is_trained):
        self.data, self.out, self.is_trained = data, out, is_trained
        out.mkdir(parents=True, exist_ok=True)
        self.file = out / "figures.json"
        self.figures = json.loads(self.file.read_text()) if self.file.is_file() else {}

    def kept(self, key, make):
        """The figure of a key, made once."""
        if key not in self.figures:
            self.figures[key] = make()
            write_text(self.file, json.dumps(self.figures, indent=1))
        return self.figures[key]

    def run(self, pair, seed=0):
        """The folder of `idfree adapt`."""
        return self.out / pair.replace(" ", "_") / f"adapt-{seed}"

    def detections(self, pair):
        """The video, and its detections as `--detector` takes them: a file for one of another name."""
        video, _, boxes = (self.data / part for part in PAIRS[pair])
        if boxes.is_dir():
            (boxes,) = (path for path in boxes.iterdir() if video.stem in path.stem)
        return video, boxes

    def adapted(self, pair, seed=0):
        """The test of each candidate."""

        def make():
            video, boxes = self.detections(pair)
            report = idfree.adapt(video, self.run(pair, seed), boxes, train=self.is_trained, seed=seed)
            return {**report["relinking"], "labels": report["tracklets"]}

        return self.kept(f"{pair} adapt {seed}{' trained' * self.is_trained}", make)

    def tracked(self, pair, name):
        """[IDF1, HOTA, MOTA] in percent at every n-th frame by a candidate's embeddings; name None: without."""

        def make():
            video, boxes = self.detections(pair)
            folder, truth = self.run(pair).parent, self.data / PAIRS[pair][1]
            if name is not None:
                model = self.run(pair) / CANDIDATES / f"{name}.onnx"
                model = self.run(pair) / "appearance.onnx" if name == "trained" else model
                idfree.detect(video, folder / name, boxes, appearance=str(model))
                boxes = folder / name
            scores = []
            for every in EVERY:
                options = {"appearance": "none"} if name is None else {}
                camera = "flow" if pair in MOVING else "none"
                out = folder / "tracks" / f"{name}-{every}"
                idfree.track_videos(video, out, detector=boxes, every=every, camera=camera, **options)
                (result,) = out.glob("*.txt")
                metrics = idfree.evaluate(result, truth, every=every)["COMBINED"]
                scores.append([100 * metrics[key] for key in ("IDF1", "HOTA", "MOTA")])
            return scores

        return self.kept(f"{pair} {name}", make)


def row(*parts):
    return "| " + " | ".join(parts) + " |"


def tables(study, pairs):
    """Lines of the two tables: IDF1 of each candidate, and whether the test agrees."""
    found, tested = {}, []
    yield "IDF1 at every 1st / 3rd / 5th frame, and its mean; in bold what was chosen.\n"
    yield row("pair", "motion alone", *NAMES[: 3 + study.is_trained])
    yield "|---" * (5 + study.is_trained) + "|"
    for pair in pairs:
        test = study.adapted(pair)
        names = [name for name in NAMES if name in test["candidates"]]
        scores = {name: np.array(study.tracked(pair, name)) for name in (None, *names)}
        cells = []
        for name, values in scores.items():
            text = " / ".join(f"{value:.1f}" for value in values[:, 0]) + f", {values[:, 0].mean():.1f}"
            cells.append(f"**{text}**" if name == test["winner"] else text)
        print(row(pair, *cells), flush=True)
        yield row(pair, *cells)
        found[pair] = {"chosen": scores[test["winner"]], **scores}
        tested.append((pair, test, {name: values[:, 0].mean() for name, values in scores.items()}))
    chosen, colour, box = (
        np.array([found[pair][name][:, 0] for pair in found]) for name in ("chosen", "colour", "box")
    )
    gain = chosen - np.maximum(colour, box)
    yield (
        f"\nChosen minus the better of colour and box, of {gain.size} cases: mean {gain.mean():+.1f}, least"
        f" {gain.min():+.1f}; at least −0.3 in {np.count_nonzero(gain >= -0.3)}. Chosen minus colour: mean"
        f" {(chosen - colour).mean():+.1f}, least {(chosen - colour).min():+.1f}. Adapted minus the better of colour"
        f" and box, whatever was chosen: mean {adapted_gain(found):+.1f}.\n"
    )
    yield from agreement(tested)


def adapted_gain(found):
    """Mean IDF1 of `adapted` over the better of colour and box."""
    pairs = [scores for scores in found.values() if "adapted" in scores]
    return np.mean([each["adapted"][:, 0] - np.maximum(each["colour"], each["box"])[:, 0] for each in pairs])


def agreement(tested):
    """Lines of the table of the test: rank 1 (right) of each candidate beside its IDF1."""
    yield "Acceptance test, rank 1 (and within the threshold) in percent, beside the mean IDF1:\n"
    yield row("pair", "tracklets, cuts", *NAMES[:3], "chosen")
    yield "|---" * 6 + "|"
    agreed = count = 0
    for pair, test, idf1 in tested:
        shares = test["candidates"]
        names = [name for name in NAMES[:3] if name in shares and shares[name]["rank1"] is not None]
        cells = [
            f"{100 * shares[name]['rank1']:.0f} ({100 * shares[name]['right']:.0f}), {idf1[name]:.1f}" for name in names
        ]
        yield row(pair, f"{test['tracklets']}, {test['cuts']}", *cells, *["–"] * (3 - len(cells)), test["winner"])
        for n, first in enumerate(names):
            for second in names[n + 1 :]:
                score = [shares[name]["rank1"] + shares[name]["right"] for name in (first, second)]
                if score[0] != score[1]:
                    count += 1
                    agreed += (score[0] > score[1]) == (idf1[first] > idf1[second])
    yield f"\nOf {count} pairs of candidates that the test does not find equal, {agreed} are in the order of IDF1."


def write_tables(page, lines):
    """Put lines between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARKS[0])
    write_text(page, f"{before}{MARKS[0]}\n\n{lines.strip()}\n\n{MARKS[1]}{rest.partition(MARKS[1])[2]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/adaptation"))
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    study = Study(options.data, options.out, options.train)
    write_tables(options.page, "\n".join(tables(study, options.pairs)))


if __name__ == "__main__":
    main()
