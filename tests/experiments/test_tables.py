"""The published tables as data, the check of what they need, and the page of their results."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from idfree.core.errors import UserError
from idfree.experiments import cli, dry_run
from idfree.experiments.catalogue import PAGES, TABLES
from idfree.experiments.dry_run import NO_TORCH, check_source, check_table
from idfree.experiments.protocol import MINI, Protocol, Source
from idfree.experiments.results import LOWER_IS_BETTER, Results, page, verdict
from idfree.experiments.table import CropReid, OneShot, Ranking, Row, Table, slug
from idfree.pipelines.synthesise import SceneSettings, synthesise

EMPTY = Protocol(train=())


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_rankings_name_rows_and_titles_differ(table):
    titles = [row.title for row in table.rows]
    assert len({*titles}) == len(titles)
    assert {name for ranking in table.rankings for name in (ranking.better, ranking.worse)} <= {*titles}


def test_each_page_has_a_table_of_its_own():
    assert len(TABLES) == len(PAGES)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_published_figures_agree_with_the_published_rankings(table):
    figures = {row.title: row.published for row in table.rows}
    for ranking in table.rankings:
        pair = [figures[name].get(ranking.measure) for name in (ranking.better, ranking.worse)]
        if None not in pair:
            better, worse = pair if ranking.measure not in LOWER_IS_BETTER else reversed(pair)
            assert better >= worse, ranking


def test_rows_of_the_same_training_share_a_network():
    plain, linked = OneShot("fairmot"), OneShot("fairmot", identities="tracklets")
    assert plain.network == replace(plain, embeddings="none").network != linked.network
    assert plain.name != replace(plain, embeddings="none").name
    assert slug("a b/c", "x=1.5") == "a-b-c-x=1.5"


def table_of(*rows, rankings=()):
    return Table("made-up", "Made up", "nobody", rows, tuple(rankings), EMPTY)


@pytest.mark.parametrize(
    ("better", "worse", "measure", "expected"),
    [
        (0.70, 0.60, "IDF1", "holds, 70.0 and 60.0"),
        (0.60, 0.70, "IDF1", "reversed, 60.0 and 70.0"),
        (0.61, 0.60, "IDF1", "no difference"),  # 1 point, two networks differ by 1.5 × √2
        (100, 200, "IDSW", "holds, 100.0 and 200.0"),
        (200, 100, "IDSW", "reversed"),
    ],
)
def test_verdict(better, worse, measure, expected):
    table = table_of(Row("a", CropReid("none")), Row("b", CropReid("random")))
    figures = {"a": [{measure: better}], "b": [{measure: worse}]}
    assert expected in verdict(table, Ranking("a", "b", measure), figures)


def test_rows_with_the_boxes_of_two_detectors_are_not_compared():
    table = table_of(*(Row(name, OneShot("fairmot", same_detector=True)) for name in "ab"))
    figures = {"a": [{"AP": 0.5, "fairmot IDF1": 0.7}], "b": [{"AP": 0.6, "fairmot IDF1": 0.6}]}
    assert "cannot be compared" in verdict(table, Ranking("a", "b"), figures)
    figures["b"][0]["AP"] = 0.5
    assert "holds" in verdict(table, Ranking("a", "b"), figures)


def test_page_shows_what_was_run_beside_the_paper(tmp_path):
    row, other = Row("a", CropReid("none"), {"IDF1": 57.1}), Row("b", CropReid("random"))
    third, results = Row("c", CropReid("colour")), Results(tmp_path)
    for seed, idf1 in enumerate((0.5, 0.7)):
        results.write(row, seed, {"IDF1": idf1})
    assert "No row has been run" in page([table_of(row, other)], results)  # one row is no table
    results.write(third, 0, {"IDF1": 0.6})
    text = page([table_of(row, other, third, rankings=[Ranking("a", "b")])], results)
    assert "| a | 57.1 | 60.0 ± 14.1 | 2 |" in text
    assert "| b | – | – | 0 |" in text
    assert "a above b (IDF1): not run." in text


@pytest.fixture
def street(tmp_path):
    (folder,) = synthesise(tmp_path / "data", SceneSettings(people=2, frames=6, size_hw=(64, 96)))
    return folder


def test_incomplete_data_are_named(street):
    data = street.parent
    assert check_source(Source(street.name, 6, "here"), data, EMPTY) == (6, None)
    assert check_source(Source(street.name, 6, "here", half=True), data, EMPTY) == (4, None)  # 6 // 2 + 1
    assert "has 6 images, expected 7" in check_source(Source(street.name, 7, "here"), data, EMPTY)[1]
    assert "missing (7 images; from here)" in check_source(Source("other", 7, "here"), data, EMPTY)[1]


def test_dry_run_checks_settings_weights_and_teachers(street):
    pytest.importorskip("torch")
    source = Source(street.name, 6, "here", half=True)
    protocol = Protocol(train=(source,), init="weights/{backbone}.pth", teachers={"better": "teacher.onnx"})
    rows = (Row("good", OneShot("fairmot")), Row("bad", OneShot("fairmot", ("strides=2",))))
    report = check_table(table_of(*rows), protocol, street.parent)
    assert report["rows"]["good"]["iterations"] == 30  # epochs of one batch
    text = "\n".join(report["problems"])
    assert not report["ready"]
    assert "dla34.pth: missing" in text
    assert "teacher.onnx: missing" in text
    assert "bad: " in text
    assert "strides" in text


@pytest.mark.parametrize(("name", "title"), [("tdt-teachers", "pseudo-labels"), ("tdt-data", "videos")])
def test_rows_that_need_videos_are_named_where_the_data_are_images(name, title, tmp_path):
    pytest.importorskip("torch")
    table = TABLES[name]
    told = [text for text in check_table(table, table.full, tmp_path)["problems"] if "needs videos" in text]
    assert [text.partition(":")[0] for text in told] == [title]
    others = [row.title for row in table.rows if row.title != title]
    assert not any("needs videos" in text for text in check_table(table, table.full, tmp_path, others)["problems"])


def test_settings_of_all_mini_rows_are_valid(tmp_path):
    pytest.importorskip("torch")
    for table in TABLES.values():
        problems = check_table(table, MINI, tmp_path)["problems"]
        assert all("missing" in problem for problem in problems), problems


def test_cli_lists_and_reports_missing_data(tmp_path, capsys):
    assert cli.main(["list"]) == 0
    assert "outrack-terms: OUTrack: terms of the matching loss" in capsys.readouterr().out
    arguments = ["run", "simplereid-deepsort", "--data", str(tmp_path), "-o", str(tmp_path / "out")]
    assert cli.main(arguments) == 2
    assert "MOT17-04-SDP: missing (1,050 images; from motchallenge.net), and" in capsys.readouterr().err
    assert cli.main([*arguments, "--dry-run", "--json"]) == 2
    assert not json.loads(capsys.readouterr().out)["simplereid-deepsort"]["ready"]


def test_dry_run_without_torch_says_so_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(dry_run, "find_spec", lambda name: None)
    assert cli.main(["run", "tdt-teachers", "outrack-terms", "--data", str(tmp_path), "--dry-run"]) == 2
    told = capsys.readouterr()
    assert told.out.count(NO_TORCH) == 1
    assert "person-reidentification-retail-0287-eps.onnx: missing (the better teacher)" in told.out
    assert "not ready: tdt-teachers, outrack-terms" in told.err


def test_unknown_rows_are_refused():
    tables = [TABLES["outrack-terms"], TABLES["fairmot-anchors"]]
    with pytest.raises(UserError, match="outrack-terms, fairmot-anchors: no row is called 'intra'; there are 'inter'"):
        cli.check_rows(tables, ["inter", "intra"])
    cli.check_rows(tables, ["inter", "anchors"])
    assert [row.title for row in tables[0].chosen_rows(["inter", "anchors"])] == ["inter"]


@pytest.mark.parametrize(
    "content", ["", "{", "null", "[1]", '{"IDF1": "0.5"}', '{"a": true}', '{"a": 1' + "0" * 400 + "}", "\xff"]
)
def test_damaged_figures_are_named(tmp_path, capsys, content):
    row = TABLES["outrack-terms"].rows[0]
    results = Results(tmp_path / "mini")
    results.write(row, 0, {})
    results.file(row, 0).write_text(content, encoding="latin-1")
    assert cli.main(["report", "-o", str(tmp_path), "--page", str(tmp_path / "page.md")]) == 2
    assert f"{results.file(row, 0)}" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


def test_every_seed_is_read(tmp_path):
    row, other = Row("a", CropReid("none")), Row("b", CropReid("random"))
    for seed in (0, 12, -1):
        Results(tmp_path).write(row, seed, {"IDF1": seed / 10})
    assert Results(tmp_path).read(row) == [{"IDF1": -0.1}, {"IDF1": 0.0}, {"IDF1": 1.2}]
    assert Results(tmp_path).read(other) == []


def test_interrupted(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "check_table", lambda *_: {"problems": []})
    monkeypatch.setattr(cli, "run_table", interrupt)
    assert cli.main(["run", "all"]) == 130
    assert (
        capsys.readouterr().err
        == "idfree-experiments: interrupted: finished rows are kept, and the same command goes on\n"
    )


def test_the_page_of_the_documentation_is_made_of_the_stored_figures():
    root = Path(__file__).parents[2]
    stored = page(TABLES.values(), Results(root / "experiments" / "results" / "mini"))
    assert (root / "docs" / "results.md").read_text() == stored, "stale: `idfree-experiments report`"


def test_results_are_kept_in_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "check_table", lambda *_: {"problems": [], "ready": True})
    monkeypatch.setattr(cli, "judge", lambda *_: {"IDF1": 0.5})
    arguments = ["run", "simplereid-deepsort", "--rows", "none", "-o", str(tmp_path / "out"), "--results"]
    assert cli.main([*arguments, str(tmp_path / "kept")]) == 0
    assert [file.name for file in tmp_path.glob("kept/mini/rows/*")] == ["deepsort-none-0.json"]
    assert not (tmp_path / "out").exists()


def test_without_results_no_page_is_written(tmp_path, capsys):
    page_file = tmp_path / "results.md"
    page_file.write_text("mine")
    assert cli.main(["report", "--results", str(tmp_path / "typo"), "--page", str(page_file)]) == 2
    assert "has no results; name their folder with --out or --results" in capsys.readouterr().err
    assert page_file.read_text() == "mine"


def test_what_is_wrong_with_the_results_is_said_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "check_table", lambda *_: {"problems": [], "ready": True})
    monkeypatch.setattr(cli, "judge", lambda *_: pytest.fail("trained"))
    (tmp_path / "file").touch()
    arguments = ["run", "simplereid-deepsort", "--rows", "none", "--results"]
    assert cli.main([*arguments, str(tmp_path / "file")]) == 2
    assert "cannot make the folder" in capsys.readouterr().err
    damaged = tmp_path / "kept" / "mini" / "rows" / "deepsort-none-0.json"
    damaged.parent.mkdir(parents=True)
    for text in ("", "{", "[]", '{"IDF1": NaN}', '{"IDF1": "0.5"}'):
        damaged.write_text(text)
        assert cli.main([*arguments, str(tmp_path / "kept")]) == 2
        assert "delete it, and run its row again" in capsys.readouterr().err
