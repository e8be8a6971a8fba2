"""Faults of what a search may try: its bounds and its limits of size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from calibration.fault import Fault, Seeded
from calibration.studies import FLOOR, TRIALS, either, study_of, usual
from calibration.tabled import Tabled
from calibration.worlds import Run, Space, World
from zmodel.analysis.replay.simulate import DEPTH, LR
from zmodel.analysis.rules import boundary
from zmodel.analysis.rules.space import constraint_binds
from zmodel.study.constraints import parse_constraints
from zmodel.study.records import StudyRecord

KEPT, GAIN = 0.4, 0.02
"""The part of a parameter's range that a space that is too narrow keeps, and the accuracy that
this must cost to be a fault."""
INSIDE = (0.2, 0.8)
"""Where the best of a range must lie that is wide enough."""
TIGHT, GENEROUS, NOTHING = 0.2, 0.9, 0.0005
"""The parts of all sizes that limits leave, and what a generous one costs at most."""


def best_of(runs: Sequence[Run]) -> float:
    return float(np.mean(sorted(run.truth for run in runs)[-5:]))


def place(dist: BaseDistribution, part: float) -> float:
    """The value so far from the lower bound, on the scale it is sampled on."""
    assert isinstance(dist, IntDistribution | FloatDistribution)
    low, high = float(dist.low), float(dist.high)
    return low ** (1 - part) * high**part if dist.log else low + part * (high - low)


def _between(world: World, name: str, parts: tuple[float, float]) -> tuple[list[Run], list[Run]]:
    """The runs of a part of a parameter's range, and the others."""
    low, high = (place(world.space[name], part) for part in parts)
    groups: tuple[list[Run], list[Run]] = ([], [])
    for run in world.pool:
        groups[not low <= run.params[name] <= high].append(run)
    return groups


@cache
def _narrowed(world: World) -> list[tuple[World, Space, str]]:
    """What is left of the world where a part of one parameter's range costs enough."""
    found = []
    for name, dist in world.space.items():
        if name == DEPTH or not isinstance(dist, FloatDistribution | IntDistribution):
            continue
        parts = ((0.0, KEPT), (1 - KEPT, 1.0))
        costs = [best_of(world.pool) - best_of(_between(world, name, p)[0]) for p in parts]
        low, high = (place(dist, part) for part in parts[int(np.argmax(costs))])
        left = world.within(name, low, high) if isinstance(world, Tabled) else world
        if max(costs) >= GAIN and _enough(left):
            bounds = (round(low), round(high)) if isinstance(dist, IntDistribution) else (low, high)
            found.append((left, {**world.space, name: type(dist)(*bounds, log=dist.log)}, name))
    return found


def _enough(world: World) -> bool:
    """Networks of each depth for a study that prefers one."""
    depths = Counter(run.params[DEPTH] for run in world.pool)
    return min(depths.values()) >= TRIALS - 4 * FLOOR


@cache
def _wide_enough(world: World) -> frozenset[str]:
    parts = {n: _between(world, n, INSIDE) for n in world.space if n != DEPTH}
    return frozenset(n for n, (inner, outer) in parts.items() if best_of(inner) > best_of(outer))


def narrow(world: World, seed: int, fault: bool) -> Seeded | None:
    """The better learning rates lie beyond a bound; else the better values of all parameters that
    are asked lie inside."""
    return _narrow(world, seed, fault, learning_rate=True)


def narrow_otherwise(world: World, seed: int, fault: bool) -> Seeded | None:
    """As `narrow`, of a width, a dropout or a weight decay."""
    return _narrow(world, seed, fault, learning_rate=False)


def _narrow(world: World, seed: int, fault: bool, learning_rate: bool) -> Seeded | None:
    if not fault:
        where = _wide_enough(world)
        return Seeded(study_of(world, usual(world, seed)), False, where) if where else None
    among = [found for found in _narrowed(world) if (found[2] == LR) == learning_rate]
    if not among:
        return None
    left, space, name = among[seed // 2 % len(among)]
    runs = either(left, seed, space=space)
    return Seeded(study_of(world, runs, space=space), True, frozenset([name]))


def limited(world: World, seed: int, fault: bool) -> Seeded | None:
    """A limit of size costs accuracy, and most proposals keep it; else it is one on amounts that
    have nothing to do with accuracy."""
    within, beyond, limit = _parted(world, TIGHT)
    if fault and best_of(within) > best_of(world.pool) - GAIN:
        return None
    return Seeded(_limited(world, seed, within, beyond, limit, mixed=not fault), fault)


def generous(world: World, seed: int, fault: bool) -> Seeded | None:
    """Never a fault: a limit that costs nothing, though smaller networks may be worse."""
    within, beyond, limit = _parted(world, GENEROUS)
    if fault or best_of(within) < best_of(world.pool) - NOTHING:
        return None
    return Seeded(_limited(world, seed, within, beyond, limit), False)


def _parted(world: World, part: float) -> tuple[list[Run], list[Run], float]:
    """The runs that keep a limit on this part of all sizes, the others, and the limit."""
    limit = float(np.quantile([run.weights for run in world.pool], part))
    groups: tuple[list[Run], list[Run]] = ([], [])
    for run in world.pool:
        groups[run.weights > limit].append(run)
    return *groups, limit


def _limited(
    world: World, seed: int, within: list[Run], beyond: list[Run], limit: float, mixed: bool = False
) -> StudyRecord:
    rng = np.random.default_rng(seed)
    chosen = [(within, TRIALS - 10), (beyond, 10)]
    runs = [group[i] for group, n in chosen for i in rng.permutation(len(group))[:n]]
    if mixed:
        sizes = rng.permutation([run.weights for run in runs])
        runs = [replace(run, weights=int(w)) for run, w in zip(runs, sizes, strict=True)]
    given = {"parameters": f"<= {limit:.0f}"}
    study = study_of(world, runs, attrs={"constraints": given})
    constraint = parse_constraints(given)[0]
    trials = tuple(
        replace(t, violations={"parameters": constraint.violation(t.attrs["parameters"])})
        for t in study.trials
    )
    return replace(study, trials=trials)


BOUNDS_FAULTS = (
    Fault("bounds too narrow", (boundary,), narrow),
    Fault("bounds of another parameter", (boundary,), narrow_otherwise),
    Fault("a limit of size binds", (constraint_binds,), limited, least=1),
    Fault("a limit that costs nothing", (constraint_binds,), generous, least=1),
)
