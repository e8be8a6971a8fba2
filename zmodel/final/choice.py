"""Selects the winner on validation data."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zmodel.study.records import TrialRecord
from zmodel.study.run_folder import read_result


@dataclass(frozen=True)
class Run:
    """One seed of a candidate. `epochs`: what a retraining should take. `folds`: networks that its
    value is the mean of."""

    seed: int
    value: float
    epochs: int
    parameters: int
    folder: Path
    folds: int = 1


@dataclass(frozen=True)
class Candidate:
    """A configuration with its runs, in order of their seeds; `failed` runs have no value."""

    trial: int
    runs: tuple[Run, ...]
    failed: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        return statistics.fmean(run.value for run in self.runs)

    @property
    def std(self) -> float:
        """Sample standard deviation over seeds; 0 for a single one."""
        return statistics.stdev(r.value for r in self.runs) if len(self.runs) > 1 else 0.0

    @property
    def standard_error(self) -> float:
        return self.std / math.sqrt(len(self.runs))

    @property
    def parameters(self) -> int:
        return max(run.parameters for run in self.runs)

    @property
    def cross_validated(self) -> bool:
        return any(run.folds > 1 for run in self.runs)

    @property
    def median_epochs(self) -> int:
        """What a retraining runs for."""
        return math.ceil(statistics.median(run.epochs for run in self.runs))


def candidates_of(trials: Iterable[TrialRecord], folder: Path) -> list[Candidate]:
    """Group the trials of the final study, whose runs are in `folder`/trials, by configuration."""
    groups: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        groups.setdefault(int(trial.params["trial"]), []).append(trial)
    return [_candidate(number, group, folder) for number, group in groups.items()]


def _candidate(number: int, trials: list[TrialRecord], folder: Path) -> Candidate:
    runs = [
        _run(t, folder / "trials" / str(t.number))
        for t in trials
        if t.state == "complete" and t.value is not None
    ]
    failed = [str(t.attrs.get("fail_reason", t.state)) for t in trials if t.state != "complete"]
    return Candidate(number, tuple(sorted(runs, key=lambda run: run.seed)), tuple(failed))


def _run(trial: TrialRecord, folder: Path) -> Run:
    parts = read_result(folder).get("folds") or [trial.attrs]
    return Run(
        seed=int(trial.params["seed"]),
        value=float(trial.value or 0.0),
        epochs=round(statistics.fmean(map(_epochs, parts))),
        parameters=int(trial.attrs.get("parameters", 0)),
        folder=folder,
        folds=len(parts),
    )


def _epochs(part: Mapping[str, Any]) -> int:
    """Until the best epoch, counted from 1; with a cool-down all: its end is what it is for."""
    if part.get("cooled_from") is not None:
        return int(part["epochs"])
    return int(part.get("best_epoch") or 0) + 1


def choose(
    candidates: Sequence[Candidate], maximize: bool, one_standard_error: bool = False
) -> Candidate:
    """The best mean over seeds, among equals the fewest parameters; failed runs disqualify.

    `one_standard_error`: the fewest parameters among those whose mean is not worse than the best
    mean by more than its standard error (Breiman et al., Classification and Regression Trees,
    1984, section 3.4.3).

    Raises:
        ValueError: every candidate has a failed run.
    """
    whole = [c for c in candidates if c.runs and not c.failed]
    if not whole:
        reasons = "; ".join(sorted({reason for c in candidates for reason in c.failed}))
        raise ValueError(f"No configuration finished with every seed, so none can win: {reasons}.")
    sign = 1 if maximize else -1
    best = max(whole, key=lambda c: (sign * c.mean, -c.parameters, -c.trial))
    if not one_standard_error:
        return best
    least = sign * best.mean - best.standard_error
    near = [c for c in whole if sign * c.mean >= least]
    return min(near, key=lambda c: (c.parameters, -sign * c.mean, c.trial))
