"""Spends a budget of epochs by a stopping rule.

It decides what a free worker of a study gets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import Ledger, is_foreign, is_paused, slot_of, wants_retry
from zmodel.study.budget.plan import Next
from zmodel.study.cells import Cell
from zmodel.study.trial_attributes import attr
from zmodel.sweep.sampling.trials_by_floor import known_values
from zmodel.sweep.stopping.depth_halving import DepthHalving, Given
from zmodel.sweep.stopping.standings import Standing, Standings, State

UNKNOWN = "unknown"
"""What a trial counts to that has not been sampled yet, or lies outside all cells: no group."""


@dataclass(frozen=True)
class EpochPlan:
    """Reckons anew from the trials at every call; a slot is one trial of the rule, whoever runs it.

    A trial costs the epochs that it has reported, or what its result states: that is more where it
    reports one value per fold.

    Args:
        epochs: the budget.
        allowance: epochs that one trial may take.
        rule: None: every trial runs to its end.
        cells: values of the parameter within which trials are compared; none: all are.
        per_fold: whether the allowance is that of one fold, of which the run settles the number:
            it is known once a trial is complete.
    """

    epochs: int
    allowance: int
    rule: DepthHalving | None
    cells: tuple[Cell, ...]
    maximize: bool
    seed: int
    per_fold: bool = False

    @property
    def sure_trials(self) -> int:
        """Trials that the budget pays for even if each takes all it may."""
        return self.epochs // self.allowance

    def next(
        self, ledger: Ledger, trials: Sequence[FrozenTrial], *, new: bool, given: FrozenTrial | None
    ) -> Next | None:
        """What a free worker gets; None: nothing that is paid for."""
        now = self.standings(ledger, trials)
        if self.rule is None:
            return self._next_whole(ledger, self.epochs - now.committed, new, given)
        first = None
        if given is not None:
            first = Given(self._group(given), whole=attr(given, "baseline", False))
        step = self.rule.next_step(now, self.epochs, self.seed, new=new, given=first)
        if step is None:
            return None
        attrs: dict[str, Any] = {"until": None if step.until >= self.allowance else step.until}
        if step.trial is None and self.cells and not step.given:
            assert isinstance(step.group, int)
            cell = self.cells[step.group]
            target = list(cell.target) if cell.is_range else cell.target
            attrs["forced_to"] = {cell.param: target}
        if step.control:
            attrs["spared"] = True
        return Next(step.trial, attrs, step.given)

    def _next_whole(
        self, ledger: Ledger, left: int, new: bool, given: FrozenTrial | None
    ) -> Next | None:
        """Without a rule every trial runs to its end; those that a rule had paused go on first."""
        if paused := ledger.paused():
            done = epochs_done(paused[0].intermediate_values)
            fits = left >= self.allowance - done
            return Next(slot_of(paused[0]), {"until": None}) if fits else None
        fits = left >= self._whole(ledger)
        return Next(None, {}, given is not None) if fits and (new or given) else None

    def _whole(self, ledger: Ledger) -> int:
        """Epochs that a trial may take to its end, as far as the settled ones tell."""
        most = self.allowance
        for trial in ledger.settled:
            stated, reports = attr(trial, "epochs", 0), epochs_done(trial.intermediate_values)
            folds = reports if self.per_fold and stated > reports else 1
            most = max(most, stated, self.allowance * folds)
        return most

    def missing(self, ledger: Ledger, trials: Sequence[FrozenTrial]) -> dict[str, int]:
        """Completed trials that the guarantee lacks, by the name of their cell."""
        if self.rule is None:
            return {}
        names = [cell.name for cell in self.cells] or ["the study"]
        groups = self.standings(ledger, trials).groups.values()
        lacks = (self.rule.guarantee - group.completed for group in groups)
        return {name: lack for name, lack in zip(names, lacks, strict=True) if lack > 0}

    def used(self, ledger: Ledger, trials: Sequence[FrozenTrial]) -> int:
        """Epochs that all trials have done."""
        return sum(cost(t, curve_so_far(t, trials)) for t in ledger.latest.values())

    def standings(self, ledger: Ledger, trials: Sequence[FrozenTrial]) -> Standings:
        """All trials that have begun, by their slots."""
        rungs = self.rule.rungs(self.allowance) if self.rule else (self.allowance,)
        now = Standings(rungs, range(max(1, len(self.cells))), self.maximize)
        whole = self._whole(ledger)
        for slot, trial in ledger.latest.items():
            state = self._state(trial, ledger.max_attempts)
            if state is not None:
                curve = curve_so_far(trial, trials)
                now.put(self._standing(slot, trial, state, curve, rungs, whole))
        return now

    def _standing(
        self, slot: int, trial: FrozenTrial, state: State, curve: dict[int, float],
        rungs: tuple[int, ...], whole: int,
    ) -> Standing:  # fmt: skip
        until = 0 if is_foreign(trial) else attr(trial, "until", whole)
        best = best_at_rungs(
            curve, [rung for rung in rungs if rung <= epochs_done(curve)], self.maximize
        )
        done = cost(trial, curve)
        spared = attr(trial, "spared", False)
        return Standing(slot, self._group(trial), state, done, best, until, spared)

    def _group(self, trial: FrozenTrial) -> int | str:
        if not self.cells:
            return 0
        values = known_values(trial)
        param = self.cells[0].param
        if param not in values:
            return UNKNOWN
        held = (i for i, cell in enumerate(self.cells) if cell.holds(values[param]))
        return next(held, UNKNOWN)

    def _state(self, trial: FrozenTrial, max_attempts: int) -> State | None:
        """None: it was enqueued, and nobody has begun it."""
        if trial.state == TrialState.WAITING:
            begun = attr(trial, "attempt", 1) > 1
            return "paused" if is_paused(trial) else "running" if begun else None
        if trial.state == TrialState.RUNNING or wants_retry(trial, max_attempts):
            return "running"
        return "complete" if trial.state == TrialState.COMPLETE else "failed"


def curve_so_far(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> dict[int, float]:
    """What the trial has reported, or the attempts that it goes on from."""
    while not trial.intermediate_values and not attr(trial, "starts_anew"):
        number = attr(trial, "resumed_from")
        if number is None or number >= trial.number:
            break
        trial = trials[number]
        if attr(trial, "starts_anew"):
            return {}
    return trial.intermediate_values


def epochs_done(curve: dict[int, float]) -> int:
    return max(curve, default=-1) + 1


def cost(trial: FrozenTrial, curve: dict[int, float]) -> int:
    """Epochs of the budget that the trial has used so far; one that failed has used one at least,
    or trials that fail at once would never use up a budget."""
    stated: int = attr(trial, "epochs", 0)
    failed = attr(trial, "fail_reason") is not None
    return max(epochs_done(curve), stated, int(failed))


def best_at_rungs(
    curve: dict[int, float], rungs: Sequence[int], maximize: bool
) -> tuple[float, ...]:
    """The best value of the epochs up to each rung; NaN before the first finite one."""
    better, best, found = max if maximize else min, math.nan, []
    rest = iter(sorted(curve.items()))
    pending = next(rest, None)
    for rung in rungs:
        while pending is not None and pending[0] < rung:
            value = pending[1]
            if math.isfinite(value):
                best = value if math.isnan(best) else better(best, value)
            pending = next(rest, None)
        found.append(best)
    return tuple(found)
