import pytest

from idfree.core.wording import counted


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, ("frame",), "0 frames"),
        (1, ("frame",), "1 frame"),
        (2, ("frame",), "2 frames"),
        (1, ("box",), "1 box"),
        (3, ("box",), "3 boxes"),
        (1, ("person", "people"), "1 person"),
        (2, ("person", "people"), "2 people"),
    ],
)
def test_nouns_agree_with_their_count(count, noun, text):
    assert counted(count, *noun) == text
