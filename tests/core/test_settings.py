from dataclasses import dataclass
from typing import Literal

import pytest

from idfree.core.errors import UserError
from idfree.core.settings import override, split_assignments


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


def test_values_are_converted_to_the_annotated_types():
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
def test_invalid_assignments_are_refused(assignment, message):
    with pytest.raises(UserError, match=message):
        override(Settings(), [assignment])


def test_split_assignments_groups_by_prefix():
    assignments = ["a=1", "detector.b=2", "label.c=x.y", "d=detector.e", "other.f=3", "detector.g=4", "detector=5"]
    assert split_assignments(assignments, ("detector", "label")) == {
        "": ["a=1", "d=detector.e", "other.f=3", "detector=5"],
        "detector": ["b=2", "g=4"],
        "label": ["c=x.y"],
    }


def test_split_assignments_has_a_key_for_every_prefix():
    assert split_assignments([], ["detector"]) == {"": [], "detector": []}
    assert split_assignments(["a=1"], []) == {"": ["a=1"]}
