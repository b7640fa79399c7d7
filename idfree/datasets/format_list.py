"""The table of `idfree data convert --list`: what each format is, whether it is read and written, and what it keeps."""

from idfree.datasets.formats import (
    CLASSES,
    FORMATS,
    IDENTITIES,
    IGNORE_REGIONS,
    SCORES,
    VISIBILITY,
    Format,
)

KEPT = {"ids": IDENTITIES, "scores": SCORES, "visible": VISIBILITY, "ignored": IGNORE_REGIONS, "classes": CLASSES}


def list_formats() -> str:
    """The table as text, a line for each format."""
    rows = [("format", "read", "written", *KEPT, "what")]
    rows += [describe(name, FORMATS[name]) for name in sorted(FORMATS)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    note = "ids … classes: whether a written file keeps them. Videos alone: " + ", ".join(
        name for name, each in sorted(FORMATS.items()) if each.videos_only
    )
    return "\n".join([*lines, note, ""])


def describe(name: str, each: Format) -> tuple[str, ...]:
    """The cells of the row of a format."""
    kept = ["" if each.write is None else mark(feature not in each.lost) for feature in KEPT.values()]
    return (name, mark(each.read is not None), mark(each.write is not None), *kept, each.what)


def mark(yes: bool) -> str:
    """Text of a cell: yes, or a dash."""
    return "yes" if yes else "–"
