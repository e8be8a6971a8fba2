"""Coverage floors: every value of a parameter gets its completed trials before the budget ends.

The rule, for each covered parameter by itself (one trial serves one value of each, so together
they need no more trials than the neediest of them):

1. Schedule. The j-th trial of the i-th of m values is due at slot n (j - 1 + i / m) / floor of n.
   When the earliest due date among values that are behind has come, the slot is forced to it.
   Natural trials count, so a sampler that covers a value by itself is never interfered with.
2. Last moment. However the schedule stands, a slot is forced when leaving it free would let the
   chance of missing a floor exceed `RISK`, reckoned with the failure rate seen so far and with
   only those later slots whose result will be known in time, given the trials that run now.
3. Insurance. Near the end, a value whose floor hangs on trials still running gets another one,
   by the same reckoning.

A value that failed `HOPELESS` times and never completed is given up; the report names it.

Exactness with many workers: decide and record the decision (`attrs`) under the study's lock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from zmodel.sweep.floors import Cell, parse_floors
from zmodel.sweep.search_space import SearchSpace

RISK = 1e-6
HOPELESS = 10
# Before a trial has ended, one in ten is expected to fail; a value of its own counts from four on.
_PRIOR_FAILED, _PRIOR_ENDED, _PRIOR_OWN = 1, 10, 4
_RECENT = 50


@dataclass
class _Tally:
    """What happened to the trials of one cell, finished ones counted once and for all."""

    cell: Cell
    completed: int = 0
    failed: int = 0
    pruned: int = 0
    running: int = 0

    @property
    def is_hopeless(self) -> bool:
        return self.failed >= HOPELESS and self.completed + self.pruned == 0

    @property
    def need(self) -> int:
        """Completed trials that are missing, whether or not some are on their way."""
        return 0 if self.is_hopeless else max(0, self.cell.least - self.completed)

    @property
    def behind(self) -> int:
        """Trials that nobody has started yet."""
        return max(0, self.need - self.running)

    def failure_rate(self, general: float) -> float:
        lost = self.failed + self.pruned
        return (lost + _PRIOR_OWN * general) / (lost + self.completed + _PRIOR_OWN)


@dataclass(frozen=True)
class CellReport:
    """One value or range at the end: did it get what was promised?"""

    param: str
    label: str
    least: int
    completed: int
    failed: int
    pruned: int
    given_up: bool

    @property
    def is_met(self) -> bool:
        return self.completed >= self.least


@dataclass
class Coverage:
    """The floors of one study, over a budget of `n_trials` slots.

    Keep one instance per process and study: it reads each finished trial once.

    Raises:
        ValueError: on construction, a floor that cannot be read or does not fit (`parse_floors`).
    """

    spec: Mapping[str, Any]
    space: SearchSpace
    n_trials: int
    _tallies: dict[str, list[_Tally]] = field(init=False)
    _open: list[int] = field(init=False, default_factory=list)
    _seen: int = field(init=False, default=0)
    _ended: set[Any] = field(init=False, default_factory=set)
    _recent: deque[bool] = field(init=False, default_factory=lambda: deque(maxlen=_RECENT))

    def __post_init__(self) -> None:
        cells = parse_floors(self.spec, self.space, self.n_trials)
        self._tallies = {param: [_Tally(cell) for cell in row] for param, row in cells.items()}

    def next_forced(
        self, trials: Sequence[FrozenTrial], exclude: int | None = None
    ) -> dict[str, Any]:
        """What the next slot must be forced to: param -> value, or (low, high) for a range.

        Args:
            trials: all trials of the study in order of their numbers, whatever their state. An
                interrupted trial that is given again must have its successor in the list.
            exclude: the number of the trial that is being decided, when it exists already.
        """
        used, running = self._read(trials, exclude)
        return {
            param: choice.cell.target
            for param, tallies in self._tallies.items()
            if (choice := self._choose(tallies, used, running)) is not None
        }

    def report(self, trials: Sequence[FrozenTrial]) -> list[CellReport]:
        """Floors met and missed, in the order of the specification."""
        self._read(trials, None)
        return [
            CellReport(t.cell.param, t.cell.label, t.cell.least, t.completed, t.failed, t.pruned,
                       t.is_hopeless and t.cell.least > 0)
            for tallies in self._tallies.values()
            for t in tallies
        ]  # fmt: skip

    def _choose(self, tallies: list[_Tally], used: int, running: int) -> _Tally | None:
        behind = [i for i, tally in enumerate(tallies) if tally.behind]
        left = self.n_trials - used  # slots, this one included
        in_time = max(0, left - 1 - running)  # later slots that can mend what fails now
        general = (self._recent.count(False) + _PRIOR_FAILED) / (len(self._recent) + _PRIOR_ENDED)
        if behind:
            due, first = min((self._due(tallies, i), i) for i in behind)
            needy = [tally for tally in tallies if tally.need]
            likely = sum(min(tally.need, tally.running) for tally in needy)
            failure = max(tally.failure_rate(general) for tally in needy)
            need = sum(tally.need for tally in needy)
            late = due <= used + 1
            if late or miss_probability(likely + in_time, need, failure) > RISK:
                return tallies[first]
            return None
        risks = [
            (miss_probability(t.running + in_time, t.need, t.failure_rate(general)), -i)
            for i, t in enumerate(tallies)
            if t.need
        ]
        if risks and max(risks)[0] > RISK:
            return tallies[-max(risks)[1]]
        return None

    def _due(self, tallies: list[_Tally], i: int) -> float:
        tally = tallies[i]
        started = tally.completed + tally.running
        return self.n_trials * (started + (i + 1) / len(tallies)) / tally.cell.least

    def _read(self, trials: Sequence[FrozenTrial], exclude: int | None) -> tuple[int, int]:
        """Bring the tallies up to date; the number of slots used, and of trials running."""
        self._open.extend(range(self._seen, len(trials)))
        self._seen = len(trials)
        for row in self._tallies.values():
            for tally in row:
                tally.running = 0
        used, running, still_open = set(), 0, []
        for index in self._open:
            trial = trials[index]
            if trial.state.is_finished():
                self._absorb(trial)
                continue
            still_open.append(index)
            values = known_values(trial)
            undecided = trial.state == TrialState.WAITING and "slot" not in trial.user_attrs
            if trial.number == exclude or (undecided and not values):
                continue
            used.add(_slot(trial))
            running += trial.state == TrialState.RUNNING
            for tally in self._cells(values):
                tally.running += 1
        self._open = still_open
        return len(self._ended | used), running

    def _absorb(self, trial: FrozenTrial) -> None:
        self._ended.add(_slot(trial))
        completed = trial.state == TrialState.COMPLETE
        if "interrupted" in trial.user_attrs and "fail_reason" not in trial.user_attrs:
            return  # its slot is given again with the same parameters
        self._recent.append(completed)
        for tally in self._cells(known_values(trial)):
            tally.completed += completed
            tally.failed += trial.state == TrialState.FAIL
            tally.pruned += trial.state == TrialState.PRUNED

    def _cells(self, values: Mapping[str, Any]) -> list[_Tally]:
        """The cells that a trial with these values counts for: at most one of each parameter."""
        found: list[_Tally] = []
        for param, tallies in self._tallies.items():
            if param in values:
                value = values[param]
                # a forced range is known before the value in it
                fits = (
                    (lambda cell, v=tuple(value): cell.target == v)
                    if isinstance(value, (list, tuple))
                    else (lambda cell, v=value: cell.holds(v))
                )
                found.extend(tally for tally in tallies if fits(tally.cell))
        return found


def attrs(forced: Mapping[str, Any]) -> dict[str, Any]:
    """The user attributes that record a decision; none when nothing is forced.

    `forced` names the parameters, for tables; `forced_to` is what the sampler and other workers
    go by: a value, or [low, high].
    """
    if not forced:
        return {}
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in forced.items()}
    return {"forced": list(forced), "forced_to": plain}


def known_values(trial: FrozenTrial) -> dict[str, Any]:
    """What is known of a trial's parameters: forced, given beforehand, or asked already."""
    return {
        **trial.user_attrs.get("forced_to", {}),
        **trial.system_attrs.get("fixed_params", {}),
        **trial.params,
    }


def miss_probability(trials: int, need: int, failure: float) -> float:
    """The chance that fewer than `need` of `trials` succeed: a binomial tail."""
    if need <= 0:
        return 0.0
    if need > trials:
        return 1.0
    log_success, log_failure = math.log1p(-failure), math.log(failure)
    total = 0.0
    log_ways = 0.0
    for k in range(need):
        total += math.exp(log_ways + k * log_success + (trials - k) * log_failure)
        log_ways += math.log(trials - k) - math.log(k + 1)
    return min(1.0, total)


def _slot(trial: FrozenTrial) -> Any:
    return trial.user_attrs.get("slot", ("foreign", trial.number))
