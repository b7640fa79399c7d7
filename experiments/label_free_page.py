"""The page of label_free.py: its table, and which orders of the papers hold in it."""

import json

import numpy as np

RETRIEVAL = ("R1", "mAP", "TPR@0.1")
TRACKERS = ("fairmot", "fused")  # the papers', and ours
MEASURES = ("MOTA", "IDF1", "HOTA", "IDSW")
OF_BOXES = (*RETRIEVAL, "AP")
FIGURES = (*OF_BOXES, *(f"{tracker}: {name}" for tracker in TRACKERS for name in MEASURES))
# (better, worse, IDF1 that its paper has): OUTrack's table of half-val, CL-MOT's of losses and of MOT17's test
ORDERINGS = (
    ("fairmot", "none", "70.2, 61.0"),
    ("cycas", "fairmot", "70.8, 70.2"),
    ("outrack-video", "fairmot", "71.8, 70.2"),
    ("outrack-video", "cycas", "71.8, 70.8"),
    ("triplet-hard", "fairmot", "70.9, 69.8"),
    ("triplet-hard", "triplet-all", "74.2, 72.5"),
    ("triplet-all", "nt-xent", "72.5, 68.9"),
)


def page(out, titles, main, how):
    """The page, as far as there are results. titles: of rows; main: those of which there are several seeds."""
    told = {row: told_of(out, row) for row in titles}
    noise = noise_of([told[row] for row in main])
    parts = [
        "# Looks learnt from boxes",
        "Made by `python experiments/label_free.py --data ../shared/data`; see there what each row is."
        f" {how}. ± is between seeds.",
        table(("looks", *FIGURES, "seeds"), [line(titles[row], told[row]) for row in titles if told[row]]),
        "## What the papers found",
        "IDF1 with `fairmot`. An order holds where two means are further apart than what other seeds would do to their"
        f" difference; one network's IDF1 has a deviation of {100 * noise:.1f} between seeds.",
        table(
            ("published order", "published IDF1", "here", "holds"),
            [ordering(titles, told, noise, *each) for each in ORDERINGS],
        ),
    ]
    if changed := sorted({file.stem.rpartition("-")[0] for file in (out / "tracking").glob("*=*.json")}):
        told |= {row: told_of(out, row) for row in changed}
        beside = [row for row in titles if any(each.startswith(f"{row},") for each in changed)]
        lines = [line(titles[row], told[row][:1]) for row in beside]
        lines += [line(row.replace(",", ", "), told[row][:1]) for row in changed]
        parts += ["## Other settings", "One seed.", table(("looks", *FIGURES, "seeds"), lines)]
    return "\n\n".join(parts) + "\n"


def told_of(out, row):
    """What is said of a row, for each seed that there is."""
    files = sorted((out / "tracking").glob(f"{row}-[0-9]*.json"))
    return [json.loads((out / "retrieval" / file.name).read_text()) | json.loads(file.read_text()) for file in files]


def line(title, told):
    """A row of the table: means over the seeds that there are."""
    columns = zip(*map(figures, told), strict=True)
    return [title, *(cell(name, values) for name, values in zip(FIGURES, columns, strict=True)), str(len(told))]


def ordering(titles, told, noise, better, worse, published):
    """What a paper says of two rows, and what is found here."""
    names, found = f"{titles[better]} > {titles[worse]}", [idf1(told[row]) for row in (better, worse)]
    if not all(found):
        return [names, published, "–", "–"]
    gain, least = np.mean(found[0]) - np.mean(found[1]), noise * np.sqrt(sum(1 / len(each) for each in found))
    verdict = "yes" if gain > least else "no: reversed" if gain < -least else "no difference"
    return [names, published, ", ".join(cell("IDF1", each) for each in found), verdict]


def noise_of(told):
    """Deviation of IDF1 between seeds, of all rows that have several, pooled; 0 if none has."""
    variances = [np.var(idf1(row), ddof=1) for row in told if len(row) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else 0.0


def idf1(told):
    return [each["fairmot"]["IDF1"] for each in told]


def figures(told):
    """FIGURES of one result, None for those that it has not."""
    return [told.get(name) for name in OF_BOXES] + [told[tracker][name] for tracker in TRACKERS for name in MEASURES]


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
