"""Results that are converted part by part are those that are converted at once."""

import json
from pathlib import Path

import numpy as np
import pytest

from idfree.core.types import Annotation, Frame, Tracks
from idfree.pipelines.tracking import results_stream
from idfree.pipelines.tracking.results_stream import ResultsStream
from idfree.sequences.table_writer import write_table
from idfree.sequences.tables import read_tracks

NAMES = {0: "person", 2: 'a "big", red car'}


def stream(path: Path, frames: int, times: bool = True, per_frame: int = 3) -> Annotation:
    """Stream made-up tracks to a file; return them. Every fifth frame has none."""
    rng = np.random.default_rng(0)
    results = ResultsStream(path, path.suffix[1:], NAMES)
    parts = []
    for number in range(1, frames + 1):
        count = per_frame * (number % 5 > 0)
        corner, ids = rng.uniform(-5, 900, (count, 2)), rng.permutation(count) + 1
        tracks = Tracks(np.hstack([corner, corner + 40.123]), ids, rng.uniform(size=count), ids % 3)
        time = number / 30 if times else None
        results.add(Frame(number, None, time), tracks)
        seconds = np.full(count, np.nan if time is None else time)
        frame = np.full(count, number)
        parts.append((frame, ids, tracks.xyxy, tracks.score, tracks.class_id, np.ones(count), seconds))
    results.finish()
    frame, ids, xyxy, score, class_id, visibility, seconds = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Annotation(frame, ids, xyxy, score, class_id, visibility, time=seconds)


@pytest.mark.parametrize("times", [True, False])
@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_parts_make_the_whole(tmp_path, monkeypatch, suffix, rows, times):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(results_stream, "PART_ROWS", rows)
    tracks = stream(tmp_path / f"parts.{suffix}", 23, times)
    assert [path.name for path in tmp_path.iterdir()] == [f"parts.{suffix}"]
    write_table(tmp_path / f"whole.{suffix}", tracks, suffix, NAMES)
    if suffix == "parquet":
        import pyarrow.parquet

        parts, whole = (pyarrow.parquet.read_table(tmp_path / f"{name}.parquet") for name in ("parts", "whole"))
        assert parts.equals(whole)
        groups = pyarrow.parquet.ParquetFile(tmp_path / "parts.parquet").num_row_groups
        assert groups == -(-len(tracks) // rows)
    else:
        assert (tmp_path / f"parts.{suffix}").read_bytes() == (tmp_path / f"whole.{suffix}").read_bytes()
    assert np.allclose(
        read_tracks(tmp_path / f"parts.{suffix}").xyxy, tracks[np.lexsort((tracks.id, tracks.frame))].xyxy, atol=0.02
    )


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_no_tracks_at_all(tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    stream(tmp_path / f"a.{suffix}", 3, per_frame=0)
    assert len(read_tracks(tmp_path / f"a.{suffix}")) == 0


def test_half_a_row_of_a_disk_that_was_full_is_left_out(tmp_path):
    """A camera's tracks until then are kept, without what the failed append has left."""
    results = ResultsStream(tmp_path / "a.json", "json")
    results.add(Frame(1, None, 0.0), Tracks(np.array([[0.0, 0, 9, 9]]), np.array([1]), np.ones(1), np.zeros(1, int)))
    results.flush()
    results.file.file.write(b"2,1,0,")
    results.finish_after_failure(can_be_repeated=False)
    assert [box["frame"] for box in json.loads((tmp_path / "a.json").read_text())] == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
