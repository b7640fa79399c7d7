from dataclasses import dataclass
from typing import Literal

import pytest

from idfree.core.errors import UserError
from idfree.core.settings import override


@dataclass(frozen=True)
class Settings:
    count: int = 3
    share: float = 0.5
    on: bool = True
    size: str = "small"
    kind: Literal["foot", "centre"] = "foot"
    limit: int | None = None

    def __post_init__(self):
        if self.count < 0:
            raise ValueError("count is negative")


def test_values_are_read_as_their_types():
    changed = override(Settings(), ["count=7", "share=1e-3", "on=no", "size=1088x608", "kind=centre", "limit=4"])
    assert changed == Settings(7, 1e-3, False, "1088x608", "centre", 4)
    assert override(changed, ["limit=none"]).limit is None
    assert override(Settings(), []) == Settings()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("cuont=7", "has no setting 'cuont'; it has: count=3, share=0.5"),
        ("count", "expected name=value"),
        ("count=many", "expected int"),
        ("count=1.5", "expected int"),
        ("on=perhaps", "expected bool"),
        ("kind=head", "expected 'foot' or 'centre'"),
        ("limit=few", "expected int or none"),
        ("count=-1", "count is negative"),
    ],
)
def test_mistakes(assignment, message):
    with pytest.raises(UserError, match=message):
        override(Settings(), [assignment])
