"""Halving within a depth: the better half of each depth continues.

Weak trials are paused.

Pure: it knows neither Optuna nor torch nor files. The sweeper and ``benchmarks/curves.py`` ask it.

    rungs: a share of the epochs that a trial may take, then times `factor`, up to all of them
    when a worker is free:
     1. guarantee   enough of the budget is used, or just enough is left, and a depth has too few
                    completed trials: its most advanced paused trial runs to its end, or a new one
     2. promotion   from the highest rung down, depths in random order: of the n trials of this
                    depth that have reached rung k, the best `survivors` x n; the best of them that
                    is paused there goes on to rung k+1
     3. new trial   one whose parameters were given, else of the depth begun least often; it runs to
                    the first rung and pauses. Where none may begin, a paused trial goes on

A depth is never compared with another one, and the rest of the budget always pays for the
completed trials that are promised to each. What was measured is in docs/measured/stopping.md.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from zmodel.core.arguments import at_least, is_number
from zmodel.sweep.stopping.standings import Group, Standing, Standings

KEY = "hydra.sweeper.stopping"


class Step(NamedTuple):
    """What a free worker does next.

    Attributes:
        trial: its number; None for a new one.
        until: the epoch after which it pauses; all that a trial may take: it does not.
        control: of a new trial, whether it runs to its end whatever the rule says.
        given: whether it is the one whose parameters were chosen beforehand.
    """

    trial: int | None
    group: Hashable
    until: int
    control: bool = False
    given: bool = False


class Given(NamedTuple):
    """A trial whose parameters were chosen beforehand; it begins before all other new ones.

    Attributes:
        whole: whether it runs to its end whatever the rule says.
    """

    group: Hashable
    whole: bool = False


@dataclass(frozen=True)
class DepthHalving:
    """The constants of the rule.

    Args:
        first_rung: share of the epochs that a trial may take; at least one epoch.
        factor: between one rung and the next.
        survivors: share of the trials at a rung that go on.
        guarantee: completed trials of each depth that the study ends with, beside spared ones.
        guarantee_from: share of the budget after which the guarantee comes first.
        control_every: so many new trials of a depth hold one that runs to its end; 0: none.
        within: the parameter whose values are never compared; None: `model.z_layers` where it is
            searched, else all trials are compared.

    Raises:
        ValueError: one of them is out of range.
    """

    first_rung: float = 0.0125
    factor: float = 2.0
    survivors: float = 0.5
    guarantee: int = 1
    guarantee_from: float = 0.7
    control_every: int = 50
    within: str | None = None

    def __post_init__(self) -> None:
        for name in ("first_rung", "survivors", "guarantee_from"):
            value = getattr(self, name)
            if not (is_number(value) and 0 < value <= 1):
                raise ValueError(
                    f"{KEY}.{name} must be a share above 0, up to 1, such as 0.5, got {value!r}."
                )
        if not (is_number(self.factor) and 1 < self.factor < math.inf):
            raise ValueError(
                f"{KEY}.factor must be a number above 1, such as 2, got {self.factor!r}."
            )
        if not isinstance(self.within, str | None):
            raise ValueError(
                f"{KEY}.within must be the name of one searched parameter, got {self.within!r}; "
                "set it to null for model.z_layers."
            )
        at_least(f"{KEY}.guarantee", self.guarantee, 0)
        at_least(f"{KEY}.control_every", self.control_every, 0)

    def rungs(self, allowance: int) -> tuple[int, ...]:
        """Epochs at which trials are compared, of `allowance` that each may take."""
        rungs, rung = [], max(1, _nearest(self.first_rung * allowance))
        while rung < allowance:
            rungs.append(rung)
            rung = max(rung + 1, _nearest(rung * self.factor))
        return (*rungs, allowance)

    def next_step(
        self, now: Standings, budget: int, seed: int = 0, *, new: bool = True,
        given: Given | None = None,
    ) -> Step | None:  # fmt: skip
        """What a free worker does, a new trial only if `new`; None: nothing that the budget pays.

        The same standings, budget of epochs and seed give the same step. `given`: the next trial
        of those whose parameters were chosen beforehand; it may begin without `new`.
        """
        left = budget - now.committed
        order = list(now.groups)
        random.Random(f"{seed}/{now.committed}").shuffle(order)
        promised = self._guaranteed(now, order, new, given)
        others = self._steps(now, order, new, given)
        is_due = left <= (1 - self.guarantee_from) * budget
        steps = chain(promised, others) if is_due else chain(others, promised)
        reserve = 0
        if new or given or any(self._guaranteed(now, order, new, given)):
            reserve = sum(self._reserve(group, now.rungs) for group in now.groups.values())
        for step in steps:
            kept, group = reserve, now.groups.get(step.group)
            if reserve and group is not None:
                kept += self._reserve(group, now.rungs, step) - self._reserve(group, now.rungs)
            if left - _cost(step, now) >= kept:
                return step
        if now.is_any_running:
            return None  # they may give back what they were promised
        paid = chain(self._guaranteed(now, order, new, given), self._steps(now, order, new, given))
        return next((step for step in paid if _cost(step, now) <= left), None)

    # --- the guarantee ---

    def _missing(self, group: Group, allowance: int) -> int:
        """Completed trials that it still needs, but for those that run to their end.

        A spared trial is none of them: it began with any configuration, and a depth that had no
        other would be judged by it.
        """
        if group.completed >= self.guarantee:
            return 0
        coming = sum(trial.until >= allowance for trial in _judged(group))
        return max(0, self.guarantee - group.completed - coming)

    def _guaranteed(
        self, now: Standings, order: list[Hashable], new: bool, given: Given | None
    ) -> Iterator[Step]:
        """The steps to completed trials; a running one that would be chosen is waited for."""
        allowance = now.rungs[-1]
        for name in order:
            group = now.groups[name]
            missing = self._missing(group, allowance)
            if not missing:
                continue
            paused = group.paused.values()
            if paused:
                first = max(paused, key=lambda trial: _advance(trial, now))
                yield Step(first.number, name, allowance)
            elif len(_judged(group)) < self.guarantee - group.completed:
                is_given = given is not None and given.group == name
                if new or is_given:
                    yield Step(None, name, allowance, given=is_given)

    def _reserve(self, group: Group, rungs: tuple[int, ...], step: Step | None = None) -> int:
        """Epochs that its missing completed trials cost at least, after a step of this group."""
        missing = self._missing(group, rungs[-1])
        if not missing:
            return 0
        furthest = group.advance[-missing:]
        if step is not None and not step.control:
            if step.trial is not None and group.paused[step.trial].epochs in furthest:
                furthest.remove(group.paused[step.trial].epochs)
            furthest = sorted([*furthest, step.until])
        return missing * rungs[-1] - sum(furthest[-missing:])

    # --- promotions and new trials ---

    def _steps(
        self, now: Standings, order: list[Hashable], new: bool, given: Given | None
    ) -> Iterator[Step]:
        for rung in reversed(range(len(now.rungs) - 1)):
            for name in order:
                trial = self._promoted(now.groups[name], rung)
                if trial is not None:
                    yield Step(trial, name, now.rungs[rung + 1])
        if given is not None:
            yield Step(None, given.group, now.rungs[-1 if given.whole else 0], given=True)
        yield from self._begun(now, order) if new else self._left(now, order)

    def _begun(self, now: Standings, order: list[Hashable]) -> Iterator[Step]:
        """A new trial of the group begun least often."""
        name = min(order, key=lambda name: now.groups[name].begun)
        every = self.control_every
        control = every > 0 and (now.groups[name].begun + 1) % every == 0
        if control:
            yield Step(None, name, now.rungs[-1], control)
        yield Step(None, name, now.rungs[0])

    def _left(self, now: Standings, order: list[Hashable]) -> Iterator[Step]:
        """Where no trial may begin, those that were left behind: the most advanced first."""
        paused = [trial for name in order for trial in now.groups[name].paused.values()]
        for trial in sorted(paused, key=lambda trial: _advance(trial, now), reverse=True):
            rung = next(rung for rung in now.rungs if rung > trial.epochs)
            yield Step(trial.number, trial.group, rung)

    def _promoted(self, group: Group, rung: int) -> int | None:
        """The best trial that is paused at the rung, if it belongs to those that go on."""
        waiting, ranked = group.waiting[rung], group.ranked[rung]
        if not waiting:
            return None
        goes_on = bisect_left(ranked, waiting[0]) < int(len(ranked) * self.survivors + 1e-9)
        return waiting[0][1] if goes_on else None


def _cost(step: Step, now: Standings) -> int:
    """Epochs that the step may take."""
    if step.trial is None:
        return step.until
    return step.until - now.groups[step.group].paused[step.trial].epochs


def _judged(group: Group) -> list[Standing]:
    """Its running trials, but for those that are spared."""
    return [trial for trial in group.running.values() if not trial.spared]


def _nearest(value: float) -> int:
    return int(value + 0.5)


def _advance(trial: Standing, now: Standings) -> tuple[int, float, int]:
    """The more epochs, then the better value at its last rung, then the earlier."""
    key = now.keys(trial)
    return trial.epochs, -key[-1][0] if key else float("-inf"), -trial.number
