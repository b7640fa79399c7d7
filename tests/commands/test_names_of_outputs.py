"""-o with the name of a kind of file that the command does not write: refused, and no folder of that name is made."""

from pathlib import Path

import pytest

from idfree.cli import main
from idfree.commands.common_options import output_folder, run_folder
from idfree.core.errors import UserError
from idfree.pipelines.annotate import video_path
from idfree.pipelines.plot_tracks import plot_path

FOLDERS = (
    *("track a.mp4", "refine a.txt", "count a.txt", "detect a.mp4", "label a.mp4", "adapt a.mp4", "teach a.onnx a.mp4"),
    *("train fairmot a", "data convert a --to coco", "data synth", "demo"),
)
FILES = ("view a.txt", "export a.pt", "tune a --detector det", "data pack a")


@pytest.mark.parametrize("command", [*FOLDERS, *FILES])
def test_other_kinds_of_files(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), "-o", "x.GIF"]) == 2
    error = capsys.readouterr().err
    assert "idfree: -o x.GIF: a " in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_of_results_may_be_named_after_the_model():
    assert output_folder("runs/yolox.onnx") == Path("runs/yolox.onnx")
    with pytest.raises(UserError, match=r"best.pt: a folder is expected"):
        run_folder("best.pt")


def test_video_and_picture(tmp_path):
    file, gif = Path("a.txt"), tmp_path / "x.gif"
    for name in ("x.gif", "x.avi", "x.png"):
        with pytest.raises(
            UserError, match=rf"{name}: videos are written as .mp4, pictures \(--plot\) as .png or .svg"
        ):
            video_path(file, "a", tmp_path / name, show=False, is_only=True)
    with pytest.raises(UserError, match=r"x.mp4: videos are .* of several sequences, into a folder"):
        video_path(file, "a", tmp_path / "x.mp4", show=False, is_only=False)
    with pytest.raises(UserError, match=r"x.png: pictures are .* of several sequences, into a folder"):
        plot_path(file, "heat", tmp_path / "x.png", is_only=False)
    with pytest.raises(UserError, match=r"x.gif: pictures are written as .png or .svg"):
        plot_path(file, "heat", gif, is_only=True)
    assert video_path(file, "a", tmp_path / "x.MP4", show=False, is_only=True) == tmp_path / "x.MP4"
    assert video_path(file, "a", tmp_path / "v1.2", show=False, is_only=True) == tmp_path / "v1.2" / "a.mp4"
    gif.mkdir()
    assert video_path(file, "a", gif, show=False, is_only=True) == gif / "a.mp4"
