"""The page of label_free.py: its table, and which orders of the papers hold in it."""

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

Made by `python experiments/label_free.py --data ../shared/data`; see there what each row is. {how}. ± is between seeds.

The rows of `clmot` have `pool=batch` (the mean of all samples of a batch at once), the default when they were made;
today's is `pool=image`. The other rows do not depend on it.

{rows}

## What the papers found

IDF1 with `fairmot`, as in the papers; with `fused`; and mAP. An order holds where two means of the first are further
apart than what other seeds would do to their difference; one network's has a deviation of {noise:.1f} between seeds.

{orderings}

The papers begin with weights of COCO or ImageNet and learn for 30 or 40 epochs; here all begin with a detector that has
seen three videos and 170 still images and has had no appearance loss, and learn for two; `epochs=3` of pairs and
`epochs=6` of pictures are three times as long. Identities say at once that two crops far apart in time are one person.
Views of one picture never show that (`clmot`), and matching finds out only if most of what it takes for the same is the
same (`outrack`, `cycas`): see below. Neither three times the training nor `size=864x480`, whose boxes are better, helps
identities to tell people apart: there are 89 in the three videos.

## Whom matching would match

Of two frames of a training video, at most 20 apart: the share of people whose most alike in the other frame is
themselves; as filmed, with each frame varied anew, and with both varied in the same way (`alike`). The mean of the
videos, first seeds. `outrack` and `cycas` make those who are most alike more so: where these are two people, a mistake
is learnt. The head that learnt nothing is where all begin.

{matched}

## Other settings

`--rows outrack-video,temperature=5` and the like: what else a row may be told, beside the row itself.

{others}
"""


def page(out, titles, main, how):
    """The page, as far as there are results. titles: of rows; main: those of which there are several seeds."""
    changed = sorted({file.stem.rpartition("-")[0] for file in (out / "tracking").glob("*=*.json")})
    names = titles | {row: row.replace(",", ", ") for row in changed}
    told = {row: told_of(out, row) for row in names}
    noise = noise_of([told[row] for row in main])
    beside = [row for row in titles if any(each.startswith(f"{row},") for each in changed)]
    known = [row for row in names if told[row] and MATCHED[0] in told[row][0]]
    return PAGE.format(
        how=how,
        noise=100 * noise,
        rows=results({row: told[row] for row in titles}, names),
        orderings=table(
            ("published order", "published IDF1", "here", "holds", "with fused", "mAP"),
            [ordering(names, told, noise, *each) for each in ORDERINGS],
        ),
        matched=table(
            ("embeddings", *MATCHED),
            [[names[row], *(cell(name, [told[row][0][name]]) for name in MATCHED)] for row in known],
        ),
        others=results({row: told[row] for row in [*beside, *changed]}, names),
    )


def results(told, names):
    """The table of some rows, those of which something is known."""
    return table(("embeddings", *FIGURES, "seeds"), [line(names[row], said) for row, said in told.items() if said])


def told_of(out, row):
    """What is said of a row, for each seed that there is."""
    names = [file.name for file in sorted((out / "tracking").glob(f"{row}-[0-9]*.json"))]
    return [merged(out / folder / name for folder in ("retrieval", "tracking", "bare", "matches")) for name in names]


def merged(files):
    """What several files of JSON say, as far as they are there."""
    said = {}
    for file in files:
        said |= json.loads(file.read_text()) if file.exists() else {}
    return said


def line(title, told):
    """A row of the table: means over the seeds that there are."""
    columns = zip(*map(figures, told), strict=True)
    return [title, *(cell(name, values) for name, values in zip(FIGURES, columns, strict=True)), str(len(told))]


def ordering(names, told, noise, better, worse, published):
    """What a paper says of two rows, and what is found here."""
    title = " > ".join(names.get(row, row) for row in (better, worse))
    found = [idf1(told.get(row, ())) for row in (better, worse)]
    if not all(found):
        return [title, published, *["–"] * 4]
    gain, least = np.mean(found[0]) - np.mean(found[1]), noise * np.sqrt(sum(1 / len(each) for each in found))
    verdict = "yes" if gain > least else "no: reversed" if gain < -least else "no difference"
    fused, retrieved = (
        ", ".join(cell(name, [read(each) for each in told[row]]) for row in (better, worse))
        for name, read in (("IDF1", lambda each: each["fused"]["IDF1"]), ("mAP", lambda each: each.get("mAP")))
    )
    return [title, published, ", ".join(cell("IDF1", each) for each in found), verdict, fused, retrieved]


def noise_of(told):
    """Deviation of IDF1 between seeds, of all rows that have several, pooled; 0 if none has."""
    variances = [np.var(idf1(row), ddof=1) for row in told if len(row) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else 0.0


def idf1(told):
    return [each["fairmot"]["IDF1"] for each in told]


def figures(told):
    """FIGURES of one result, None for those that it has not."""
    tracked = [told[tracker][name] for tracker in TRACKERS for name in MEASURES]
    return [*(told.get(name) for name in OF_BOXES), *tracked, told.get(BARE)]


def cell(name, values):
    """Mean, and the deviation between seeds."""
    scale, digits = (1, 0) if name.endswith("IDSW") else (100, 1)
    if any(value is None for value in values):
        return "–"
    spread = f" ± {scale * np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{scale * np.mean(values):.{digits}f}{spread}"


def table(names, rows):
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, ["---"] * len(names), *rows))
