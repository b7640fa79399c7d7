"""`name=value` overrides of a component's own settings: typed, and an unknown name lists the known ones."""

import dataclasses
import types
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

from idfree.core.errors import UserError

S = TypeVar("S")

TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def override(settings: S, assignments: Iterable[str], said_in: str = "--set") -> S:
    """A copy of the dataclass `settings` with every `name=value` of `assignments` applied.

    The value is read as the field's annotated type (bool, int, float, str, Literal, or one of these or None).
    said_in: where they stand, for messages. Raises UserError for an unknown name (listing the known ones), a missing
    `=`, or a value of the wrong type.
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"{said_in} {assignment}: expected name=value")
        changes[name.strip()] = parse(type(settings), name.strip(), text.strip(), said_in)
    try:
        return dataclasses.replace(settings, **changes)  # type: ignore[type-var]
    except ValueError as error:  # a settings class may check its values
        raise UserError(f"{said_in} {' '.join(assignments)}: {error}") from error


def parse(kind: type, name: str, text: str, said_in: str = "--set") -> Any:
    """The value of field `name` of the settings class `kind`, read from `text`. Raises UserError."""
    annotations = typing.get_type_hints(kind)
    if name not in annotations:
        known = ", ".join(f"{f.name}={f.default}" for f in dataclasses.fields(kind))
        raise UserError(f"{said_in} {name}={text}: {kind.__name__} has no setting {name!r}; it has: {known}")
    for option in options(annotations[name]):
        try:
            return read(option, text)
        except ValueError:
            continue
    expected = " or ".join(words(option) for option in options(annotations[name]))
    raise UserError(f"{said_in} {name}={text}: expected {expected}")


def words(annotation: Any) -> str:
    """What a plain type expects, for a person."""
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(map(repr, typing.get_args(annotation)))
    return "none" if annotation is types.NoneType else str(annotation.__name__)


def options(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a union annotation; of any other, itself."""
    return typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)


def read(annotation: Any, text: str) -> Any:
    """`text` as one plain type. Raises ValueError."""
    if annotation is types.NoneType:
        if text.lower() == "none":
            return None
        raise ValueError(text)
    if annotation is bool:
        if text.lower() in TRUTH:
            return TRUTH[text.lower()]
        raise ValueError(text)
    if typing.get_origin(annotation) is typing.Literal:
        if text in typing.get_args(annotation):
            return text
        raise ValueError(text)
    return annotation(text)
