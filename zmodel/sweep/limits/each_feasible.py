"""Tries every feasible configuration once, where a search has few."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial

from zmodel.core.equality import same
from zmodel.sweep.limits.feasible_sampler import told
from zmodel.sweep.sampling.decided_sampler import DecidedSampler
from zmodel.sweep.space.search_space import SearchSpace

Params = dict[str, Any]


class EachFeasible(DecidedSampler):
    """Gives a trial the first of `combinations`, shuffled by `seed`, that no other trial has.

    Other workers must wait from claiming a trial until all of it is asked.
    """

    def __init__(self, combinations: Sequence[Params], seed: int) -> None:
        self._combinations = list(combinations)
        random.Random(seed).shuffle(self._combinations)
        self._chosen: Params = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        known = told(trial)
        others = [told(t) for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        fitting = [c for c in self._combinations if all(same(c.get(k), known[k]) for k in known)]
        fresh = (c for c in fitting if not any(same(c, other) for other in others))
        self._chosen = next(fresh, fitting[0] if fitting else self._combinations[0])

    def decided(self, trial: FrozenTrial, name: str) -> Any:
        return self._chosen[name]


def each_combination(space: SearchSpace) -> Iterator[Params]:
    """Every combination of a space without endless parameters."""
    yield from _extended(space, list(space.distributions), {})


def _extended(space: SearchSpace, names: list[str], params: Params) -> Iterator[Params]:
    if not names:
        yield params
    elif not space.is_active(names[0], params):
        yield from _extended(space, names[1:], params)
    else:
        for value in space.values(names[0]):
            yield from _extended(space, names[1:], params | {names[0]: value})
