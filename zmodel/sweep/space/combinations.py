"""How many different trials a space allows.

And the cases that its conditions tell apart.

A case is one value for all that every condition treats alike.
With `when: model.z_layers >= 3`, a depth from 1 to 9 has the cases 1, 2 (one value), 3 and 4 to 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.study.distribution_values import count_values, value_at
from zmodel.sweep.space.condition import parents
from zmodel.sweep.space.search_space import SearchSpace

Case = tuple[Any, float]
"""A value, and how many values it stands for: infinity for an interval."""


def cases(name: str, space: SearchSpace) -> list[Case]:
    """The cases of a parameter; a single one when no condition asks for it and it is a number."""
    distribution = space.distributions[name]
    if isinstance(distribution, CategoricalDistribution):
        return [(choice, 1) for choice in distribution.choices]
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    literals = _literals(name, space)
    count = count_values(distribution)
    if count is None:
        return _of_interval(distribution.low, distribution.high, literals)
    low, step = Fraction(str(distribution.low)), Fraction(str(distribution.step or 1))
    places = [(Fraction(str(literal)) - low) / step for literal in literals]
    single = {i for place in places for i in (math.floor(place), math.ceil(place))}
    inside = sorted(i for i in single if 0 <= i < count)
    found: list[tuple[int, int]] = [(i, 1) for i in inside]
    found += [(a + 1, b - a - 1) for a, b in pairwise((-1, *inside, count)) if b - a > 1]
    return [(value_at(i, distribution), n) for i, n in sorted(found)]


def count_combinations(space: SearchSpace, most: int) -> int | None:
    """How many different trials a space allows; ``None``: more than `most`, or nobody can tell.

    Counted without listing them: `range(0, 2000000000)` is one factor.
    """
    if space.custom is not None:
        return None
    total: float = 0
    for count in _counts(space, list(space.distributions), {}, 1):
        total += count
        if total > most:
            return None
    return int(total)


def _counts(
    space: SearchSpace, names: list[str], params: dict[str, Any], count: float
) -> Iterator[float]:
    """For every combination of cases of the parents: how many trials there are with it."""
    asked = {name for condition in space.conditions.values() for name in parents(condition)}
    for i, name in enumerate(names):
        if not space.is_active(name, params):
            continue
        if name in asked:
            for value, alike in cases(name, space):
                yield from _counts(space, names[i + 1 :], params | {name: value}, count * alike)
            return
        count *= count_values(space.distributions[name]) or math.inf
    yield count


def _literals(name: str, space: SearchSpace) -> list[float]:
    compared = [
        relation.literal
        for condition in space.conditions.values()
        for relation in condition.relations()
        if relation.name == name
    ]
    flat = [item for one in compared for item in (one if isinstance(one, list) else [one])]
    return [item for item in flat if math.isfinite(item)]


def _of_interval(low: float, high: float, literals: list[float]) -> list[Case]:
    inside = sorted({low, high, *(float(x) for x in literals if low <= x <= high)})
    between = [((a + b) / 2, math.inf) for a, b in pairwise(inside)]
    return [*((x, 1.0) for x in inside), *between]
