import errno
import os
from pathlib import Path

import pytest

from idfree.core import files
from idfree.core.errors import UserError
from idfree.core.files import atomic_write, empty_folders_removed, make_folder, write_text
from idfree.core.growing_file import GrowingFile
from idfree.core.messages import warn_once


def test_the_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with atomic_write(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        assert partial.suffix == ".txt"
        assert partial.parent == path.parent
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("letter", ["x", "é", "日"])
def test_the_longest_names(tmp_path, letter):
    """The name of the temporary file, which is longer, was too long."""
    stem = letter * (251 // len(letter.encode()))
    for end in ("a", "b"):  # the names of both temporary files differ
        with atomic_write(tmp_path / f"{stem[:-1]}{end}.txt") as partial:
            partial.write_text("text")
            assert len(os.fsencode(partial.name)) <= files.LONGEST_NAME
            assert files.PARTIAL.fullmatch(partial.name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{stem[:-1]}{end}.txt" for end in "ab"]
    assert len({files.partial_name(Path(f"{stem[:-1]}{end}.txt")) for end in "ab"}) == 2


def test_the_old_file_stays_after_an_exception(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted():
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_exceptions_of_the_block_are_passed_on(tmp_path):
    with pytest.raises(FileNotFoundError, match="elsewhere"), atomic_write(tmp_path / "a.txt"):
        Path("elsewhere").read_text()


def test_text_is_utf8_with_unix_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "1,2\nµ\n")
    assert (tmp_path / "a.txt").read_bytes() == "1,2\nµ\n".encode()


def test_paths_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the folder"):
        write_text(tmp_path / "file" / "a.txt", "")
    with pytest.raises(UserError, match=r"cannot make the folder .*file: it is a file"):
        write_text(tmp_path / "file" / "a.txt", "")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"cannot make the folder .*link: it is a link to what does not exist"):
        write_text(tmp_path / "link" / "a.txt", "")
    with pytest.raises(UserError, match="it is a folder"):
        write_text(tmp_path, "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="permission denied"):
        write_text(tmp_path / "a.txt", "")


def test_a_link_stays_and_what_it_names_is_written(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "elsewhere" / "a.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "elsewhere" / "a.txt").read_text() == "new"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UserError, match="cannot write"):
        write_text(tmp_path / "loop", "new")
    assert (tmp_path / "loop").is_symlink()


def test_devices_and_pipes_are_written_through(tmp_path):
    write_text("/dev/null", "gone")
    assert Path("/dev/null").is_char_device()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="cannot write"):
        write_text(pipe, "nobody reads it")
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "somebody reads it")
    assert os.read(descriptor, 100) == b"somebody reads it"
    os.close(descriptor)
    assert pipe.is_fifo()


def test_only_the_first_write_into_a_folder_looks_for_leftovers(tmp_path):
    leftover = tmp_path / ".a.4194304.partial.txt"  # no process has this number
    leftover.touch()
    write_text(tmp_path / "a.txt", "")
    assert not leftover.exists()
    leftover.touch()
    write_text(tmp_path / "a.txt", "")
    assert leftover.exists()


def test_a_growing_file_ends_where_a_link_leads_also_on_another_file_system(tmp_path, monkeypatch):
    replace = os.replace

    def replace_within_a_folder(old, new):
        if Path(old).parent != Path(new).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(old, new)

    monkeypatch.setattr(os, "replace", replace_within_a_folder)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_text("old")
    (tmp_path / "a.txt").symlink_to(tmp_path / "elsewhere" / "a.txt")
    file = GrowingFile(tmp_path / "a.txt")
    file.append(b"new")
    file.finish()
    assert (tmp_path / "elsewhere" / "a.txt").read_text() == "new"
    assert (tmp_path / "a.txt").is_symlink()
    assert {path.name for path in tmp_path.rglob("*.txt*")} == {"a.txt"}


def test_a_warning_is_given_once(caplog):
    for name in ("a.txt", "b.txt", "a.txt"):
        warn_once("%s: odd", f"{caplog.handler!r} {name}")
    assert [message.split()[-2:] for message in caplog.messages] == [["a.txt:", "odd"], ["b.txt:", "odd"]]


def test_folders_are_recorded_only_while_empty_ones_may_be_removed(tmp_path):
    with pytest.raises(UserError, match="cannot make the folder"), empty_folders_removed():
        make_folder(tmp_path / "made" / "zero\0byte")
    assert not (tmp_path / "made").exists()
    with empty_folders_removed():
        make_folder(tmp_path / "kept")
    assert (tmp_path / "kept").is_dir()
    assert not files.RECORDS
