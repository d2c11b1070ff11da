"""Processes of their own: their threads, what functions answer in them, the memory they take."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

__all__ = ["FRUGAL", "MIB", "PeakMemory", "fresh", "shielded", "threaded"]

MIB = 2**20

# Seconds between two looks at the memory.
INTERVAL = 0.001

CODE = """
import importlib, json, sys
module, name, arguments = sys.argv[1:]
function = getattr(importlib.import_module(module), name)
print(json.dumps(function(*json.loads(arguments))))
"""


def threaded(threads):
    """An environment in which every library computes on so many threads.

    Kernels are those that it finds for the processor, whatever the shell asks it for.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MKL_", "OPENBLAS_"))}
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {**inherited, **dict.fromkeys(names, str(threads))}


# Memory that is let go goes back at once, so that what a process holds is what it uses.
FRUGAL = {
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "0",
    "MALLOC_TOP_PAD_": "0",
}


def fresh(module, function, *arguments, environment=None):
    """What a function of a module beside this one answers in a new process, on one thread."""
    run = subprocess.run(
        [sys.executable, "-c", CODE, module, function, json.dumps(arguments)],
        cwd=Path(__file__).parent,
        env={**threaded(1), **(environment or {})},
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise RuntimeError((run.stderr.strip().splitlines() or ["no message"])[-1])
    return json.loads(run.stdout.splitlines()[-1])


def shielded(module, function, *arguments, environment=None):
    """`fresh`, with NaN for every number asked of a process that fails; says why."""
    try:
        return fresh(module, function, *arguments, environment=environment)
    except RuntimeError as error:
        print(f"  did not run: {function}{arguments}: {error}", flush=True)
        return NaNs()


class NaNs(dict):
    """NaN for every key."""

    def __missing__(self, key):
        return np.nan


def anonymous_memory():
    """Bytes of this process that no file stands behind; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


class PeakMemory:
    """Context in which the anonymous memory is watched: ``start``, ``peak`` and ``growth``."""

    def __enter__(self):
        self.start = self.peak = anonymous_memory()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._done.is_set():
            self.peak = max(self.peak, anonymous_memory())
            time.sleep(INTERVAL)

    def __exit__(self, *exception):
        self.peak = max(self.peak, anonymous_memory())
        self._done.set()
        self._thread.join()

    @property
    def growth(self):
        """Bytes at the peak above those at the start."""
        return self.peak - self.start
