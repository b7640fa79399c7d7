"""Looks learnt from nothing but video, against motion alone, colour, true identities and an oracle.

    python experiments/adaptation.py --data ../shared/data --out runs/adaptation [--only half|whole]

writes docs/adaptation.md, and goes on where it was stopped. MOT17-04, MOT17-09 (detections FRCNN, SDP and yolox-x) and
PETS09-S2L1 (its own). "half": one network learns from the first halves of the three videos (pseudo-labels by SORT from
SDP, and PETS09's own detections; "true identities": from the truth) and is judged on the second halves; "whole":
`idfree adapt` for each video, from the same detections, judged on that video (no label is used, so that is allowed).
Rows:

    no embeddings           the tracker without embeddings (deepsort, fairmot: their overlap passes alone)
    random             the network before training
    colour             striped colour histograms: no network, no training
    plain              cross-entropy over the tracklets (Karthik 2020)
    learnt             the network of `idfree adapt`, alone
    learnt and colour  what `idfree adapt` gives: the two together
    true identities    the same, learnt from the truth's boxes and identities of the first halves
    oracle             embeddings that know who is who; a false detection resembles nothing but itself

Limits are calibrated on the crops that were learnt from, never on the truth; the oracle's is FairMOT's own.
About an hour and a half on one core of two, 9 GB of crops and embeddings in OUT.
"""

import argparse
from pathlib import Path

import numpy as np
from adaptation_study import EVERY, PAIRS, VIDEOS, Study

from idfree.core.files import write_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "adaptation.md"
SEEDED = ("learnt", "learnt and colour", "true identities")  # rows of several seeds
MOTION = ("bytetrack", "botsort", "ocsort")
LOOKS = ("deepsort", "botsort", "fairmot", "fused")
ROWS = ("no embeddings", "random", "colour", "plain", "learnt", "learnt and colour", "true identities", "oracle")


def mean(study, kind, row, tracker, pairs, seeds=range(1)):
    """(every, HOTA/MOTA/IDF1/IDSW) means over pairs, and the deviation of the mean IDF1 between seeds.

    kind "all": each pair by what was adapted to its own video.
    """
    told = np.array(
        [
            [
                [
                    list(study.score(PAIRS[p][0] if kind == "all" else kind, row, s, tracker, p)[n].values())
                    for n in EVERY
                ]
                for p in pairs
            ]
            for s in seeds
        ]
    )  # seeds, pairs, every, figures
    return told.mean(axis=(0, 1)), told.mean(axis=1)[:, :, 2].std(axis=0)


def line(study, kind, row, tracker, pairs, seeds=range(1)):
    values, spread = mean(study, kind, row, tracker, pairs, seeds)
    cells = []
    for (hota, mota, idf1, idsw), deviation in zip(values, spread, strict=True):
        more = f" ± {100 * deviation:.1f}" if len(seeds) > 1 else ""
        cells.append(f"{100 * hota:.1f} / {100 * idf1:.1f}{more} / {100 * mota:.1f} / {idsw:.0f}")
    print(f"{kind:12} {tracker:10} {row:18} " + " | ".join(cells), flush=True)
    return f"| {tracker} | {row} | " + " | ".join(cells) + " |"


def half_rows(study, seeds):
    """The lines of the table of halves."""
    pairs = list(PAIRS)
    for tracker in MOTION:
        yield line(study, "half", "no embeddings", tracker, pairs)
    for tracker in reversed(LOOKS):
        for row in ROWS:
            if row == "no embeddings" and tracker in MOTION:
                continue
            yield line(study, "half", row, tracker, pairs, range(seeds if row in SEEDED else 1))


def retrieval_rows(study, seeds):
    """The lines of the table of retrieval."""
    for row in ("random", "colour", "plain", "learnt", "learnt and colour", "true identities"):
        told = np.mean([study.retrieval("half", row, s) for s in range(seeds if row in SEEDED else 1)], axis=0)
        yield f"| {row} | " + " | ".join(f"{value:.1f}" for value in told) + " |"


def whole_rows(study):
    """The lines of the table of whole videos: all seven pairs, then those of each video."""
    for name in ("all", *VIDEOS):
        pairs = [pair for pair, (video, *_) in PAIRS.items() if name in ("all", video)]
        for tracker in ("bytetrack", "botsort"):
            yield f"| {name} " + line(study, name, "no embeddings", tracker, pairs)
        for tracker in ("deepsort", "botsort", "fused"):
            for row in ("colour", "learnt and colour", "oracle"):
                yield f"| {name} " + line(study, name, row, tracker, pairs)


def page(study, only, seeds):
    """The page, table by table, as far as it is asked for."""
    columns = " | ".join("every frame" if n == 1 else f"every {n}th" if n > 3 else "every 3rd" for n in EVERY)
    command = "python experiments/adaptation.py --data ../shared/data"
    parts = [f"# Appearance without labels\n\nMade by `{command}`; see there what each row is.\n"]
    if only in (None, "half"):
        rows = list(half_rows(study, seeds))
        parts += ["## Learnt on first halves, judged on second halves\n"]
        parts += [f"HOTA / IDF1 / MOTA / IDSW, means over the seven pairs of video and detections; ±: {seeds} seeds.\n"]
        parts += [f"| tracker | embeddings | {columns} |\n|---|---|---|---|---|", *rows, ""]
        parts += [
            "Retrieval on true crops of the second halves (visibility ≥ 0.7, every 5th frame), mean of three videos:\n"
        ]
        parts += ["| embeddings | R1 | mAP | TPR at FAR 0.1 |\n|---|---|---|---|", *retrieval_rows(study, seeds), ""]
    if only in (None, "whole"):
        rows = list(whole_rows(study))
        parts += ["## Adapted to a video, judged on it\n\nHOTA / IDF1 / MOTA / IDSW, means over its detections.\n"]
        parts += [f"| video | tracker | embeddings | {columns} |\n|---|---|---|---|---|---|", *rows, ""]
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/adaptation"))
    parser.add_argument("--only", choices=("half", "whole"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    write_text(options.page, page(Study(options.data, options.out), options.only, options.seeds))


if __name__ == "__main__":
    main()
