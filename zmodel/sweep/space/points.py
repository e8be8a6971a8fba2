"""Points of a search space that are tried before any other: its ends, and every choice.

The first is the lowest value of every number and the first choice of everything else, the next
the highest and the second; a parameter that has fewer ends is back at its first.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution, CategoricalDistribution

from zmodel.sweep.space.search_space import SearchSpace

Params = dict[str, Any]


def points(space: SearchSpace) -> list[Params]:
    """At least one; a value for every declared parameter, whether its condition holds or not."""
    ends = {name: _ends(d) for name, d in space.distributions.items()}
    count = max(map(len, ends.values()), default=1)
    return [
        {name: values[number if number < len(values) else 0] for name, values in ends.items()}
        for number in range(count)
    ]


def params_at(point: Params, space: SearchSpace, config: DictConfig) -> Params:
    """What a trial has that is told this point: conditions hold, functions have asked."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    study.enqueue_trial(point)
    return space.suggest(study.ask(), config)


def _ends(distribution: BaseDistribution) -> list[Any]:
    if not isinstance(distribution, CategoricalDistribution):
        return _distinct(distribution.low, distribution.high)  # type: ignore[attr-defined]
    choices = distribution.choices
    if all(isinstance(choice, Real) and not isinstance(choice, bool) for choice in choices):
        return _distinct(min(choices), max(choices))  # type: ignore[type-var]
    return list(choices)


def _distinct(low: Any, high: Any) -> list[Any]:
    return [low] if low == high else [low, high]
