"""Benchmarks in processes of their own, on one thread, so that contestants do not share memory or caches.

Only the standard library is imported: interpreters of other environments run the benchmarks' files, too.
"""

import json
import os
import resource
import subprocess

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


def run_json(command, **options):
    """JSON that a command prints, run on one thread; None if it fails or prints nothing.

    options: of `subprocess.run`.
    """
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False, **options)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def children_cpu_seconds():
    """CPU seconds of the processes run so far: on a shared machine they vary less than the clock."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def peak_mib():
    """Peak of this process' resident memory in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def use_cores(count):
    """Bind this process to so many cores, the first ones it may use, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
