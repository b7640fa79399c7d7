"""Functions of the public API with names that no file can have: UserError, as for any missing file."""

import pytest

import idfree
from idfree.core.errors import UserError

CALLS = {
    "track": lambda name, seq, out: idfree.track(name),
    "track, detector": lambda name, seq, out: idfree.track(seq, name, images=False),
    "track, camera": lambda name, seq, out: idfree.track(seq, "det", images=False, camera=name),
    "track_videos, settings": lambda name, seq, out: idfree.track_videos(seq, out, detector="det", settings=name),
    "track_videos, out": lambda name, seq, out: idfree.track_videos(seq, f"{name}/a", detector="det"),
    "detect": lambda name, seq, out: idfree.detect(name, out),
    "label": lambda name, seq, out: idfree.label(name, out),
    "annotate, results": lambda name, seq, out: idfree.annotate(name, seq),
    "annotate, source": lambda name, seq, out: idfree.annotate(seq / "det" / "det.txt", name),
    "count, results": lambda name, seq, out: idfree.count(name, seq, out, lines="0,0,9,9"),
    "count, source": lambda name, seq, out: idfree.count(seq / "det" / "det.txt", name, out, lines="0,0,9,9"),
    "count, homography": lambda name, seq, out: idfree.count(seq / "det" / "det.txt", out=out, homography=name),
    "plot_tracks, results": lambda name, seq, out: idfree.plot_tracks(name, seq),
    "plot_tracks, source": lambda name, seq, out: idfree.plot_tracks(seq / "det" / "det.txt", name),
    "evaluate, results": lambda name, seq, out: idfree.evaluate(name, seq),
    "evaluate, truth": lambda name, seq, out: idfree.evaluate(seq, name),
    "evaluate_detection": lambda name, seq, out: idfree.evaluate_detection(name, seq),
    "evaluate_appearance": lambda name, seq, out: idfree.evaluate_appearance("colour", name),
    "check_data": lambda name, seq, out: idfree.check_data(name),
    "convert_data": lambda name, seq, out: idfree.convert_data(name, "coco", out),
    "pack": lambda name, seq, out: idfree.pack(name, out / "a.zip"),
    "tune": lambda name, seq, out: idfree.tune(name, "det"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "loop"])
def test_names_that_no_file_can_have(tmp_path, monkeypatch, call, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    for file, content in {
        "seqinfo.ini": "[Sequence]\nseqLength=2\nimWidth=64\nimHeight=48\n",
        "det/det.txt": "1,-1,1,2,30,40,0.9\n",
        "gt/gt.txt": "1,1,1,2,30,40,1,1,1\n",
    }.items():
        (tmp_path / "seq" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "seq" / file).write_text(content)
    with pytest.raises(UserError):
        CALLS[call](name, tmp_path / "seq", tmp_path / "out")
