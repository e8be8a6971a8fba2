"""Makes studies of a world's runs, as the analysis reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, TPESampler

from calibration.worlds import Run, Space, World, random_params
from zmodel.analysis.replay.simulate import DEPTH
from zmodel.core.never_learned import never_learned
from zmodel.study.records import StudyRecord, TrialRecord

TRIALS, FLOOR = 50, 5
MARGIN = 0.01
"""A depth can win when what it reaches is so near to the best depth's."""


def at_random(
    world: World,
    seed: int,
    n: int = TRIALS,
    floor: int = FLOOR,
    space: Space | None = None,
    change: Callable[[Run], Run] = lambda run: run,
) -> list[Run]:
    """Runs with random parameters, every second one of a depth that is behind."""
    rng = np.random.default_rng(seed)
    source, counts = world.source(rng), dict.fromkeys(range(1, 6), 0)
    runs: list[Run] = []
    for number in range(n):
        params = random_params(space or world.space, rng)
        params[DEPTH] = _behind(counts, floor, number) or params[DEPTH]
        runs.append(change(source.at(params)))
        counts[params[DEPTH]] += runs[-1].state == "complete"
    return runs


def _behind(counts: dict[int, int], floor: int, number: int) -> int | None:
    behind = [z for z, had in counts.items() if had < floor] if number % 2 else []
    return min(behind, key=lambda z: counts[z]) if behind else None


def drawn(
    world: World,
    seed: int,
    n: int = TRIALS,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
    floor: int = FLOOR,
    space: Space | None = None,
    change: Callable[[Run], Run] = lambda run: run,
    first: Sequence[dict[str, Any]] = (),
) -> list[Run]:
    """Runs that a sampler of Optuna asks for; by default TPE."""
    own = sampler or TPESampler(seed=seed, multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=own, pruner=pruner or NopPruner())
    source = world.source(np.random.default_rng(seed))
    counts = dict.fromkeys(range(1, 6), 0)
    runs: list[Run] = []
    for params in first:
        study.enqueue_trial(params)
    for number in range(n):
        depth = _behind(counts, floor, number)
        if depth is not None:
            study.enqueue_trial({DEPTH: depth})
        trial = study.ask(space or world.space)
        run = _told(study, trial, change(source.at(dict(trial.params))))
        counts[run.params[DEPTH]] += run.state == "complete"
        runs.append(run)
    return runs


def either(world: World, seed: int, **options: Any) -> list[Run]:
    """By TPE with floors or, for odd seeds, at random with floors."""
    return (at_random if seed % 2 else drawn)(world, seed, **options)


def _told(study: optuna.Study, trial: optuna.Trial, run: Run) -> Run:
    if run.state == "failed":
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return run
    if not isinstance(study.pruner, NopPruner):
        for epoch, value in enumerate(map(float, run.curve)):
            trial.report(value, epoch)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                return replace(run, curve=run.curve[: epoch + 1], state="pruned")
    study.tell(trial, float(run.curve.max()))
    return run


@lru_cache(maxsize=4)
def usual(world: World, seed: int) -> tuple[Run, ...]:
    """A study without a fault, which several faults are put into afterwards."""
    return tuple(either(world, seed))


def study_of(
    world: World,
    runs: Sequence[Run],
    samples: int | None = None,
    space: Space | None = None,
    attrs: dict[str, Any] | None = None,
) -> StudyRecord:
    trials = tuple(_trial(world, i, run, samples or world.samples) for i, run in enumerate(runs))
    noted = {"optimized_metric": ["val/acc_best"], **(attrs or {})}
    return StudyRecord("s", ("maximize",), space or world.space, trials, attrs=noted)


def _trial(world: World, number: int, run: Run, samples: int) -> TrialRecord:
    best = int(np.argmax(run.curve))
    value = float(run.curve[best])
    attrs: dict[str, Any] = {
        "max_epochs": run.allowed, "validated": samples, "majority": world.majority,
        "parameters": run.weights,
    }  # fmt: skip
    if run.state == "failed":
        attrs["fail_reason"] = run.reason
    elif run.state == "complete":
        sizes = [round(samples * world.majority), samples - round(samples * world.majority)]
        attrs |= {
            "epochs": len(run.curve), "best_epoch": best,
            "stopped_early": len(run.curve) < run.allowed, "cooled_from": run.cooled_from,
            "metrics": {"train/acc": float(run.train[best]), "val/acc": value},
            "never_learned": value < world.majority + 0.02 and never_learned(value, sizes),
        }  # fmt: skip
    curve = {} if run.state == "failed" else dict(enumerate(map(float, run.curve)))
    values = (value,) if run.state == "complete" else None
    return TrialRecord(number, run.state, run.params, values, curve, None, None, attrs)


def can_win(world: World) -> set[str]:
    groups: dict[int, list[float]] = {}
    for run in world.pool:
        groups.setdefault(run.params[DEPTH], []).append(run.truth)
    reached = {z: float(np.mean(sorted(group)[-5:])) for z, group in groups.items()}
    return {str(z) for z, value in reached.items() if value >= max(reached.values()) - MARGIN}


def completed(study: StudyRecord) -> dict[str, int]:
    return {
        str(z): sum(t.state == "complete" and t.params[DEPTH] == z for t in study.trials)
        for z in range(1, 6)
    }
