"""Faults of a search: trials that fail, how they were spread, how many there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from optuna.distributions import FloatDistribution
from optuna.pruners import MedianPruner, PercentilePruner
from optuna.samplers import RandomSampler, TPESampler

from calibration.fault import Fault, Seeded
from calibration.studies import (
    TRIALS,
    at_random,
    can_win,
    completed,
    drawn,
    either,
    study_of,
    usual,
)
from calibration.worlds import Run, World, random_params
from zmodel.analysis.replay.simulate import DEPTH, LR
from zmodel.analysis.rules import (
    duplicates,
    failures,
    few_trials,
    pruning_bias,
    underexplored,
)
from zmodel.analysis.rules.space import useless_region
from zmodel.study.records import StudyRecord

DIVERGES, LEAST = 0.75, 4
"""From this part of the range on, and at least so many trials: fewer cost little."""


def _cut(world: World, part: float) -> float:
    dist = world.space[LR]
    assert isinstance(dist, FloatDistribution)
    return float(dist.low ** (1 - part) * dist.high**part)


def diverging(world: World, seed: int, fault: bool) -> Seeded:
    """Trials diverge at learning rates in the upper quarter; else one in ten, anywhere."""
    rng, cut = np.random.default_rng(seed), _cut(world, DIVERGES)
    reason = "ValueError: The training loss must stay finite, received nan"

    def change(run: Run) -> Run:
        lost = run.params[LR] > cut if fault else rng.random() < 0.1
        return replace(run, state="failed", reason=reason) if lost else run

    if fault:
        runs = either(world, seed, change=change)
        seen = sum(run.state == "failed" for run in runs) >= LEAST
        return Seeded(study_of(world, runs), True if seen else None, frozenset([LR]))
    return Seeded(study_of(world, [change(run) for run in usual(world, seed)]), False)


def too_large(world: World, seed: int, fault: bool) -> Seeded:
    """Networks above the median size run out of memory; else one trial in fifty fails."""
    rng = np.random.default_rng(seed)
    middle = float(np.median([run.weights for run in world.pool]))

    def change(run: Run) -> Run:
        lost = run.weights > middle if fault else rng.random() < 0.02
        return replace(run, state="failed", reason="OutOfMemoryError") if lost else run

    return Seeded(study_of(world, at_random(world, seed, change=change)), fault)


def starved(world: World, seed: int, fault: bool) -> Seeded:
    """TPE alone leaves a depth that can win, because its one early trial had a poor learning rate;
    else floors or chance treat all alike."""
    if not fault:
        return Seeded(study_of(world, usual(world, seed)), False)
    rng = np.random.default_rng(seed)
    depth = int(rng.choice(sorted(can_win(world))))
    first = [random_params(world.space, rng) for _ in range(10)]
    for params in first:
        params[DEPTH] = int(rng.choice([z for z in range(1, 6) if z != depth]))
    first[0] |= {DEPTH: depth, LR: world.space[LR].low}  # type: ignore[attr-defined]
    sampler = TPESampler(seed=seed, multivariate=True, n_startup_trials=10)
    runs = drawn(world, seed, n=30, sampler=sampler, floor=0, first=first)
    return _lost(world, study_of(world, runs), least=2)


def killed(world: World, seed: int, fault: bool) -> Seeded:
    """The median pruner ends a depth that can win; else no pruner runs."""
    if not fault:
        return Seeded(study_of(world, usual(world, seed)), False)
    pruner = MedianPruner(n_startup_trials=5)
    seeded = _lost(
        world,
        study_of(world, drawn(world, seed, sampler=RandomSampler(seed), pruner=pruner, floor=0)),
    )
    return replace(seeded, where=frozenset())


def slow(world: World, seed: int, fault: bool) -> Seeded:
    """The pruner ends a depth because it starts late; else the pruner runs, and depths are mixed
    afterwards, so that they mean nothing to it. Up to the first epoch nobody is late, so at least
    one trial must have been ended after that: else nothing in the study shows the fault."""
    rng = np.random.default_rng(seed)
    pruner = PercentilePruner(90.0, n_startup_trials=5, interval_steps=5)
    late = int(rng.integers(1, 6))

    def change(run: Run) -> Run:
        if not fault or run.params[DEPTH] != late:
            return run
        wait = len(run.curve) // 3
        curve = np.concatenate([np.full(wait, run.curve[0]), run.curve[: len(run.curve) - wait]])
        return replace(run, curve=curve)

    runs = drawn(world, seed, sampler=RandomSampler(seed), pruner=pruner, floor=0, change=change)
    if fault:
        own = [run for run in runs if run.params[DEPTH] == late]
        lost = [run for run in own if run.state == "pruned"]
        clear = len(own) > 4 and len(lost) > 0.9 * len(own)
        clear = clear and any(len(run.curve) > 1 for run in lost)
        return Seeded(study_of(world, runs), True if clear else None)
    depths = rng.permutation([run.params[DEPTH] for run in runs])
    mixed = [
        replace(run, params={**run.params, DEPTH: int(z)})
        for run, z in zip(runs, depths, strict=True)
    ]
    return Seeded(study_of(world, mixed), False)


def _lost(world: World, study: StudyRecord, least: int = 3) -> Seeded:
    """The fault happened where a depth that can win completed fewer trials than `least`."""
    had = completed(study)
    lost = frozenset(z for z in can_win(world) if had[z] < least)
    return Seeded(study, True if lost else None, lost)


def too_few(world: World, seed: int, fault: bool) -> Seeded:
    return Seeded(study_of(world, usual(world, seed)[: 8 if fault else TRIALS]), fault)


def repeated(world: World, seed: int, fault: bool) -> Seeded:
    """Two workers of the same seed make the same trials."""
    runs = usual(world, seed)
    return Seeded(study_of(world, runs + runs[:10] if fault else runs), fault)


SEARCH_FAULTS = (
    Fault("unstable learning rate", (useless_region,), diverging, least=1),
    Fault("large networks fail", (failures, underexplored), too_large),
    Fault("depth starved by TPE", (underexplored,), starved),
    Fault("depth killed by a pruner", (underexplored, pruning_bias), killed),
    Fault("slow depth pruned unfairly", (pruning_bias,), slow),
    Fault("too few trials", (few_trials,), too_few),
    Fault("trials repeated", (duplicates,), repeated, least=1),
)
