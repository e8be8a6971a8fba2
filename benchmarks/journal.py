"""How fast do processes append to Optuna's journal backend, and how fast to ours?

    python benchmarks/journal.py [--processes 8] [--seconds 5] [--rounds 6] [--folder PATH]

Each process runs whole trials (begin, 2 parameters, 3 values, end: 7 appends) for the given time.
The worst wait is the longest time of one append. A round runs both, in changing order; the ratio
is that of each round. The fsync times show how fast the disk was. With a slow fsync the two rates
differ much; with a fast one, or none (--folder /dev/shm), they differ little. They are no upper
limit: a disk may sync faster while several processes keep it busy.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import FloatDistribution
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalStorage
from optuna.trial import TrialState

from zmodel.study.journal.file import JournalFile

BACKENDS = {"optuna": JournalFileBackend, "zmodel": JournalFile}
X = FloatDistribution(0, 1)
FORK = multiprocessing.get_context("fork")


class Timed(BaseJournalBackend):
    """Notes the seconds that each append takes."""

    def __init__(self, backend: BaseJournalBackend) -> None:
        self._backend = backend
        self.seconds: list[float] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self._backend.read_logs(log_number_from)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        start = time.perf_counter()
        self._backend.append_logs(logs)
        self.seconds.append(time.perf_counter() - start)


def run_trials(path: str, backend: str, start: Any, seconds: float, results: Any) -> None:
    timed = Timed(BACKENDS[backend](path))
    storage = JournalStorage(timed)
    start.wait()
    end, trials = time.monotonic() + seconds, 0
    timed.seconds.clear()
    while time.monotonic() < end:
        trial = storage.create_new_trial(0)
        for name in ("x", "y"):
            storage.set_trial_param(trial, name, 0.5, X)
        for epoch in range(3):
            storage.set_trial_intermediate_value(trial, epoch, 0.5)
        storage.set_trial_state_values(trial, TrialState.COMPLETE, [0.5])
        trials += 1
    results.put((trials, timed.seconds))


def measure(backend: str, processes: int, seconds: float, folder: Path) -> tuple[int, list[float]]:
    """Trials finished, and seconds of each append, of all processes."""
    path = str(folder / f"{backend}-{time.monotonic_ns()}.journal")
    optuna.create_study(storage=JournalStorage(BACKENDS[backend](path)))
    start, results = FORK.Barrier(processes), FORK.Queue()
    workers = [
        FORK.Process(target=run_trials, args=(path, backend, start, seconds, results))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    answers = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    return sum(n for n, _ in answers), [s for _, waits in answers for s in waits]


def sync_time(folder: Path) -> float:
    """Median milliseconds in which this disk makes one line durable, without any lock."""
    seconds = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 200)
            start = time.perf_counter()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds)


def one_round(options: argparse.Namespace, number: int, folder: Path) -> tuple[float, float]:
    """Appends and worst wait, zmodel's over Optuna's, and a line of the table for each."""
    rates, worst = {}, {}
    # The order changes, and the disk is measured around each run: its speed may change at any time.
    for name in sorted(BACKENDS, reverse=bool(number % 2)):
        before = sync_time(folder)
        trials, waits = measure(name, options.processes, options.seconds, folder)
        after = sync_time(folder)
        rates[name], worst[name] = len(waits) / options.seconds, 1e3 * max(waits)
        speed = f"{trials / options.seconds:10.1f}{rates[name]:11.1f}"
        wait = f"{1e3 * statistics.median(waits):11.2f}{worst[name]:10.0f}"
        print(f"{number:5} {name:8}{speed}{wait}{before:10.2f} ->{after:6.2f}", flush=True)
    return rates["zmodel"] / rates["optuna"], worst["zmodel"] / worst["optuna"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: temporary")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"{options.processes} processes, {options.seconds:g} s each")
    print("round backend   trials/s  appends/s  median ms  worst ms   fsync ms before, after")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        ratios = [one_round(options, n, Path(folder)) for n in range(options.rounds)]
    for name, values in zip(("appends", "worst wait"), zip(*ratios, strict=True), strict=True):
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"zmodel / optuna, {name}: median {middle:.2f} (rounds {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
