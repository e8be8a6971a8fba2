"""A study replayed on a table: its trials are rows, an epoch costs one unit of time and budget."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import cached_property
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
    def __call__(self, study: Study, rows: NDArray[np.int64]) -> int:
        """Which of these rows a new trial is."""


def at_random(study: Study, rows: NDArray[np.int64]) -> int:
    return int(study.rng.integers(len(rows)))


@dataclass
class Study:
    """`budget` in epochs. Depths begin equally often, in shuffled blocks, with every rule."""

    table: Table
    pool: Pool
    budget: int
    rng: np.random.Generator
    workers: int = 1
    sampler: Sampler = at_random
    trials: list[Trial] = field(default_factory=list)
    committed: int = 0
    _left: Pool = field(default_factory=dict)
    _block: list[int] = field(default_factory=list)

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
        if rows is None or not len(rows):
            rows = self.rng.permutation(self.pool[depth])
        chosen = self.sampler(self, rows)
        self._left[depth] = np.delete(rows, chosen)
        trial = Trial(len(self.trials), int(rows[chosen]), depth)
        self.trials.append(trial)
        return trial

    def next_depth(self) -> int:
        if not self._block:
            self._block = [int(d) for d in self.rng.permutation(sorted(self.pool))]
        return self._block.pop()

    def _promise(self, trial: Trial, until: int, now: int) -> int:
        left = self.budget - self.committed
        until = min(until, self.length(trial), trial.epochs + left)
        self.committed += until - trial.epochs
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


@dataclass
class Tpe:
    """Roughly Optuna's multivariate TPE: of 24 rows that with the best ratio of two densities.

    A paused trial counts by its best so far, as the sweeper has it. It knows the rows of a table
    alone: samplers are better compared by benchmarks/told.py.
    """

    features: NDArray[np.float64]
    startup: int = 10
    candidates: int = 24
    width: float = 0.2

    def __call__(self, study: Study, rows: NDArray[np.int64]) -> int:
        known = [t for t in study.trials if t.state not in ("running", "cut") and t.epochs]
        if len(known) < self.startup:
            return at_random(study, rows)
        others = np.fromiter((t.row for t in known), int, len(known))
        epochs = np.fromiter((t.epochs for t in known), int, len(known))
        others = others[np.argsort(-study.table.best[others, epochs - 1], kind="stable")]
        good = min(int(np.ceil(0.1 * len(known))), 25)
        tried = study.rng.permutation(len(rows))[: self.candidates]
        near = self._near[rows[tried][:, None], others]
        prior = 0.02
        ratio = (near[:, :good].mean(1) + prior) / (near[:, good:].mean(1) + prior)
        return int(tried[ratio.argmax()])

    @cached_property
    def _near(self) -> NDArray[np.float64]:
        """Gaussian kernel between all rows: (rows, rows)."""
        squares = (self.features**2).sum(1)
        between = squares[:, None] + squares - 2 * self.features @ self.features.T
        return np.exp(between / (-2 * self.width**2))


def features(table: Table) -> NDArray[np.float64]:
    """Configurations in a unit cube, on the scales on which they were drawn."""
    if table.unit is not None:
        return table.unit
    columns = table.config[:, :7].astype(float).copy()
    for scaled in (1, 2, 3, 5):
        columns[:, scaled] = np.log(columns[:, scaled])
    span = np.ptp(columns, axis=0)
    return (columns - columns.min(0)) / np.where(span > 0, span, 1)
