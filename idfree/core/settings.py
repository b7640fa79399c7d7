"""Override the fields of settings dataclasses by `name=value` strings, converted to the annotated types."""

import dataclasses
import types
import typing
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from idfree.core.errors import UserError

S = TypeVar("S")

Assignments = str | Mapping[str, Any] | Iterable[str]  # "name=value", {name: value}, or several "name=value"

BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def parse_assignments(assignments: Assignments) -> list[str]:
    """`name=value` texts of a single one, of several, or of a mapping from names to values. Raises UserError."""
    if isinstance(assignments, str):
        return [assignments]
    if isinstance(assignments, Mapping):
        return [f"{name}={value}" for name, value in assignments.items()]
    texts = list(assignments) if isinstance(assignments, Iterable) else [assignments]
    if not all(isinstance(text, str) for text in texts):
        raise UserError(f"settings {assignments!r}: expected 'name=value', several of these, or a dict")
    return texts


def split_assignments(assignments: Assignments, prefixes: Collection[str]) -> dict[str, list[str]]:
    """Group `name=value` and `prefix.name=value` assignments by prefix, which is removed; order is kept.

    prefixes: without the dot, for example ("detector", "label"). The keys of the result are "" (assignments that have
    none of these prefixes) and every prefix.
    """
    groups: dict[str, list[str]] = {prefix: [] for prefix in ("", *prefixes)}
    for assignment in parse_assignments(assignments):
        prefix, dot, rest = assignment.partition(".")
        if dot and prefix and prefix in prefixes:
            groups[prefix].append(rest)
        else:
            groups[""].append(assignment)
    return groups


def override(settings: S, assignments: Assignments, source: str = "--set") -> S:
    """Return a copy of the dataclass `settings` with every `name=value` of `assignments` applied.

    The value is converted to the field's annotated type (bool, int, float, str, Literal, or a union of these and None).
    source: origin of the assignments, for error messages. Raises UserError for an unknown name (the message lists all
    names), a missing `=`, or a value of the wrong type.
    """
    changes: dict[str, Any] = {}
    assignments = parse_assignments(assignments)
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"{source} {assignment}: expected name=value")
        changes[name.strip()] = parse_value(type(settings), name.strip(), text.strip(), source)
    try:
        return dataclasses.replace(settings, **changes)  # type: ignore[type-var]
    except ValueError as error:  # raised by the settings class if it checks its values
        raise UserError(f"{source} {' '.join(assignments)}: {error}") from error


def parse_value(settings_class: type, name: str, text: str, source: str = "--set") -> Any:
    """Convert `text` to the type of field `name` of `settings_class`. Raises UserError."""
    annotations = typing.get_type_hints(settings_class)
    if name not in annotations:
        fields = ", ".join(f"{f.name}={f.default}" for f in dataclasses.fields(settings_class))
        raise UserError(f"{source} {name}={text}: {settings_class.__name__} has no setting {name!r}; it has: {fields}")
    members = union_members(annotations[name])
    for member in members:
        try:
            return convert(member, text)
        except ValueError:
            continue
    raise UserError(f"{source} {name}={text}: expected {' or '.join(map(describe_type, members))}")


def describe_type(annotation: Any) -> str:
    """Text for a type in an error message, for example "int" or "'foot' or 'centre'"."""
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(map(repr, typing.get_args(annotation)))
    return "none" if annotation is types.NoneType else str(annotation.__name__)


def union_members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union annotation; the annotation itself if it is no union."""
    return typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)


def convert(annotation: Any, text: str) -> Any:
    """Convert `text` to a type that is not a union. Raises ValueError."""
    if annotation is types.NoneType:
        if text.lower() == "none":
            return None
        raise ValueError(text)
    if annotation is bool:
        if text.lower() in BOOLEANS:
            return BOOLEANS[text.lower()]
        raise ValueError(text)
    if typing.get_origin(annotation) is typing.Literal:
        if text in typing.get_args(annotation):
            return text
        raise ValueError(text)
    return annotation(text)
