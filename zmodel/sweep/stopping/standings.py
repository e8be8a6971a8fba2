"""Ranks trials at the rungs of a stopping rule, within their group."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Hashable, Iterable, Sequence
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

State = Literal["running", "paused", "complete", "failed"]
Key = tuple[float, int]
"""Sorts the better value first, and the earlier trial first among equals."""


class Standing(NamedTuple):
    """One trial as a rule sees it.

    Attributes:
        group: what it is compared within: its depth.
        epochs: done so far.
        best: the best value so far at each rung that it has reached; NaN for none.
        until: of a running trial, the epoch at which it pauses or ends.
        spared: whether it runs to its end whatever the rule says, to measure what pausing costs.
    """

    number: int
    group: Hashable
    state: State
    epochs: int = 0
    best: tuple[float, ...] = ()
    until: int = 0
    spared: bool = False

    @property
    def committed(self) -> int:
        """Epochs that the budget must hold for it: done, or promised."""
        return max(self.epochs, self.until) if self.state == "running" else self.epochs


class Group:
    """The trials of one group.

    Attributes:
        ranked: for each rung, the trials that have reached it, best first. A complete trial has
            reached all rungs; a failed one counts nowhere.
        waiting: for each rung, those of them that are paused there.
        advance: sorted, the epochs of those that are paused, and those promised to running ones
            that will pause.
        begun: trials in all, failed ones too.
        completed: without those that were spared.
    """

    def __init__(self, rungs: int) -> None:
        self.trials: dict[int, Standing] = {}
        self.ranked: list[list[Key]] = [[] for _ in range(rungs)]
        self.waiting: list[list[Key]] = [[] for _ in range(rungs)]
        self.paused: dict[int, Standing] = {}
        self.running: dict[int, Standing] = {}
        self.advance: list[int] = []
        self.completed = 0

    @property
    def begun(self) -> int:
        return len(self.trials)


class Standings:
    """The trials of a study; :meth:`put` keeps it up to date, in time that hardly grows with it.

    Args:
        rungs: epochs at which trials are compared; the last one is all that a trial may take.
        groups: in the order in which ties are broken. A trial of another one, of which the value is
            not known yet, say, uses the budget and is compared with none.
        maximize: whether a larger value is better.
    """

    def __init__(self, rungs: Sequence[int], groups: Iterable[Hashable], maximize: bool) -> None:
        self.rungs = tuple(rungs)
        self.groups = {group: Group(len(self.rungs)) for group in groups}
        self.others = Group(len(self.rungs))
        self._sign = -1.0 if maximize else 1.0
        self.committed = 0
        """Epochs done and promised, of all trials."""

    def put(self, trial: Standing) -> None:
        """Take in a new trial, or what has become of a known one."""
        group = self._group_of(trial)
        old = group.trials.get(trial.number)
        group.trials[trial.number] = trial
        before = [] if old is None else self.keys(old)
        after = self.keys(trial)
        if old is not None:
            self._take_out(old, before, group)
        self.committed += trial.committed
        group.completed += trial.state == "complete" and not trial.spared
        if trial.state == "paused":
            group.paused[trial.number] = trial
            insort(group.advance, trial.epochs)
            if after:
                insort(group.waiting[len(after) - 1], after[-1])
        elif trial.state == "running":
            group.running[trial.number] = trial
            if trial.until < self.rungs[-1]:
                insort(group.advance, trial.until)
        changes = zip_longest(before, after)
        for ranked, (earlier, later) in zip(group.ranked, changes, strict=False):
            if earlier == later:
                continue
            if earlier is not None:
                _remove(ranked, earlier)
            if later is not None:
                insort(ranked, later)

    def _group_of(self, trial: Standing) -> Group:
        return self.groups.get(trial.group, self.others)

    @property
    def is_any_running(self) -> bool:
        return any(group.running for group in (*self.groups.values(), self.others))

    def _take_out(self, old: Standing, keys: list[Key], group: Group) -> None:
        self.committed -= old.committed
        group.completed -= old.state == "complete" and not old.spared
        if old.state == "paused":
            del group.paused[old.number]
            _remove(group.advance, old.epochs)
            if keys:
                _remove(group.waiting[len(keys) - 1], keys[-1])
        elif old.state == "running":
            del group.running[old.number]
            if old.until < self.rungs[-1]:
                _remove(group.advance, old.until)

    def keys(self, trial: Standing) -> list[Key]:
        """One for each rung at which the trial counts."""
        if trial.state == "failed":
            return []
        values = [math.inf if math.isnan(v) else self._sign * v for v in trial.best]
        if trial.state == "complete":
            last = min(values, default=math.inf)
            values += [last] * (len(self.rungs) - len(values))
        return [(value, trial.number) for value in values]


def _remove(values: list[Any], value: Any) -> None:
    """From a sorted list."""
    del values[bisect_left(values, value)]
