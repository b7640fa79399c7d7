"""Check, without training, whether a table can be run: data at hand, their sizes, settings of every row, iterations."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.reading import exists
from idfree.datasets.open_footage import open_all
from idfree.experiments.protocol import PAIRED, Protocol, Source
from idfree.experiments.table import OneShot, Table

NO_TORCH = "PyTorch is not installed: rows can neither be checked nor run (pip install 'idfree[train]')"
NO_VIDEOS = "needs videos, and the training data of this scale are still images: leave it out, by --rows of the others"


def check_table(table: Table, protocol: Protocol, data: Path, titles: Sequence[str] | None = None) -> dict[str, Any]:
    """What a run of a table needs, and what is missing: {"ready", "images", "problems", "rows"}.

    titles: of the rows that are to be run, None for all.
    """
    checked = {source: check_source(source, data, protocol) for source in (*protocol.train, *protocol.val)}
    problems = [problem for _, problem in checked.values() if problem]
    images = sum(checked[source][0] for source in protocol.train)
    stills = sum(checked[source][0] for source in protocol.train if source.still)
    teachers = {name: data / path for name, path in protocol.teachers.items()}
    problems += [f"{path}: missing (the {name} teacher)" for name, path in teachers.items() if not exists(path)]
    problems += [NO_TORCH] if find_spec("torch") is None else []
    rows = {}
    for row in table.chosen_rows(titles):
        if isinstance(row.recipe, OneShot) and not row.recipe.untrained:
            problems += [f"{row.title}: {NO_VIDEOS}"] if needs_other_data(row.recipe, protocol) else []
            rows[row.title], problem = check_settings(
                row.recipe, protocol, data, stills if row.recipe.images_only else images
            )
            problems += [f"{row.title}: {problem}"] if problem else []
    return {"ready": not problems, "images": images, "problems": problems, "rows": rows}


def needs_other_data(recipe: OneShot, protocol: Protocol) -> bool:
    """Whether a row needs videos, and the protocol trains on still images alone."""
    return recipe.needs_videos and all(source.still for source in protocol.train)


def check_source(source: Source, data: Path, protocol: Protocol) -> tuple[int, str | None]:
    """Number of images of a source that are trained on, and what is wrong with it."""
    path = data / source.path
    if not exists(path):
        size = f"{source.frames:,} images; " if source.frames else ""
        return 0, f"{path}: missing ({size}from {source.origin})"
    images = None if protocol.images is None else data / protocol.images
    try:
        footages = open_all([path], "none", images)
    except UserError as error:
        return 0, str(error)
    count = sum(footage.length for footage in footages)
    used = sum(part.length for part in open_all([path], "train", images)) if source.half else count
    if count < source.frames:
        return used, f"{path}: has {count:,} images, expected {source.frames:,}"
    return used, None


def check_settings(recipe: OneShot, protocol: Protocol, data: Path, images: int) -> tuple[dict[str, Any], str | None]:
    """Epochs, batch and iterations of a row, and what is wrong with its settings; nothing without PyTorch."""
    if find_spec("torch") is None:
        return {}, None
    from idfree.experiments.one_shot_rows import settings_of
    from idfree.learn.methods.registry import METHODS

    try:
        settings = settings_of(METHODS[recipe.method], recipe.settings_at(protocol), seed=0)
    except UserError as error:
        return {}, str(error)
    problem = None
    if protocol.init is not None and not exists(weights := data / protocol.init.format(backbone=settings.backbone)):
        problem = f"{weights}: missing; initial weights (COCO or ImageNet) of {settings.backbone}"
    iterations = settings.epochs * -(-images // settings.batch)
    unit = "pairs" if recipe.method in PAIRED else "images"
    return {
        "size": settings.size,
        "epochs": settings.epochs,
        f"batch ({unit})": settings.batch,
        "iterations": iterations,
    }, problem


def lines(reports: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Reports of tables by name, as text."""
    if any(NO_TORCH in report["problems"] for report in reports.values()):
        yield NO_TORCH
    for name, report in reports.items():
        yield from table_lines(name, report)


def table_lines(name: str, report: dict[str, Any]) -> Iterator[str]:
    """The report of one table, without PyTorch's absence."""
    yield f"{name}: {'ready' if report['ready'] else 'not ready'}, {report['images']:,} images to train on"
    problems = dict.fromkeys(report["problems"])
    yield from (f"  missing or wrong: {problem}" for problem in problems if problem != NO_TORCH)
    for title, row in report["rows"].items():
        if row:
            yield f"  {title}: " + ", ".join(f"{key} {value}" for key, value in row.items())
