import pytest

from idfree.core.names import MAX_BYTES, file_name, is_path


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("street.mp4", "street.mp4"),
        ("2024-05-01T10:32:07", "2024-05-01T10:32:07"),
        ("…ünï", "…ünï"),
        ("../../x", "x"),
        ("/etc/passwd", "passwd"),
        ("C:\\data\\x", "x"),
        ("a/..", "a"),
        ("..", "video"),
        (".", "video"),
        ("", "video"),
        (" /", "video"),
        ("a\0b\nc", "a_b_c"),
        ("\ud800x", "_x"),
    ],
)
def test_names_are_one_part_of_a_path(name, cleaned):
    assert file_name(name, "video") == cleaned


def test_long_names_are_cut_off():
    name = file_name("ü" * 300, "video")
    assert name == "ü" * (MAX_BYTES // 2)


@pytest.mark.parametrize("name", ["", "a\0b", "a/" + "b" * 256, "a/" * 3000, "\ud800"])
def test_what_cannot_be_a_path(name):
    assert not is_path(name)
    assert is_path("../a/b c.jpg")
