"""Which module may import which (docs/design.md), read from the source, so that lazy imports are held to it, too."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "idfree"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

# The folders of the package, and what each may import besides itself and core.
ALLOWED = {
    "core": set(),
    "sequences": set(),
    "datasets": {"sequences"},
    "synthetic": set(),
    "detectors": set(),
    "trackers": set(),
    "appearance": set(),
    "teaching": set(),
    "offline": set(),
    "counting": set(),
    "evaluation": set(),
    "show": set(),
    "learn": {"datasets"},
}
ROOMS = set(ALLOWED)
ALLOWED["pipelines"] = ROOMS
ALLOWED["commands"] = ROOMS | {"pipelines"}
ALLOWED["experiments"] = ROOMS | {"pipelines"}


def name_of(path: Path) -> str:
    """The dotted name of a module of the package."""
    return ".".join(["idfree", *path.with_suffix("").parts]).removesuffix(".__init__")


NAMES = {name_of(path) for path in MODULES}


def imported(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere: at its top, in functions, for type checkers."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in NAMES else node.module for name in below}
    return found & NAMES


def folder_of(name: str) -> str:
    """The folder of a module: "trackers" of idfree.trackers.sort."""
    return name.split(".")[1] if "." in name else ""


def test_the_root_holds_the_entry_points_alone():
    assert {path.name for path in MODULES if len(path.parts) == 1} == {"__init__.py", "__main__.py", "cli.py"}
    assert {path.parts[0] for path in MODULES if len(path.parts) > 1} == set(ALLOWED)


@pytest.mark.parametrize("path", [path for path in MODULES if len(path.parts) > 1], ids=str)
def test_a_folder_imports_only_what_it_may(path):
    folder = path.parts[0]
    assert {folder_of(name) for name in imported(path)} <= ALLOWED[folder] | {folder, "core"}


def test_no_module_imports_itself_through_others():
    graph = {name_of(path): imported(path) - {name_of(path)} for path in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


def test_only_learn_knows_torch():
    for path in MODULES:
        if path.parts[0] != "learn":
            tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
            modules = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
            modules |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
            assert not {m for m in modules if m.split(".")[0] in ("torch", "torchvision", "timm")}, path


def loaded(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    code = f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_import_is_light():
    assert loaded("import idfree").isdisjoint({"numpy", "scipy", "cv2", "av", "onnxruntime", "rich", "torch"})


def test_help_is_light():
    code = "from idfree.cli import parser; parser().format_help()"
    assert loaded(code).isdisjoint({"scipy", "cv2", "av", "onnxruntime", "rich", "torch"})


def test_public_names():
    import idfree

    for name in idfree.__all__:
        assert getattr(idfree, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = idfree.nothing
