"""Counts that add over sequences; ratios are computed from sums: `sum(per_sequence, Clear()).mota` is COMBINED."""

from dataclasses import fields
from typing import TypeVar

C = TypeVar("C", bound="Counts")


class Counts:
    """Base of frozen dataclasses of numbers and arrays: their sum is the sum of each field."""

    def __add__(self: C, other: C) -> C:
        """The sum of each field."""
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))  # type: ignore[arg-type]
