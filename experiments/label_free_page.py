"""The page of label_free.py: tables of its results, and which published rankings they reproduce."""

import json

import numpy as np
from label_free_matches import AUGMENTATIONS
from study import markdown_table

from idfree.core.files import write_text

RETRIEVAL = ("R1", "mAP", "TPR@0.1")
TRACKERS = ("fairmot", "fused")  # the papers', and ours
MEASURES = ("MOTA", "IDF1", "HOTA", "IDSW")
OF_BOXES = (*RETRIEVAL, "AP")
WITHOUT = "fused, no embeddings: IDF1"
FIGURES = (*OF_BOXES, *(f"{tracker}: {name}" for tracker in TRACKERS for name in MEASURES), WITHOUT)
# (better, worse, published IDF1): OUTrack's table of half-val, CL-MOT's of losses and of MOT17's test
ORDERINGS = (
    ("fairmot", "none", "70.2, 61.0"),
    ("cycas", "fairmot", "70.8, 70.2"),
    ("outrack-video", "fairmot", "71.8, 70.2"),
    ("outrack-video,epochs=3", "fairmot,epochs=6", "71.8, 70.2"),  # three times as long
    ("outrack-video,size=864x480", "fairmot,size=864x480", "71.8, 70.2"),  # images 2.25 times as large
    ("outrack-video", "cycas", "71.8, 70.8"),
    ("triplet-hard", "fairmot", "70.9, 69.8"),
    ("triplet-hard", "triplet-all", "74.2, 72.5"),
    ("triplet-all", "nt-xent", "72.5, 68.9"),
)


PAGE = """# Embeddings trained on boxes

One-shot trackers trained with and without identities, on the same small network and data. Made by `python
experiments/label_free.py --data ../shared/data`; its docstring defines the rows. {how}. ± is the standard deviation
between seeds.

- With the default tracker, `fused`, training without identities gives the IDF1 of training with them; with `fairmot` a
  point or two less; retrieval (mAP) is lower.
- A colour histogram needs no training, and has the best retrieval and, with `fused`, the highest IDF1 of the first
  table: the training videos show 89 people.
- Of the published rankings, some hold at this scale ([below](#published-rankings)).

The rows of `clmot` have `pool=batch` (the mean over all samples of a batch), the default when they were made; it is
`pool=image` now. The other rows do not depend on it.

{rows}

## Published rankings

IDF1 with `fairmot`, as in the papers; with `fused`; and mAP. A ranking holds if the difference of the means exceeds the
standard deviation of such a difference between seeds; that of one network is {noise:.1f}.

{orderings}

The papers start from weights of COCO or ImageNet and train for 30 or 40 epochs; here all rows start from a detector
trained on three videos and 170 still images without an appearance loss, and train for two epochs; `epochs=3` of pairs
and `epochs=6` of images are three times as long. Only identities give positive pairs that are far apart in time: two
views of one image (`clmot`) never do, and matching (`outrack`, `cycas`) trains on its own nearest neighbours, most of
which must be correct (next section). Neither three times the training nor `size=864x480`, whose boxes are better,
improves the embeddings of supervised training: the three videos show 89 people.

## Nearest neighbours between frames

Accuracy between two frames of a training video, at most 20 apart: the share of people whose nearest neighbour in the
other frame has their identity; without augmentation, with each frame augmented independently, and with both augmented
alike. Mean of the videos, first seeds. `outrack` and `cycas` train nearest neighbours as positive pairs, so each wrong
one is a wrong label. All rows start from the untrained head (`random embedding`).

{matched}

## Other settings

Rows with changed settings, such as `--rows outrack-video,temperature=5`, beside the rows without.

{others}
"""


def write_page(page, out, titles, main, how):
    """Write the page of the results that exist.

    titles: of rows. main: rows with several seeds. how: the training schedule in words.
    """
    changed = sorted({file.stem.rpartition("-")[0] for file in (out / "tracking").glob("*=*.json")})
    all_titles = titles | {row: row.replace(",", ", ") for row in changed}
    results_of = {row: read_results(out, row) for row in all_titles}
    noise = seed_deviation([results_of[row] for row in main])
    beside = [row for row in titles if any(each.startswith(f"{row},") for each in changed)]
    matched = [row for row in all_titles if results_of[row] and has_matches(results_of[row][0])]
    text = PAGE.format(
        how=how,
        noise=100 * noise,
        rows=result_table({row: results_of[row] for row in titles}, all_titles),
        orderings=markdown_table(
            ("published order", "published IDF1", "here", "holds", "with fused", "mAP"),
            [ranking(all_titles, results_of, noise, *each) for each in ORDERINGS],
        ),
        matched=matching_table({all_titles[row]: results_of[row][0] for row in matched}),
        others=result_table({row: results_of[row] for row in [*beside, *changed]}, all_titles),
    )
    write_text(page, text)


def has_matches(result):
    return all(name in result for name in AUGMENTATIONS)


def matching_table(results):
    """The table of the accuracy of nearest neighbours. results: of the first seed by title."""
    rows = ((title, *(cell(name, [values[name]]) for name in AUGMENTATIONS)) for title, values in results.items())
    return markdown_table(("embeddings", *AUGMENTATIONS), rows)


def result_table(results_of, titles):
    """The table of the rows that have results."""
    return markdown_table(
        ("embeddings", *FIGURES, "seeds"),
        [table_row(titles[row], values) for row, values in results_of.items() if values],
    )


def read_results(out, row):
    """The figures of a row, one dict for each seed."""
    names = [file.name for file in sorted((out / "tracking").glob(f"{row}-[0-9]*.json"))]
    return [
        merge_json(out / folder / name for folder in ("retrieval", "tracking", "without", "matches")) for name in names
    ]


def merge_json(files):
    """The contents of those of several JSON files that exist, as one dict."""
    values = {}
    for file in files:
        values |= json.loads(file.read_text()) if file.exists() else {}
    return values


def table_row(title, seeds):
    """A row of the table: means over the seeds."""
    columns = zip(*map(figures, seeds), strict=True)
    return [title, *(cell(name, values) for name, values in zip(FIGURES, columns, strict=True)), str(len(seeds))]


def ranking(titles, results_of, noise, better, worse, published):
    """Cells of a published ranking of two rows, and whether the results reproduce it."""
    title = " > ".join(titles.get(row, row) for row in (better, worse))
    found = [idf1(results_of.get(row, ())) for row in (better, worse)]
    if not all(found):
        return [title, published, *["–"] * 4]
    gain, least = np.mean(found[0]) - np.mean(found[1]), noise * np.sqrt(sum(1 / len(each) for each in found))
    verdict = "yes" if gain > least else "no: reversed" if gain < -least else "no difference"
    fused, retrieved = (
        ", ".join(cell(name, [read(each) for each in results_of[row]]) for row in (better, worse))
        for name, read in (("IDF1", lambda each: each["fused"]["IDF1"]), ("mAP", lambda each: each.get("mAP")))
    )
    return [title, published, ", ".join(cell("IDF1", each) for each in found), verdict, fused, retrieved]


def seed_deviation(rows):
    """Pooled standard deviation of IDF1 between seeds, of the rows that have several; 0 if none has."""
    variances = [np.var(idf1(row), ddof=1) for row in rows if len(row) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else 0.0


def idf1(seeds):
    """IDF1 with `fairmot`, for each seed."""
    return [each["fairmot"]["IDF1"] for each in seeds]


def figures(result):
    """FIGURES of one result, None for missing ones."""
    tracked = [result[tracker][name] for tracker in TRACKERS for name in MEASURES]
    return [*(result.get(name) for name in OF_BOXES), *tracked, result.get(WITHOUT)]


def cell(name, values):
    """Mean, and the standard deviation between seeds."""
    scale, digits = (1, 0) if name.endswith("IDSW") else (100, 1)
    if any(value is None for value in values):
        return "–"
    spread = f" ± {scale * np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{scale * np.mean(values):.{digits}f}{spread}"
