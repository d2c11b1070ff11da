"""Contenders against each other: a process each, round by round, ratios within rounds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from processes import threaded

__all__ = ["Entry", "Results", "race"]

WORKER = Path(__file__).with_name("worker.py")


class Entry(NamedTuple):
    """A contender as it is to run."""

    contender: str
    threads: int = 1
    rounds: int = 3
    device: str = "cpu"


class Worker:
    """The process of an entry, warmed up; ``error`` says why there is none."""

    def __init__(self, entry, workload, mnist):
        command = [sys.executable, WORKER, entry.contender, workload.name, "--device", entry.device]
        self.process = subprocess.Popen(
            [*map(str, command), *(["--mnist", mnist] if mnist else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=threaded(entry.threads),
        )
        self.rounds = entry.rounds
        self.error = self._answer().get("error")

    def fit(self):
        """The answer to one more fit; none after an error."""
        if self.error is not None:
            return {}
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self._answer()
        self.error = answer.pop("error", None)
        return answer

    def _answer(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"ended with code {self.process.wait()}"}

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


class Results(NamedTuple):
    """Answers of every entry, one for each round (empty where it did not run)."""

    answers: dict
    errors: dict

    def values(self, entry, key):
        """Of all rounds, NaN where there is none."""
        return np.array([answer.get(key, np.nan) for answer in self.answers[entry]])

    def ratios(self, entry, reference, key="seconds"):
        """Of the rounds that both ran in."""
        ratios = self.values(entry, key) / self.values(reference, key)
        return ratios[np.isfinite(ratios)]

    def median(self, entry, key):
        """Of the rounds, NaN if there are none."""
        values = self.values(entry, key)
        return np.median(values[np.isfinite(values)]) if np.isfinite(values).any() else np.nan


def race(entries, workload, mnist=None):
    """Let the entries fit in turn, each round from another one on."""
    workers = {entry: Worker(entry, workload, mnist) for entry in entries}
    answers = {entry: [] for entry in entries}
    for number in range(max(entry.rounds for entry in entries)):
        first = number % len(entries)
        for entry in (*entries[first:], *entries[:first]):
            runs = number < entry.rounds
            answers[entry].append(workers[entry].fit() if runs else {})
    for worker in workers.values():
        worker.close()
    return Results(answers, {entry: worker.error for entry, worker in workers.items()})
