"""States and values of the trials of each value or range.

Floors and policy decide by them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import is_put_back
from zmodel.study.cells import Cell
from zmodel.study.constraints import Constraint, keeps
from zmodel.study.trial_attributes import attr, fixed_params, is_replicate

HOPELESS = 10
# Before a trial has ended, one in ten is expected to fail; a value's own rate weighs like four.
_PRIOR_FAILED, _PRIOR_ENDED, _PRIOR_OWN = 1, 10, 4
_RECENT = 50


@dataclass
class FloorTrials:
    """The trials of one cell, which needs `least` completed ones.

    `results` are the objective values in order of their end, without those of infeasible trials.
    """

    cell: Cell
    least: int
    completed: int = 0
    failed: int = 0
    pruned: int = 0
    running: int = 0
    results: list[float] = field(default_factory=list)

    @property
    def is_hopeless(self) -> bool:
        return self.failed >= HOPELESS and self.completed + self.pruned == 0

    @property
    def need(self) -> int:
        """Completed trials that are missing, whether or not some are on their way."""
        return 0 if self.is_hopeless else max(0, self.least - self.completed)

    @property
    def behind(self) -> int:
        """Trials that nobody has started yet."""
        return max(0, self.need - self.running)

    def failure_rate(self, general: float) -> float:
        lost = self.failed + self.pruned
        return (lost + _PRIOR_OWN * general) / (lost + self.completed + _PRIOR_OWN)


@dataclass
class TrialsByFloor:
    """The trials of all floors, a row per covered parameter.

    Finished trials are counted once and for all: keep one instance per process and study.

    Attributes:
        used: slots that need no decision any more: ended, running, or given beforehand.
        running: trials that run now.
    """

    rows: dict[str, list[FloorTrials]]
    constraints: Sequence[Constraint]
    used: int = 0
    running: int = 0
    _open: list[int] = field(default_factory=list)
    _seen: int = 0
    _ended: set[Any] = field(default_factory=set)
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=_RECENT))

    @property
    def failure_rate(self) -> float:
        """Of the last trials of any value, failed and pruned ones, with a prior of one in ten."""
        lost = self._recent.count(False)
        return (lost + _PRIOR_FAILED) / (len(self._recent) + _PRIOR_ENDED)

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Count all trials of the study, in order of their numbers."""
        self._open.extend(range(self._seen, len(trials)))
        self._seen = len(trials)
        for row in self.rows.values():
            for floor in row:
                floor.running = 0
        used, running, still_open = set(), 0, []
        for index in self._open:
            trial = trials[index]
            if is_replicate(trial):
                continue  # it tries no configuration of its own
            if trial.state.is_finished():
                self._absorb(trial)
                continue
            still_open.append(index)
            values = known_values(trial)
            undecided = trial.state == TrialState.WAITING and attr(trial, "slot") is None
            if undecided and not values:
                continue
            used.add(_slot(trial))
            running += trial.state == TrialState.RUNNING
            for floor in self._floors_of(values):
                floor.running += 1
        self._open = still_open
        self.used, self.running = len(self._ended | used), running

    def _absorb(self, trial: FrozenTrial) -> None:
        self._ended.add(_slot(trial))
        completed = trial.state == TrialState.COMPLETE
        if is_put_back(trial):
            return  # its slot is given again with the same parameters
        self._recent.append(completed)
        for floor in self._floors_of(known_values(trial)):
            floor.completed += completed
            if completed and keeps(trial, self.constraints):
                floor.results.append(trial.values[0])
            floor.failed += trial.state == TrialState.FAIL
            floor.pruned += trial.state == TrialState.PRUNED

    def _floors_of(self, values: Mapping[str, Any]) -> list[FloorTrials]:
        """The floors that a trial with these values counts for: at most one of each parameter."""
        return [
            floor
            for param, row in self.rows.items()
            if param in values
            for floor in row
            if floor.cell.holds(values[param])
        ]


def known_values(trial: FrozenTrial) -> dict[str, Any]:
    """What is known of a trial's parameters: forced, given beforehand, or asked already."""
    return {
        **attr(trial, "forced_to", {}),
        **fixed_params(trial),
        **trial.params,
    }


def _slot(trial: FrozenTrial) -> Any:
    return attr(trial, "slot", ("foreign", trial.number))
