"""The registry: every tracker of the package has a complete entry, and the contract test runs every entry."""

import dataclasses
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import idfree.trackers
from idfree.core.errors import UserError
from idfree.trackers import registry
from idfree.trackers.registry import TRACKERS, Tracker, make_tracker, tracker_help


def concrete_trackers() -> list[type[Tracker]]:
    """The Tracker subclasses that any module of idfree.trackers defines, but for abstract bases of others."""
    modules = [
        importlib.import_module(f"idfree.trackers.{m.name}") for m in pkgutil.iter_modules(idfree.trackers.__path__)
    ]
    classes = [c for m in modules for c in vars(m).values() if inspect.isclass(c) and c.__module__ == m.__name__]
    trackers = [c for c in classes if issubclass(c, Tracker)]
    return [c for c in trackers if not (inspect.isabstract(c) and c.__subclasses__())]


@pytest.mark.parametrize("tracker", concrete_trackers(), ids=lambda c: c.__name__)
def test_every_tracker_is_registered(tracker):
    missing = ", ".join(sorted(tracker.__abstractmethods__))
    assert not missing, f"{tracker.__module__}.{tracker.__name__} does not define {missing}"
    entries = [entry for entry in TRACKERS.values() if entry.tracker is tracker]
    assert entries, f"{tracker.__module__}.{tracker.__name__} has no entry in TRACKERS of idfree/trackers/registry.py"
    public = {tracker.__name__, entries[0].settings.__name__}
    assert public <= set(registry.__all__), f"{public - set(registry.__all__)} missing in __all__ of the registry"
    assert all(hasattr(idfree.trackers, name) for name in public)


@pytest.mark.parametrize("name", TRACKERS)
def test_every_entry_is_complete(name):
    entry = TRACKERS[name]
    assert entry.search, f"{name}: no ranges to search; expected SEARCH in {entry.tracker.__module__}"
    assert entry.summary.strip(), f"{name}: no summary"
    assert "\n" not in entry.summary, f"{name}: the summary has more than one line"
    assert dataclasses.is_dataclass(entry.settings), f"{name}: {entry.settings.__name__} is no dataclass"
    tracker = make_tracker(name)
    assert type(tracker) is entry.tracker
    assert type(tracker.settings) is entry.settings
    assert tracker.settings == entry.settings(), f"{name}: made without settings, it has other than the defaults"


@pytest.mark.parametrize("name", TRACKERS)
def test_every_entry_has_a_patience_in_seconds(name):
    patience = {f.name: f for f in dataclasses.fields(TRACKERS[name].settings)}.get("patience")
    assert patience is not None, f"{TRACKERS[name].settings.__name__} has no setting `patience: float`, in seconds"
    assert patience.type is float


def test_the_contract_test_runs_every_entry():
    source = Path(__file__).with_name("test_contract.py").read_text(encoding="utf-8")
    assert "@pytest.fixture(params=[*TRACKERS, *WITH_WRAPPER])\ndef tracker(" in source, "must run all of TRACKERS"


def test_help_names_every_tracker():
    assert all(f"{name}: {entry.summary}" in tracker_help() for name, entry in TRACKERS.items())


def test_unknown_tracker():
    with pytest.raises(UserError, match="unknown tracker 'best'; there are: sort, iou"):
        make_tracker("best")
