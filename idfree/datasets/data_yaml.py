"""The data.yaml of YOLO data sets, without a YAML library: keys with a value, a list, or numbered names."""

import json
import re
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.reading import read_text

Value = str | list[str] | dict[str, str]

KEY = re.compile(r"([\w-]+)\s*:\s*(.*)")
ITEM = re.compile(r"-\s+(.*)")
PAIR = re.compile(r"""(['"]?)(\w+)\1\s*:\s*(.*)""")
COMMENT = re.compile(r"(^|\s)#.*$")


def read_data_yaml(path: Path) -> dict[str, Value]:
    """The values by key: texts, lists of texts, and texts by key. Raises UserError with the line of anything else."""
    values: dict[str, Value] = {}
    key = ""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        text = COMMENT.sub("", line).rstrip()
        if not text.strip() or text in ("---", "..."):
            continue
        if (match := KEY.fullmatch(text)) and not line[0].isspace():
            key = match[1]
            values[key] = parse_flow(match[2])
        elif not (key and add_nested(values, key, text.strip())):
            expected = "KEY: VALUE, - ITEM, or NUMBER: NAME"
            raise UserError(f"{path} line {number}: {line.strip()[:60]!r}: expected {expected}")
    return values


def add_nested(values: dict[str, Value], key: str, text: str) -> bool:
    """Add a line below a key: an item or a pair. False if it is neither, or the key has a value already."""
    value = values[key]
    if value == "":
        value = values[key] = [] if text.startswith("-") else {}
    if isinstance(value, list) and (match := ITEM.fullmatch(text)):
        value.append(unquote(match[1]))
    elif isinstance(value, dict) and (match := PAIR.fullmatch(text)):
        value[match[2]] = unquote(match[3])
    else:
        return isinstance(value, dict)  # a mapping of mappings (`kpt_shape` and the like): not needed
    return True


def parse_flow(text: str) -> Value:
    """A value on the line of its key: [a, b], {0: a, 1: b}, or a text."""
    inner = text[1:-1]
    if text.startswith("[") and text.endswith("]"):
        return [unquote(part) for part in inner.split(",") if part.strip()]
    if text.startswith("{") and text.endswith("}"):
        pairs = [PAIR.fullmatch(part.strip()) for part in inner.split(",") if part.strip()]
        return {match[2]: unquote(match[3]) for match in pairs if match}
    return unquote(text)


def unquote(text: str) -> str:
    """A text without its quotes."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def class_names(values: dict[str, Value], path: Path) -> tuple[str, ...]:
    """The names of classes 0, 1, 2 … Raises UserError if they are missing or not numbered from 0."""
    names = values.get("names", "")
    if isinstance(names, dict):
        numbers = [str(number) for number in range(len(names))]
        names = [names[number] for number in numbers] if set(names) == set(numbers) else []
    if not isinstance(names, list) or not names:
        raise UserError(f"{path}: expected names: a list, or names numbered from 0")
    return tuple(names)


def format_data_yaml(folder: str, names: tuple[str, ...]) -> str:
    """The text of a data.yaml whose images are in `folder`, to train and to validate."""
    rows = "".join(f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for number, name in enumerate(names))
    return f"path: .\ntrain: {folder}\nval: {folder}\nnames:\n{rows}"
