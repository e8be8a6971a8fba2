"""Points of a search space to rehearse: its ends and every choice.

The first is the lowest value of every number and the first choice of everything else, the next
the highest and the second; a parameter that has fewer ends is back at its first. A parameter that
exists under a condition only gets points of its own where it exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product
from numbers import Real
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.distributions import CategoricalDistribution

from zmodel.sweep.space.combinations import cases
from zmodel.sweep.space.condition import parents
from zmodel.sweep.space.search_space import SearchSpace

Params = dict[str, Any]
MOST_TRIED = 1000
"""So many values of its parents are tried to find where a parameter exists."""


def points(space: SearchSpace) -> list[Params]:
    """At least one; a value for every declared parameter, whether its condition holds or not."""
    of = {name: ends(name, space) for name in space.distributions}
    count = max(map(len, of.values()), default=1)
    found = [
        {name: values[number if number < len(values) else 0] for name, values in of.items()}
        for number in range(count)
    ]
    for name in space.conditions:
        for end in of[name]:
            if not any(point[name] == end and name in _active(point, space) for point in found):
                there = with_value(name, end, found[0], space)
                found += [there] if name in _active(there, space) else []
    return found


def with_value(name: str, value: Any, point: Params, space: SearchSpace) -> Params:
    """The point with this value, and where that is possible with parents under which it counts."""
    there = point | {name: value}
    condition = space.conditions.get(name)
    if condition is None or name in _active(there, space):
        return there
    known = [parent for parent in space.distributions if parent in parents(condition)]
    for parent in known:
        there = with_value(parent, there[parent], there, space)
    choices = [[there[parent], *(value for value, _ in cases(parent, space))] for parent in known]
    for values in islice(product(*choices), MOST_TRIED):
        tried = there | dict(zip(known, values, strict=True))
        if name in _active(tried, space):
            return tried
    return there


def params_at(point: Params, space: SearchSpace, config: DictConfig) -> Params:
    """What a trial has that is told this point: conditions hold, functions have asked."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    study.enqueue_trial(_active(point, space))
    return space.suggest(study.ask(), config)


def _active(point: Params, space: SearchSpace) -> Params:
    """The part of the point that exists under its conditions."""
    params: Params = {}
    for name in space.distributions:
        if space.is_active(name, params):
            params[name] = point[name]
    return params


def ends(name: str, space: SearchSpace) -> Sequence[Any]:
    """The lowest and highest value of numbers, every choice of anything else."""
    distribution = space.distributions[name]
    if not isinstance(distribution, CategoricalDistribution):
        return _distinct(distribution.low, distribution.high)  # type: ignore[attr-defined]
    choices = distribution.choices
    numbers = all(isinstance(c, Real) and not isinstance(c, bool) for c in choices)
    if numbers and name not in space.groups:
        return _distinct(min(choices), max(choices))  # type: ignore[type-var]
    return choices


def _distinct(low: Any, high: Any) -> list[Any]:
    return [low] if low == high else [low, high]
