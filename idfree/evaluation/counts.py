"""Counts add, ratios are read off: `sum(per_sequence, Clear()).mota` is the COMBINED figure, no average."""

from dataclasses import fields
from typing import TypeVar

C = TypeVar("C", bound="Counts")


class Counts:
    """A base for frozen dataclasses of numbers and arrays whose sum is the sum of each field."""

    def __add__(self: C, other: C) -> C:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))  # type: ignore[arg-type]
