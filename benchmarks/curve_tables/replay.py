"""Many studies replayed on bootstrapped tables, paired: every rule meets the same rows."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curve_tables.simulation import AtRandom, Pool, Rule, Sampler, Study
from curve_tables.table import Table


@dataclass(frozen=True)
class Result:
    """Of one rule at one budget, over studies (tables, studies of a table)."""

    test: NDArray[np.float64]
    left_behind: NDArray[np.int64]
    trials: NDArray[np.int64]
    completed: NDArray[np.int64]


@dataclass(frozen=True)
class Repeats:
    """How many studies there are of a rule, and how they are made."""

    tables: int = 50
    studies: int = 20
    """Of a bootstrapped table."""
    workers: int = 1
    sampler: Callable[[], Sampler] = AtRandom
    seed: int = 0
    jobs: int = 1
    """Processes that share the tables; what is found does not depend on them."""


Rules = Mapping[str, Callable[[], Rule]]
Row = tuple[float, int, int, int]
"""Of a study: test accuracy, depths left behind, trials, completed ones."""


def replay(table: Table, rules: Rules, budget: float, repeats: Repeats) -> dict[str, Result]:
    """`budget` in trials that run to their end: of the mean length of the table's."""
    epochs = round(budget * float(table.length.mean()))
    task = (table, rules, epochs, repeats)
    if repeats.jobs == 1:
        _take(*task)
        found = [_on_table(i) for i in range(repeats.tables)]
    else:
        fork = multiprocessing.get_context("fork")  # rules and tables are not sent
        with fork.Pool(repeats.jobs, _take, task) as pool:
            found = pool.map(_on_table, range(repeats.tables), chunksize=1)
    arrays = {name: np.array([rows[name] for rows in found]) for name in rules}
    return {
        name: Result(a[:, :, 0], *(a[:, :, k].astype(int) for k in (1, 2, 3)))
        for name, a in arrays.items()
    }


_task: tuple[Table, Rules, int, Repeats]


def _take(*task: object) -> None:
    global _task
    _task = task  # type: ignore[assignment]


def _on_table(i: int) -> dict[str, list[Row]]:
    """All studies of every rule on bootstrapped table number `i`."""
    table, rules, epochs, repeats = _task
    pool = _bootstrapped(table, np.random.default_rng([repeats.seed, i]))
    return {name: [_study(rule(), pool, i, j) for j in range(repeats.studies)]
            for name, rule in rules.items()}  # fmt: skip


def _study(rule: Rule, pool: Pool, i: int, j: int) -> Row:
    table, _, epochs, repeats = _task
    rng = np.random.default_rng([repeats.seed, i, j])
    study = Study(table, pool, epochs, rng, repeats.workers, repeats.sampler()).run(rule)
    complete = sum(trial.state == "complete" for trial in study.trials)
    return study.test(), study.left_behind(), len(study.trials), complete


def _bootstrapped(table: Table, rng: np.random.Generator) -> dict[int, NDArray[np.int64]]:
    rows = {int(d): np.flatnonzero(table.depth == d) for d in np.unique(table.depth)}
    return {depth: rng.choice(members, len(members)) for depth, members in rows.items()}


def difference(a: Result, b: Result) -> tuple[float, float]:
    """Mean of a - b in test accuracy, and half of its 90 % interval."""
    return interval(a.test - b.test)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of values (tables, studies) and half of its 90 % interval.

    Another table of as many configurations may differ as bootstrapped tables do (Efron 1979), once
    the noise of the few studies of one such table is taken off; that of all studies is added.
    """
    tables, studies = values.shape
    noise = float(values.var(1, ddof=1).mean()) if studies > 1 else 0.0
    between = max(0.0, float(values.mean(1).var(ddof=1)) - noise / studies)
    return float(values.mean()), 1.645 * math.sqrt(between + noise / values.size)
