"""Scripts of experiments/ and benchmarks/: what they import exists, in the package and in their own folder."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*(ROOT / "experiments").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")])


def imported_names(script):
    """(module, name) of each `from module import name`."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.module, alias.name


def defined_names(script):
    """Names that a script defines or imports at its top level."""
    for node in ast.parse(script.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: f"{script.parent.name}/{script.stem}")
def test_imported_names_exist(script):
    missing = []
    for module, name in imported_names(script):
        sibling = script.with_name(f"{module}.py")
        if sibling.exists():
            missing += [name] if name not in set(defined_names(sibling)) else []
        elif module.split(".")[0] == "idfree":
            if module.startswith("idfree.learn"):
                pytest.importorskip("torch")
            missing += [] if hasattr(importlib.import_module(module), name) else [f"{module}.{name}"]
    assert missing == []
