"""Number of CPUs that this process may use, and environment variables that let waiting threads sleep, not spin.

Spinning threads win microseconds on a machine of one's own and lose everything on a shared one: a thread that waits
for another occupies the processor that the other needs.
"""

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

PASSIVE = {
    "OMP_WAIT_POLICY": "PASSIVE",  # OpenMP: PyTorch
    "OPENBLAS_THREAD_TIMEOUT": "4",  # OpenBLAS: NumPy, SciPy; sleep after 2**4 cycles instead of 2**26
}
LIMITED = ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")  # PyTorch, NumPy, SciPy; OpenCV


def thread_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for libraries that are imported later; variables of `environment` are not replaced."""
    limit = cpu_limit()
    variables = PASSIVE | (dict.fromkeys(LIMITED, str(limit)) if limit else {})
    return {name: value for name, value in variables.items() if name not in environment}


def available_cpus() -> int:
    """Number of CPUs that this process may use: all of the machine, unless its affinity or its container says less.

    The load is not considered: results of training depend on the number of threads, and would depend on the load.
    """
    return cpu_limit() or os.cpu_count() or 1


def cpu_limit() -> int | None:
    """Number of CPUs that this process may use if these are fewer than the machine has, else None."""
    total = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else total
    limit = min(total, allowed, *(max(1, math.ceil(quota)) for quota in cpu_quotas()))
    return limit if limit < total else None


def cpu_quotas(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> Iterator[float]:
    """Yield the CPU quotas of the control groups of this process and of their parents (Linux containers), in CPUs."""
    for line in read_words(groups, separator="\n"):
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / controllers if controllers else root  # version 1 mounts each controller on its own
        for folder in parents_within(mount, path):
            yield from quota_of(folder)


def parents_within(mount: Path, path: str) -> list[Path]:
    """The folder of a control group, and those of its parents up to where the hierarchy is mounted."""
    names = [name for name in path.split("/") if name not in ("", "..")]
    return [mount.joinpath(*names[:count]) for count in range(len(names), -1, -1)]


def quota_of(folder: Path) -> Iterator[float]:
    """Yield the CPU quota of a control group, in CPUs, if it has one: cpu.max of version 2, cpu.cfs_* of version 1."""
    words = read_words(folder / "cpu.max") or [
        *read_words(folder / "cpu.cfs_quota_us"),
        *read_words(folder / "cpu.cfs_period_us"),
    ]
    if len(words) == 2 and all(word.isdecimal() for word in words) and int(words[1]):  # "max" or −1: no quota
        yield int(words[0]) / int(words[1])


def read_words(path: Path, separator: str | None = None) -> list[str]:
    """The words of a text file; none if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").split(separator)
    except (OSError, ValueError):
        return []
