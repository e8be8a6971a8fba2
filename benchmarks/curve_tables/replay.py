"""Many studies replayed on bootstrapped tables, paired: every rule meets the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curve_tables.simulation import Rule, Sampler, Study, at_random
from curve_tables.table import Table


@dataclass(frozen=True)
class Result:
    """Of one rule at one budget, over studies (tables, studies of a table)."""

    test: NDArray[np.float64]
    left_behind: NDArray[np.int64]
    trials: NDArray[np.int64]
    completed: NDArray[np.int64]


def replay(
    table: Table,
    rules: Mapping[str, Callable[[], Rule]],
    budget: float,
    tables: int = 50,
    studies: int = 20,
    workers: int = 1,
    sampler: Sampler = at_random,
    seed: int = 0,
) -> dict[str, Result]:
    """`budget` in trials that run to their end: of the mean length of the table's."""
    epochs = round(budget * float(table.length.mean()))
    seen: dict[str, list[list[tuple[float, int, int, int]]]] = {name: [] for name in rules}
    for i in range(tables):
        pool = _bootstrapped(table, np.random.default_rng([seed, i]))
        for name, rule in rules.items():
            rows = []
            for j in range(studies):
                rng = np.random.default_rng([seed, i, j])
                study = Study(table, pool, epochs, rng, workers, sampler).run(rule())
                complete = sum(t.state == "complete" for t in study.trials)
                rows.append((study.test(), study.left_behind(), len(study.trials), complete))
            seen[name].append(rows)
    arrays = {name: np.array(rows) for name, rows in seen.items()}
    return {
        name: Result(a[:, :, 0], *(a[:, :, k].astype(int) for k in (1, 2, 3)))
        for name, a in arrays.items()
    }


def _bootstrapped(table: Table, rng: np.random.Generator) -> dict[int, NDArray[np.int64]]:
    rows = {int(d): np.flatnonzero(table.depth == d) for d in np.unique(table.depth)}
    return {depth: rng.choice(members, len(members)) for depth, members in rows.items()}


def difference(a: Result, b: Result) -> tuple[float, float]:
    """Mean of a - b in test accuracy and half of its 90 % interval, over bootstrapped tables."""
    by_table = (a.test - b.test).mean(1)
    return float(by_table.mean()), float(1.645 * by_table.std(ddof=1) / np.sqrt(len(by_table)))
