"""A study replayed on a table: its trials are rows, an epoch costs one unit of time and budget."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from curve_tables.table import Table

State = Literal["running", "paused", "stopped", "complete", "cut"]
Pool = dict[int, NDArray[np.int64]]
"""Rows of each depth, some of them several times, others not at all."""


@dataclass
class Trial:
    number: int
    row: int
    depth: int
    epochs: int = 0
    until: int = 0
    state: State = "running"


@dataclass
class Step:
    """What a free worker does: go on with a trial, or begin one (of a depth), until an epoch."""

    until: int
    trial: Trial | None = None
    depth: int | None = None


class Rule(Protocol):
    def next(self, study: Study) -> Step | None:
        """For a free worker; None: nothing."""

    def reached(self, study: Study, trial: Trial) -> int | None:
        """A trial is at the end of a step: until when it goes on; None after setting its state."""


class Sampler(Protocol):
    """Of one study."""

    def choose(self, study: Study, rows: list[int]) -> int:
        """Which of these rows, in random order, a new trial is: its place."""

    def observe(self, trial: Trial, value: float | None) -> None:
        """The best value so far of a trial that does not run any more; None: it runs again."""


class AtRandom:
    def choose(self, study: Study, rows: list[int]) -> int:
        return len(rows) - 1

    def observe(self, trial: Trial, value: float | None) -> None:
        pass


@dataclass
class Study:
    """`budget` in epochs. Depths begin equally often, in shuffled blocks, with every rule. The
    rows of a depth come in an order that does not depend on the rule either."""

    table: Table
    pool: Pool
    budget: int
    rng: np.random.Generator
    workers: int = 1
    sampler: Sampler = field(default_factory=AtRandom)
    trials: list[Trial] = field(default_factory=list)
    committed: int = 0
    _left: dict[int, list[int]] = field(default_factory=dict)
    _block: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._drawn = np.random.default_rng(self.rng.integers(2**63))
        """Depths and rows alone, so that what a rule draws for itself leaves them as they are."""
        self._orders = {depth: self._drawn.spawn(1)[0] for depth in sorted(self.pool)}

    def run(self, rule: Rule) -> Study:
        free, now, count = self.workers, 0, 0
        ends: list[tuple[int, int, Trial]] = []
        while True:
            while free and self.committed < self.budget:
                step = rule.next(self)
                if step is None:
                    break
                trial = step.trial or self._begin(step)
                count += 1
                heapq.heappush(ends, (self._promise(trial, step.until, now), count, trial))
                free -= 1
            if not ends:
                return self
            now, _, trial = heapq.heappop(ends)
            trial.epochs = trial.until
            further = self._after(rule, trial)
            if further is None:
                free += 1
                if trial.state != "cut" and trial.epochs:
                    self.sampler.observe(trial, self.best(trial))
            else:
                count += 1
                heapq.heappush(ends, (self._promise(trial, further, now), count, trial))

    def _after(self, rule: Rule, trial: Trial) -> int | None:
        if trial.epochs >= self.length(trial):
            trial.state = "complete"
        further = rule.reached(self, trial)
        if trial.state != "running" or self.committed < self.budget:
            return further
        trial.state = "cut"
        return None

    def _begin(self, step: Step) -> Trial:
        depth = self.next_depth() if step.depth is None else step.depth
        rows = self._left.get(depth)
        if not rows:
            rows = self._left[depth] = self._orders[depth].permutation(self.pool[depth]).tolist()
        chosen = self.sampler.choose(self, rows)
        rows[chosen], rows[-1] = rows[-1], rows[chosen]
        trial = Trial(len(self.trials), rows.pop(), depth)
        self.trials.append(trial)
        return trial

    def next_depth(self) -> int:
        if not self._block:
            self._block = [int(d) for d in self._drawn.permutation(sorted(self.pool))]
        return self._block.pop()

    def _promise(self, trial: Trial, until: int, now: int) -> int:
        left = self.budget - self.committed
        until = min(until, self.length(trial), trial.epochs + left)
        self.committed += until - trial.epochs
        if trial.epochs and trial.state != "running":
            self.sampler.observe(trial, None)
        trial.until, trial.state = until, "running"
        return now + until - trial.epochs

    # --- what rules and judges ask ---

    def length(self, trial: Trial) -> int:
        """Epochs after which it ends by itself. Rules must not ask."""
        return int(self.table.length[trial.row])

    def best(self, trial: Trial, epoch: int | None = None) -> float:
        return float(self.table.best[trial.row, (epoch or trial.epochs) - 1])

    def chosen(self) -> Trial:
        """The best on validation of those that are complete; of all where none is."""
        complete = [t for t in self.trials if t.state == "complete"]
        known = complete or [t for t in self.trials if t.epochs]
        return max(known, key=lambda t: (self.best(t), -t.number))

    def test(self) -> float:
        trial = self.chosen()
        return float(self.table.test[trial.row, trial.epochs - 1])

    def left_behind(self) -> int:
        """Depths without a completed trial."""
        complete = {t.depth for t in self.trials if t.state == "complete"}
        return len(set(self.pool) - complete)


class Tpe:
    """Roughly Optuna's multivariate TPE: of 24 rows that with the best ratio of two densities.

    The 24 are random rows that are left, not draws from the better density: it knows the rows of a
    table alone. Samplers are better compared by benchmarks/told.py. A trial counts by its best so
    far, complete, paused or stopped, as the sweeper has it; Optuna ranks stopped ones last.
    `near` (rows, rows): :func:`kernel`.
    """

    STARTUP, CANDIDATES, PRIOR = 10, 24, 0.02

    def __init__(self, near: NDArray[np.float64]) -> None:
        self.near = near
        self.density = np.zeros(len(near))
        """Sum of the kernels of all known trials, at each row."""
        self.count = 0
        self.losses = np.full(0, np.inf)
        self.rows = np.zeros(0, int)
        """Of each trial: the negative value, inf for an unknown one, and the row."""

    def observe(self, trial: Trial, value: float | None) -> None:
        if trial.number >= len(self.losses):
            more = 2 * trial.number + 100
            self.losses = np.append(self.losses, np.full(more, np.inf))
            self.rows = np.append(self.rows, np.zeros(more, int))
        sign = -1 if value is None else 1
        self.density += sign * self.near[trial.row]
        self.count += sign
        self.rows[trial.number] = trial.row
        earlier_first = 1e-9 * trial.number
        self.losses[trial.number] = np.inf if value is None else earlier_first - value

    def choose(self, study: Study, rows: list[int]) -> int:
        if self.count < self.STARTUP:
            return len(rows) - 1
        good = min(math.ceil(0.1 * self.count), 25)
        losses = self.losses[: len(study.trials)]
        best = self.rows[np.argpartition(losses, good)[:good]]
        places = study.rng.integers(len(rows), size=self.CANDIDATES).tolist()
        tried = np.array([rows[place] for place in places])
        to_best = self.near[tried[:, None], best].sum(1)
        others = (self.density[tried] - to_best) / (self.count - good)
        return places[((to_best / good + self.PRIOR) / (others + self.PRIOR)).argmax()]


def kernel(features: NDArray[np.float64], width: float = 0.2) -> NDArray[np.float64]:
    """Gaussian, between all rows: (rows, features) to (rows, rows)."""
    squares = (features**2).sum(1)
    between = squares[:, None] + squares - 2 * features @ features.T
    return np.exp(between / (-2 * width**2))


def features(table: Table) -> NDArray[np.float64]:
    """Configurations in a unit cube, on the scales on which they were drawn."""
    if table.unit is not None:
        return table.unit
    columns = table.config[:, :7].astype(float).copy()
    for scaled in (1, 2, 3, 5):
        columns[:, scaled] = np.log(columns[:, scaled])
    span = np.ptp(columns, axis=0)
    return (columns - columns.min(0)) / np.where(span > 0, span, 1)
