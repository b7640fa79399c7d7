import os
from pathlib import Path

import pytest

from idfree.core.errors import UserError
from idfree.core.files import whole, write_text


def test_appears_whole(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with whole(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        assert partial.suffix == ".txt"
        assert partial.parent == path.parent
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted():
        with whole(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_inside_is_not_ours(tmp_path):
    with pytest.raises(FileNotFoundError, match="elsewhere"), whole(tmp_path / "a.txt"):
        Path("elsewhere").read_text()


def test_line_ends_are_unix(tmp_path):
    write_text(tmp_path / "a.txt", "1,2\nµ\n")
    assert (tmp_path / "a.txt").read_bytes() == "1,2\nµ\n".encode()


def test_no_place_to_write(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the folder"):
        write_text(tmp_path / "file" / "a.txt", "")
    with pytest.raises(UserError, match="it is a folder"):
        write_text(tmp_path, "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="permission denied"):
        write_text(tmp_path / "a.txt", "")
