"""The page of label_free.py: its table, and which published rankings hold in it."""

import json

import numpy as np

RETRIEVAL = ("R1", "mAP", "TPR@0.1")
TRACKERS = ("fairmot", "fused")  # the papers', and ours
MEASURES = ("MOTA", "IDF1", "HOTA", "IDSW")
MATCHED = ("matched as filmed", "matched varied", "matched varied alike")
OF_BOXES = (*RETRIEVAL, "AP")
BARE = "fused, no embeddings: IDF1"
FIGURES = (*OF_BOXES, *(f"{tracker}: {name}" for tracker in TRACKERS for name in MEASURES), BARE)
# (better, worse, IDF1 that its paper has): OUTrack's table of half-val, CL-MOT's of losses and of MOT17's test
ORDERINGS = (
    ("fairmot", "none", "70.2, 61.0"),
    ("cycas", "fairmot", "70.8, 70.2"),
    ("outrack-video", "fairmot", "71.8, 70.2"),
    ("outrack-video,epochs=3", "fairmot,epochs=6", "71.8, 70.2"),  # three times as long
    ("outrack-video,size=864x480", "fairmot,size=864x480", "71.8, 70.2"),  # pictures 2.25 times as large
    ("outrack-video", "cycas", "71.8, 70.8"),
    ("triplet-hard", "fairmot", "70.9, 69.8"),
    ("triplet-hard", "triplet-all", "74.2, 72.5"),
    ("triplet-all", "nt-xent", "72.5, 68.9"),
)


PAGE = """# Embeddings trained on boxes

Made by `python experiments/label_free.py --data ../shared/data`; its docstring defines the rows. {how}. ± is the
deviation between seeds.

The rows of `clmot` have `pool=batch` (the mean of all samples of a batch at once), the default when they were made;
today's is `pool=image`. The other rows do not depend on it.

{rows}

## What the papers found

IDF1 with `fairmot`, as in the papers; with `fused`; and mAP. A ranking holds if the difference of the means exceeds the
standard deviation of such a difference between seeds; that of one network is {noise:.1f}.

{orderings}

The papers begin with weights of COCO or ImageNet and learn for 30 or 40 epochs; here all begin with a detector that has
seen three videos and 170 still images and has had no appearance loss, and learn for two; `epochs=3` of pairs and
`epochs=6` of pictures are three times as long. Only identities give positive pairs that are far
apart in time: two views of one image (`clmot`) never do, and matching (`outrack`, `cycas`) learns from its own nearest
neighbours, so it needs most of them to be correct (next section). Neither three times the training nor `size=864x480`,
whose boxes are better, improves the embeddings of supervised training: the three videos show 89 people.

## Nearest neighbours between frames

Two frames of a training video, at most 20 apart: the share of people whose nearest neighbour in the other frame is
themselves; without augmentation (`as filmed`), with each frame augmented independently (`varied`), and with both
augmented in the same way (`varied alike`). Mean of the videos, first seeds. `outrack` and `cycas` pull nearest
neighbours together, so each wrong one is a wrong positive pair. The untrained head (`random`) is where all start.

{matched}

## Other settings

Rows with changed settings, such as `--rows outrack-video,temperature=5`, beside the row without.

{others}
"""


def page(out, titles, main, how):
    """The page of the results that exist. titles: of rows; main: rows with several seeds."""
    changed = sorted({file.stem.rpartition("-")[0] for file in (out / "tracking").glob("*=*.json")})
    all_titles = titles | {row: row.replace(",", ", ") for row in changed}
    results_of = {row: read_results(out, row) for row in all_titles}
    noise = seed_deviation([results_of[row] for row in main])
    beside = [row for row in titles if any(each.startswith(f"{row},") for each in changed)]
    known = [row for row in all_titles if results_of[row] and MATCHED[0] in results_of[row][0]]
    return PAGE.format(
        how=how,
        noise=100 * noise,
        rows=result_table({row: results_of[row] for row in titles}, all_titles),
        orderings=table(
            ("published order", "published IDF1", "here", "holds", "with fused", "mAP"),
            [ranking(all_titles, results_of, noise, *each) for each in ORDERINGS],
        ),
        matched=table(
            ("embeddings", *MATCHED),
            [[all_titles[row], *(cell(name, [results_of[row][0][name]]) for name in MATCHED)] for row in known],
        ),
        others=result_table({row: results_of[row] for row in [*beside, *changed]}, all_titles),
    )


def result_table(results_of, titles):
    """The table of the rows that have results."""
    return table(
        ("embeddings", *FIGURES, "seeds"),
        [table_row(titles[row], values) for row, values in results_of.items() if values],
    )


def read_results(out, row):
    """The figures of a row, one dict for each seed."""
    names = [file.name for file in sorted((out / "tracking").glob(f"{row}-[0-9]*.json"))]
    return [
        merge_json(out / folder / name for folder in ("retrieval", "tracking", "bare", "matches")) for name in names
    ]


def merge_json(files):
    """The contents of those of several JSON files that exist, as one dict."""
    values = {}
    for file in files:
        values |= json.loads(file.read_text()) if file.exists() else {}
    return values


def table_row(title, seeds):
    """A row of the table: means over the seeds that there are."""
    columns = zip(*map(figures, seeds), strict=True)
    return [title, *(cell(name, values) for name, values in zip(FIGURES, columns, strict=True)), str(len(seeds))]


def ranking(titles, results_of, noise, better, worse, published):
    """A published ranking of two rows, and whether it holds here."""
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
    """Deviation of IDF1 between seeds, of all rows that have several, pooled; 0 if none has."""
    variances = [np.var(idf1(row), ddof=1) for row in rows if len(row) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else 0.0


def idf1(seeds):
    """IDF1 with `fairmot`, for each seed."""
    return [each["fairmot"]["IDF1"] for each in seeds]


def figures(result):
    """FIGURES of one result, None for missing ones."""
    tracked = [result[tracker][name] for tracker in TRACKERS for name in MEASURES]
    return [*(result.get(name) for name in OF_BOXES), *tracked, result.get(BARE)]


def cell(name, values):
    """Mean, and the deviation between seeds."""
    scale, digits = (1, 0) if name.endswith("IDSW") else (100, 1)
    if any(value is None for value in values):
        return "–"
    spread = f" ± {scale * np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{scale * np.mean(values):.{digits}f}{spread}"


def table(header, rows):
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))
