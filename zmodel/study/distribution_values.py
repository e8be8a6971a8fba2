"""Counts, lists and checks the values of a distribution."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.core.equality import same

MOST_LISTED = 10_000
"""So many values of one parameter are listed one by one; a range may have any number."""


def count_values(distribution: BaseDistribution) -> int | None:
    """How many values it has; None when they are endless."""
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    low, high = Decimal(str(distribution.low)), Decimal(str(distribution.high))
    if low == high:
        return 1
    if distribution.step is None:
        return None
    return int((high - low) // Decimal(str(distribution.step))) + 1


def enumerate_values(name: str, distribution: BaseDistribution) -> list[Any]:
    """The values of a categorical, integer or stepped float distribution, in order.

    Raises:
        ValueError: they are endless, or too many to be listed.
    """
    count = listable(name, distribution)
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    return [value_at(i, distribution) for i in range(count)]


def listable(name: str, distribution: BaseDistribution) -> int:
    """How many values it has; ValueError when they are endless, or too many to be listed."""
    count = count_values(distribution)
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    if count is None or count > MOST_LISTED:
        what = "endless values" if count is None else f"{count:,} values"
        raise ValueError(
            f"{name} has {what}; here they must be countable, {MOST_LISTED:,} at most. "
            "Use choice(...), or range(...) with fewer steps."
        )
    return count


def value_at(place: int, distribution: IntDistribution | FloatDistribution) -> Any:
    """The value so many steps above the lowest, counted in decimals."""
    if isinstance(distribution, IntDistribution):
        return distribution.low + place * distribution.step
    return float(Decimal(str(distribution.low)) + place * Decimal(str(distribution.step or 0)))


def exact(value: float, distribution: BaseDistribution) -> Any:
    """The value that is meant: 0.3 for .30000000000000004 in `range(0, 1, 0.1)`."""
    if isinstance(distribution, IntDistribution):
        return value_at((int(value) - distribution.low) // distribution.step, distribution)
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        return value_at(round((value - distribution.low) / distribution.step), distribution)
    return value


def checked(name: str, value: Any, distribution: BaseDistribution) -> Any:
    """`value` in the type of the distribution, if it lies in it; else ValueError."""
    if isinstance(distribution, CategoricalDistribution):
        for choice in distribution.choices:
            if same(choice, value):
                return choice
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        assert isinstance(distribution, (IntDistribution, FloatDistribution))
        if distribution.low <= value <= distribution.high:  # not for nan
            meant = float(value) if distribution.step is None else exact(value, distribution)
            if abs(meant - value) < 1e-8 * (distribution.step or 1):
                return meant
    raise ValueError(
        f"{name} must lie in the search space, {in_words(distribution)}; got {value!r}. Give such "
        "a value."
    )


def in_words(distribution: BaseDistribution) -> str:
    """`3`, `1 to 5`, `0.001 to 0.03` or `a, b`."""
    if isinstance(distribution, CategoricalDistribution):
        return ", ".join(map(str, distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = f"{distribution.low:.6g}", f"{distribution.high:.6g}"
    return low if distribution.single() else f"{low} to {high}"
