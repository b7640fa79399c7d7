"""Who may import whom (docs/design.md): read from the source, so that it holds for lazy imports, too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "idfree"
GROUND = {"types", "boxes", "settings", "files", "errors", "session"}
ROOMS = {"sequences", "detectors", "tracking", "evaluation", "show", "appearance", "learn"}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The parts of idfree that a file imports: "types" for idfree.types, "tracking" for idfree.tracking.sort."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{a.name}" for a in node.names} if node.module == "idfree" else {node.module}
    return {name.split(".")[1] for name in names if name.startswith("idfree.")}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_rooms_are_strangers_to_each_other(path):
    room = path.parts[0]
    if room in ROOMS:
        assert imported(path) <= GROUND | {room}


@pytest.mark.parametrize("name", sorted(GROUND))
def test_the_ground_floor_stands_on_itself(name):
    assert imported(Path(f"{name}.py")) <= GROUND


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
