"""Counts in messages: the noun in the singular or in the plural."""

HISSING = ("s", "x", "ch")  # endings of nouns whose plural ends in es


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 frame`, `2 frames`, `0 boxes`. plural: of an irregular noun."""
    regular = f"{noun}es" if noun.endswith(HISSING) else f"{noun}s"
    return f"{count} {noun if count == 1 else plural or regular}"
