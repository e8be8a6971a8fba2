"""Which value the next trial is forced to.

So every floor is met before the budget ends.

The rule, for each covered parameter by itself (one trial serves one value of each, so together
they need no more trials than the neediest of them):

1. Schedule. The j-th trial of the i-th of m values is due at slot h (j - 1 + i / m) / floor, the
   horizon h being n less twice the trials that run now, at least n / 2. When the earliest due
   date among values that are behind has come, the slot is forced to it. Natural trials count, so
   a sampler that covers a value by itself is never interfered with.
2. Last moment. However the schedule stands, a slot is forced when leaving it free would let the
   chance of missing a floor exceed `RISK`, reckoned with the failure rate seen so far and with
   only those later slots whose result will be known in time, given the trials that run now.
3. Insurance. Near the end, a value whose floor hangs on trials still running gets another one,
   by the same reckoning.

A value that failed `HOPELESS` times and never completed is given up; the report names it. With a
`Policy`, slots after the floors are forced too, to the values that can still win (`after_floors`).

Exactness with many workers: decide and record the decision (`forced_attrs`) under the study's lock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial

from zmodel.study.constraints import Constraint
from zmodel.sweep.sampling.after_floors import Policy
from zmodel.sweep.sampling.floors import parse_floors
from zmodel.sweep.sampling.trials_by_floor import FloorTrials, TrialsByFloor
from zmodel.sweep.space.search_space import SearchSpace

RISK = 1e-6


@dataclass(frozen=True)
class FloorReport:
    """One value or range at the end: did it get what was promised?"""

    trials: FloorTrials
    given_up: str | None
    """Why nothing more was forced on it; None while it is in the race."""

    @property
    def is_met(self) -> bool:
        return self.trials.completed >= self.trials.least


@dataclass
class FloorSchedule:
    """The floors of one study, over a budget of `n_trials` slots.

    Keep one instance per process and study: it reads each finished trial once.

    Raises:
        ValueError: on construction, a floor that cannot be read or does not fit (`parse_floors`).
    """

    spec: Mapping[str, Any]
    space: SearchSpace
    n_trials: int
    policy: Policy | None = None
    constraints: Sequence[Constraint] = field(kw_only=True)
    _trials: TrialsByFloor = field(init=False)

    def __post_init__(self) -> None:
        floors = parse_floors(self.spec, self.space, self.n_trials)
        self._trials = TrialsByFloor(
            {param: [FloorTrials(f.cell, f.least) for f in row] for param, row in floors.items()},
            self.constraints,
        )

    def next_forced(self, trials: Sequence[FrozenTrial]) -> dict[str, Any]:
        """What the next slot must be forced to: param -> value, or (low, high) for a range.

        Args:
            trials: all trials of the study in order of their numbers, whatever their state. An
                interrupted trial that is given again must have its successor in the list.
        """
        self._trials.read(trials)
        forced = {}
        for param, row in self._trials.rows.items():
            choice = self._most_urgent(row)
            if choice is None and self.policy is not None:
                choice = self._next_in_race(self.policy, row)
            if choice is not None:
                forced[param] = choice.cell.target
        return forced

    def report(self, trials: Sequence[FrozenTrial]) -> list[FloorReport]:
        """Floors met and missed, and values given up, in the order of the specification."""
        self._trials.read(trials)
        reports = []
        for row in self._trials.rows.values():
            lost = self._lost(row)
            for i, one in enumerate(row):
                failed = f"failed {one.failed} times and never completed"
                reports.append(FloorReport(one, failed if one.is_hopeless else lost.get(i)))
        return reports

    def _most_urgent(self, row: list[FloorTrials]) -> FloorTrials | None:
        """The value that this slot must go to for the floors' sake, by the rule above."""
        used = self._trials.used
        # later slots that can mend what fails now
        in_time = max(0, self.n_trials - used - 1 - self._trials.running)
        general = self._trials.failure_rate
        needy = [floor for floor in row if floor.need]
        behind = [i for i, floor in enumerate(row) if floor.behind]
        if behind:
            due, first = min((self._due(row, i), i) for i in behind)
            likely = sum(min(floor.need, floor.running) for floor in needy)
            failure = max(floor.failure_rate(general) for floor in needy)
            need = sum(floor.need for floor in needy)
            is_late = due <= used + 1
            return row[first] if is_late or risks(likely + in_time, need, failure) else None
        for floor in needy:  # all on their way: insure those that could not be mended
            if risks(floor.running + in_time, floor.need, floor.failure_rate(general)):
                return floor
        return None

    def _due(self, row: list[FloorTrials], i: int) -> float:
        started = row[i].completed + row[i].running
        # early with many workers: what fails at the very end cannot be made up for
        horizon = max(self.n_trials / 2, self.n_trials - 2 * self._trials.running)
        return horizon * (started + (i + 1) / len(row)) / row[i].least

    def _next_in_race(self, policy: Policy, row: list[FloorTrials]) -> FloorTrials | None:
        """The value in the race that has had least, once all floors are met and it is its turn."""
        if any(floor.need for floor in row) or not policy.is_turn(self._trials.used):
            return None
        lost = self._lost(row)
        racing = [t for i, t in enumerate(row) if i not in lost and not t.is_hopeless]
        if len(racing) < 2:
            return None
        return min(racing, key=lambda floor: floor.completed + floor.running)

    def _lost(self, row: list[FloorTrials]) -> dict[int, str]:
        if self.policy is None or any(floor.need for floor in row):
            return {}
        results = {i: floor.results for i, floor in enumerate(row)}
        return self.policy.given_up(results, self.n_trials - self._trials.used)


def forced_attrs(forced: Mapping[str, Any]) -> dict[str, Any]:
    """The user attributes that record a decision; none when nothing is forced.

    `forced` names the parameters, for tables; `forced_to` is what the sampler and other workers
    go by: a value, or [low, high].
    """
    if not forced:
        return {}
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in forced.items()}
    return {"forced": list(forced), "forced_to": plain}


def risks(trials: int, need: int, failure: float) -> bool:
    """Whether fewer than `need` of `trials` succeed with a chance above `RISK`: a binomial tail.

    `failure`, strictly between 0 and 1, is the chance of each to fail.
    """
    if need > trials:
        return True
    log_success, log_failure = math.log1p(-failure), math.log(failure)
    chance = log_ways = 0.0
    for k in range(need):
        chance += math.exp(log_ways + k * log_success + (trials - k) * log_failure)
        log_ways += math.log(trials - k) - math.log(k + 1)
    return chance > RISK
