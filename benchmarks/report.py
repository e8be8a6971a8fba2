"""How long a report takes, how much memory, and how large the page is.

    python benchmarks/report.py                      # 1,000 and 10,000 trials of 60 epochs
    python benchmarks/report.py --trials 1000 --keep FOLDER

The study is random search on simulated learning curves, written as a journal in the form that
workers write it: one line per parameter, report and state, and a run folder per trial.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from zmodel.analysis.replay.simulate import Truth, simulate

ROOT = Path(__file__).parent.parent
# printed by analyze.py when the verdicts are there and only the figures are missing
BEST_LINE = "best     trial"


class Collected(BaseJournalBackend):
    """A journal in memory, to be written as a file in one go."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self.logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.logs.extend(logs)


def make(log_dir: Path, name: str, trials: int, files: bool) -> None:
    """A finished study of `trials` trials with up to 60 epochs each."""
    folder = log_dir / "studies" / name
    folder.mkdir(parents=True)
    truth = Truth()
    journal = Collected()
    record = simulate(truth, trials, 0, name=name, storage=JournalStorage(journal))
    lines = [json.dumps(log, separators=(",", ":")) + "\n" for log in journal.logs]
    with (folder / "study.journal").open("w") as file:
        file.writelines(lines)
    storage = JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(folder / "study.journal"))
    )
    study = optuna.load_study(study_name=name, storage=storage)
    space = {p: distribution_to_json(d) for p, d in truth.space.items()}
    for key, value in {"space": space, "n_trials": trials, "optimized_metric": ["val/acc"]}.items():
        study.set_user_attr(key, value)
    if files:
        for trial in record.trials:
            _write_run(folder / "trials" / str(trial.number), trial.curve)


def _write_run(run: Path, curve: dict[int, float]) -> None:
    (run / "csv").mkdir(parents=True)
    with (run / "csv" / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "step", "train/loss", "train/acc", "val/loss", "val/acc"])
        for epoch, value in curve.items():
            writer.writerow([epoch, epoch, "", "", 1.1 - value, value])
            writer.writerow([epoch, epoch, 1 - value, value, "", ""])
    counts = (np.eye(10, dtype=int) * 90 + 1).tolist()
    matrix = {"split": "val", "classes": [str(i) for i in range(10)], "counts": counts}
    (run / "result.json").write_text(json.dumps({"confusion_matrix": matrix}))


def measure(log_dir: Path, name: str) -> dict[str, float]:
    """Wall seconds to the verdicts and to the end, CPU seconds, peak MB, page MB of analyze.py."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "analyze.py", f"study={name}", f"paths.log_dir={log_dir}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    verdicts = float("nan")
    for line in process.stdout:
        if line.startswith(BEST_LINE):
            verdicts = time.perf_counter() - start
    if process.wait():
        raise RuntimeError(f"analyze.py failed on {name}")
    end = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    page = log_dir / "studies" / name / "report" / "index.html"
    return {
        "verdicts_s": verdicts,
        "report_s": end,
        "cpu_s": used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime,
        "peak_mb": used.ru_maxrss / 1e3,
        "page_mb": page.stat().st_size / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--keep", type=Path, help="folder for the studies; default: a temporary one"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        log_dir = arguments.keep or Path(temporary)
        for trials in arguments.trials:
            name = f"bench-{trials}"
            if not (log_dir / "studies" / name).exists():
                make(log_dir, name, trials, files=True)
            rounds = [measure(log_dir, name) for _ in range(arguments.rounds)]
            medians = {key: float(np.median([r[key] for r in rounds])) for key in rounds[0]}
            # memory is a high-water mark of all children: the last study's is the largest
            print(f"{trials:>6} trials  " + "  ".join(f"{k} {v:.2f}" for k, v in medians.items()))


if __name__ == "__main__":
    main()
