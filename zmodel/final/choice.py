"""Selects the winner on validation data."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zmodel.core.run_value import value_of
from zmodel.final.race.rule import Position, eligible
from zmodel.study.constraints import Constraint
from zmodel.study.records import TrialRecord
from zmodel.study.run_folder import read_result


@dataclass(frozen=True)
class Run:
    """One seed of a candidate.

    `epochs`: what a retraining should take. `folds`: number of networks over which its value is
    the mean."""

    seed: int
    value: float
    epochs: int
    parameters: int
    folder: Path
    folds: int = 1
    cooled: bool = False
    """Whether the learning rate fell to 0 before it ended."""


@dataclass(frozen=True)
class Candidate:
    """A configuration with its runs, in order of their seeds; `failed` runs have no value.

    `standing`: in a race, whose candidates differ in their number of runs.
    """

    trial: int
    runs: tuple[Run, ...]
    failed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    """Constraints of the study that the means over its runs do not keep, in words."""
    standing: Position | None = None

    @property
    def may_win(self) -> bool:
        """Failed runs disqualify, and so do broken constraints."""
        return bool(self.runs) and not self.failed and not self.broken

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
    def cooled_down(self) -> bool:
        """Whether every run ended with its learning rate at 0: then the last weights are good."""
        return all(run.cooled for run in self.runs)

    @property
    def median_epochs(self) -> int:
        """What a retraining runs for."""
        return math.ceil(statistics.median(run.epochs for run in self.runs))


def candidates_of(
    trials: Iterable[TrialRecord], folder: Path, constraints: Sequence[Constraint]
) -> list[Candidate]:
    """Group the trials of the final study, whose runs are in `folder`/trials, by configuration."""
    groups: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        groups.setdefault(int(trial.params["trial"]), []).append(trial)
    return [_candidate(number, group, folder, constraints) for number, group in groups.items()]


def _candidate(
    number: int, trials: list[TrialRecord], folder: Path, constraints: Sequence[Constraint]
) -> Candidate:
    runs = [
        _run(t, folder / "trials" / str(t.number))
        for t in trials
        if t.state == "complete" and t.value is not None
    ]
    failed = [str(t.attrs.get("fail_reason", t.state)) for t in trials if t.state != "complete"]
    broken = filter(None, (_broken(constraint, runs) for constraint in constraints))
    ordered = tuple(sorted(runs, key=lambda run: run.seed))
    return Candidate(number, ordered, tuple(failed), tuple(broken))


def _broken(constraint: Constraint, runs: Sequence[Run]) -> str | None:
    """The mean over the runs that breaks it; None where it keeps it, or no run tells."""
    told = [value_of(constraint.name, read_result(run.folder)) for run in runs]
    values = [value for value in told if value is not None]
    if not values or constraint.violation(mean := statistics.fmean(values)) <= 0:
        return None
    return f"{constraint.name} {mean:,.4g} ({constraint.text})"


def _run(trial: TrialRecord, folder: Path) -> Run:
    parts = read_result(folder).get("folds") or [trial.attrs]
    return Run(
        seed=int(trial.params["seed"]),
        value=float(trial.value or 0.0),
        epochs=round(statistics.fmean(map(_epochs, parts))),
        parameters=int(trial.attrs.get("parameters", 0)),
        folder=folder,
        folds=len(parts),
        cooled=all(part.get("cooled_from") is not None for part in parts),
    )


def _epochs(part: Mapping[str, Any]) -> int:
    """Until the best epoch, counted from 1; with a cool-down all: its end is what it is for."""
    if part.get("cooled_from") is not None:
        return int(part["epochs"])
    return int(part.get("best_epoch") or 0) + 1


def choose(
    candidates: Sequence[Candidate], maximize: bool, one_standard_error: bool = False
) -> Candidate:
    """The best mean over seeds of those that may win, among equals the fewest parameters.

    In a race the scores of its standings count, of those that ran often enough.

    `one_standard_error`: the fewest parameters among those whose mean is not worse than the best
    mean by more than its standard error (Breiman et al., Classification and Regression Trees,
    1984, section 3.4.3); in a race, than the standard error of the difference.

    Raises:
        ValueError: every candidate has a failed run or breaks a constraint.
    """
    whole = [c for c in candidates if c.may_win]
    if not whole and any(c.broken for c in candidates):
        told = "; ".join(f"trial {c.trial}: {', '.join(c.broken)}" for c in candidates if c.broken)
        raise ValueError(
            f"With new seeds no configuration keeps the constraints of the study: {told}. Continue "
            "the study, or take more of its trials: final.top."
        )
    if not whole:
        reasons = "; ".join(sorted({reason for c in candidates for reason in c.failed}))
        raise ValueError(f"No configuration finished with every seed, so none can win: {reasons}.")
    least = eligible([len(c.runs) for c in whole])
    whole = [c for c in whole if len(c.runs) >= least]
    sign = 1 if maximize else -1

    def score(c: Candidate) -> float:
        return c.standing.score if c.standing else sign * c.mean

    best = max(whole, key=lambda c: (score(c), -c.parameters, -c.trial))
    if not one_standard_error:
        return best
    near = [c for c in whole if score(best) - score(c) <= _error(c, best)]
    return min(near, key=lambda c: (c.parameters, -score(c), c.trial))


def _error(candidate: Candidate, best: Candidate) -> float:
    return candidate.standing.error if candidate.standing else best.standard_error
