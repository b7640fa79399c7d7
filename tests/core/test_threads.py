"""CPUs that a process may use, and threads that do not spin."""

import os
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from idfree.core import threads
from idfree.core.onnx_session import open_session
from idfree.core.threads import available_cpus, cpu_limit, cpu_quotas, thread_environment


@pytest.fixture
def machine(monkeypatch):
    """A machine with 8 CPUs, without limits; returns a function that sets the affinity and the quotas."""

    def limit(affinity=8, quotas=()):
        monkeypatch.setattr(os, "cpu_count", lambda: 8)
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
        monkeypatch.setattr(threads, "cpu_quotas", lambda: iter(quotas))

    limit()
    return limit


@pytest.mark.parametrize(
    ("affinity", "quotas", "available"),
    [(8, (), 8), (3, (), 3), (8, (2.0,), 2), (8, (1.5,), 2), (8, (0.25,), 1), (4, (16.0, 2.0), 2), (8, (64.0,), 8)],
)
def test_affinity_and_quotas_limit_the_cpus(machine, affinity, quotas, available):
    machine(affinity, quotas)
    assert available_cpus() == available
    assert cpu_limit() == (None if available == 8 else available)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_quotas_of_control_groups(tmp_path):
    """Version 2, with a limit at a parent, and version 1, whose controllers have folders of their own."""
    groups, root = tmp_path / "groups", tmp_path / "root"
    assert list(cpu_quotas(groups, root)) == []
    write(groups, "4:memory:/box\n3:cpu,cpuacct:/docker/box\n0::/system/unit\n")
    write(root / "system" / "unit" / "cpu.max", "max 100000\n")
    write(root / "system" / "cpu.max", "250000 100000\n")
    write(root / "cpu,cpuacct" / "docker" / "box" / "cpu.cfs_quota_us", "50000\n")
    write(root / "cpu,cpuacct" / "docker" / "box" / "cpu.cfs_period_us", "100000\n")
    write(root / "cpu,cpuacct" / "cpu.cfs_quota_us", "-1\n")
    write(root / "cpu,cpuacct" / "cpu.cfs_period_us", "100000\n")
    assert list(cpu_quotas(groups, root)) == [0.5, 2.5]


@pytest.mark.parametrize("text", ["", "max", "1 0", "a b", "\N{PILE OF POO}", "::::", "0"])
def test_unknown_contents_are_no_quotas(tmp_path, text):
    write(tmp_path / "groups", text + "\n0::/\n1:cpu")
    write(tmp_path / "root" / "cpu.max", text)
    assert list(cpu_quotas(tmp_path / "groups", tmp_path / "root")) == []


def test_variables_of_the_user_are_not_replaced(machine):
    assert thread_environment({"OMP_WAIT_POLICY": "ACTIVE"}) == {"OPENBLAS_THREAD_TIMEOUT": "4"}
    machine(affinity=2)
    limited = thread_environment({"OMP_NUM_THREADS": "5"})
    assert limited == {**threads.PASSIVE, "OPENCV_FOR_THREADS_NUM": "2"}


SEEN = """
import os, sys
seen = []
class Recorder:
    def find_spec(self, name, path, target=None):
        if name == "numpy":
            seen.append(os.environ.get("OMP_WAIT_POLICY"))
sys.meta_path.insert(0, Recorder())
import idfree.cli
seen.append(os.environ.get("OMP_WAIT_POLICY"))
idfree.cli.main(["version", "-q", "--json"])
print(seen)
"""


def test_the_command_line_sets_them_when_it_runs_and_before_numpy_is_imported():
    environment = {name: value for name, value in os.environ.items() if name not in threads.PASSIVE}
    run = subprocess.run([sys.executable, "-c", SEEN], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.splitlines()[-1] == "[None, 'PASSIVE']"


def test_sessions_do_not_spin_and_keep_to_the_limit(machine, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda path, options, providers: opened.append(options))
    (tmp_path / "model.onnx").touch()
    for affinity, asked in ((8, None), (2, None), (2, 1)):
        machine(affinity)
        open_session(tmp_path / "model.onnx", "cpu", asked)
    assert [options.intra_op_num_threads for options in opened] == [0, 2, 1]
    for options in opened:
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
