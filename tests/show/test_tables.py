"""Tables as text, CSV, Markdown and LaTeX."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from idfree.evaluation.detection import PrecisionRecall, metrics_by_size
from idfree.evaluation.reid import evaluate_embeddings
from idfree.evaluation.reid_by_size import evaluate_by_size
from idfree.show.table_formats import FORMATS, to_csv, to_latex, to_markdown
from idfree.show.tables import (
    APPEARANCE,
    DETECTION,
    TRACKING,
    Column,
    comparison_table,
    count_column,
    ratio_column,
    score_table,
    show,
    to_text,
)

COLUMNS = (ratio_column("HOTA"), count_column("CLR_FP", "FP"), Column("limit", "limit", style="number", decimals=2))
MINE = {
    "street_1": {"HOTA": 0.61234, "CLR_FP": 1234.0, "limit": 0.4},
    "COMBINED": {"HOTA": 0.5, "CLR_FP": 1300, "limit": None},
    "square": {"HOTA": float("nan"), "CLR_FP": 66},
}
YOURS = {
    "street_1": {"HOTA": 0.6123, "CLR_FP": 1000, "limit": 0.5},
    "square": {"HOTA": 0.3, "CLR_FP": 70},
    "COMBINED": {"HOTA": 0.45, "CLR_FP": 1070},
}


def rows(text: str) -> list[list[str]]:
    """The words of the lines of a text table that are not rules."""
    return [line.split() for line in text.splitlines() if line.strip(" ─")]


def test_text() -> None:
    text = to_text(score_table(MINE, COLUMNS))
    assert rows(text) == [
        ["Sequence", "HOTA", "FP", "limit"],
        ["street_1", "61.2", "1234", "0.40"],
        ["square", "-", "66", "-"],
        ["COMBINED", "50.0", "1300", "-"],
    ]
    lines = text.splitlines()
    assert [set(line.strip()) == {"─"} for line in lines] == [True, False, True, False, False, True, False, True]
    ends = {len(line) for line in lines if "─" not in line}
    assert len(ends) == 1  # figures are flush right


def test_in_a_terminal_the_main_metrics_come_first() -> None:
    details = [["Sequence", "LocA", "MOTP", "IDP", "IDR", "MT", "PT", "ML", "Frag", "Rcll", "Prcn"]]
    main = [["Sequence", "HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "FP", "FN"]]
    for width in (80, 200):
        text = to_text(score_table({"MOT17-04-FRCNN": dict.fromkeys([c.key for c in TRACKING], 0.5)}), width)
        assert rows(text)[::2] == main + details
    assert len(rows(to_text(score_table(MINE)))[0]) == 1 + len(TRACKING)  # one table where the width is unlimited


def test_markdown() -> None:
    assert to_markdown(score_table(MINE, COLUMNS)).splitlines() == [
        "| Sequence | HOTA↑ | FP↓ | limit |",
        "| --- | ---: | ---: | ---: |",
        r"| street\_1 | 61.2 | 1234 | 0.40 |",
        "| square | – | 66 | – |",
        "| **COMBINED** | **50.0** | **1300** | **–** |",
    ]


def test_latex() -> None:
    assert to_latex(comparison_table({"mine & ours": MINE, "yours": YOURS}, COLUMNS)).splitlines() == [
        r"\begin{tabular}{lrrr}",
        r"\toprule",
        r"Results & HOTA $\uparrow$ & FP $\downarrow$ & limit \\",
        r"\midrule",
        r"mine \& ours & \textbf{50.0} & 1300 & -- \\",
        r"yours & 45.0 & \textbf{1070} & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_latex_rules_and_signs() -> None:
    text = to_latex(
        score_table({r"a_b%\x": {"HOTA": -0.5}, "c": {"HOTA": 0.1}, "COMBINED": {"HOTA": 0.1}}, COLUMNS[:1])
    )
    assert r"a\_b\%\textbackslash{}x & $-$50.0 \\" in text
    assert text.count(r"\midrule") == 2


def test_csv_keeps_every_digit() -> None:
    table = list(csv.DictReader(io.StringIO(to_csv(comparison_table({"a,b": MINE, "yours": YOURS}, COLUMNS, True)))))
    assert table[0] == {"Sequence": "street_1", "Results": "a,b", "HOTA": "0.61234", "CLR_FP": "1234", "limit": "0.4"}
    assert [(row["Sequence"], row["Results"]) for row in table] == [
        (sequence, result) for sequence in ("street_1", "square", "COMBINED") for result in ("a,b", "yours")
    ]
    assert table[2]["HOTA"] == ""


def test_the_best_is_marked_as_shown() -> None:
    text = to_text(comparison_table({"mine": MINE, "yours": YOURS}, COLUMNS, per_sequence=True))
    assert rows(text) == [
        ["Sequence", "Results", "HOTA", "FP", "limit"],
        ["street_1", "mine", "61.2", "1234", "0.40"],  # 61.2 either way: none is better; of limits neither is
        ["yours", "61.2", "1000*", "0.50"],
        ["square", "mine", "-", "66*", "-"],
        ["yours", "30.0", "70", "-"],
        ["COMBINED", "mine", "50.0*", "1300", "-"],
        ["yours", "45.0", "1070*", "-"],
    ]


def test_equals_share_the_mark() -> None:
    text = to_text(comparison_table({n: {"COMBINED": {"HOTA": v}} for n, v in (("a", 0.5), ("b", 0.5), ("c", 0.4))}))
    assert [row[1] for row in rows(text)[1:]] == ["50.0*", "50.0*", "40.0"]


@pytest.mark.parametrize("width", [24, 40, 80, 200])
def test_a_narrow_terminal_loses_nothing(width: int) -> None:
    figures = {"MOT17-02-FRCNN": {column.key: 0.5 + k for k, column in enumerate(TRACKING)}}
    text = to_text(score_table(figures), width)
    assert max(map(len, text.splitlines())) <= width
    for k, column in enumerate(TRACKING):
        assert column.header in text.split()
        assert column.text(0.5 + k) in text.split()


def test_a_terminal_gets_colours_and_others_do_not() -> None:
    table = comparison_table({"mine": MINE, "[red]yours": YOURS}, COLUMNS)
    file = io.StringIO()
    show(table, Console(file=file, force_terminal=True, color_system="truecolor", width=80, legacy_windows=False))
    assert "\x1b[1;32m50.0\x1b[0m" in file.getvalue()
    assert "*" not in file.getvalue()
    assert "[red]yours" in file.getvalue()  # a name is not markup
    assert "\x1b" not in to_text(table)


def test_show_into_a_pipe_is_one_wide_table(capsys: pytest.CaptureFixture[str]) -> None:
    show(score_table({"MOT17-02-FRCNN": dict.fromkeys((column.key for column in TRACKING), 0.123)}))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(column.header in lines[1] for column in TRACKING)


def test_no_rows_and_missing_figures() -> None:
    for table in (score_table({}), comparison_table({}), comparison_table({"mine": {}}), score_table({"a": {}})):
        for write in FORMATS.values():
            assert write(table)
    assert rows(to_text(comparison_table({"mine": {}}, COLUMNS))) == [
        ["Results", "HOTA", "FP", "limit"],
        ["mine"] + ["-"] * 3,
    ]


def test_keys_are_those_of_the_measures() -> None:
    known = set(metrics_by_size({name: PrecisionRecall() for name in ("all", "small", "medium", "large")}))
    assert {column.key for column in DETECTION} <= known
    found = evaluate_embeddings(np.eye(2), [1, 2], [1, 2]).metrics()
    found |= evaluate_by_size(np.eye(2), [1, 2], [1, 2], [0, 0], np.zeros((2, 4)))
    assert {column.key for column in APPEARANCE} <= set(found)


def test_the_columns_of_tracking_are_trackevals(shared: Path) -> None:
    figures = json.loads((shared / "data/reference/lif_t_trackeval.json").read_text())
    assert {column.key for column in TRACKING} <= set(figures["MOT17-02-DPM"])
    words = rows(to_text(score_table(figures)))
    assert words[1][:8] == ["MOT17-02-DPM", "45.0", "37.6", "53.7", "91.9", "40.5", "91.4", "50.3"]
    assert words[1][-2:] == ["40.7", "99.7"]


def test_importing_it_does_not_load_rich() -> None:
    code = "import sys, idfree.show.tables; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
