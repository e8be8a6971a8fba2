"""Coverage floors as the user writes them, and the values or ranges they speak of.

hydra.sweeper.coverage:
  model.z_layers: 5                         # each value: at least 5 completed trials
  data.batch_size: 10%                      # each value: a tenth of the budget
  model.optimizer.lr: {bins: 4, min: 5}     # each quarter of its range
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.sweep.space.distribution_values import enumerate_values
from zmodel.sweep.space.override_text import same
from zmodel.sweep.space.search_space import SearchSpace

_FORMS = "a count (5), a share of n_trials (10%), or {bins: 4, min: 5} for ranges"


@dataclass(frozen=True)
class Cell:
    """One value, or one range of values, of a parameter, and how many completed trials it needs.

    Attributes:
        target: the value, or (low, high), both included, for a range.
    """

    param: str
    target: Any
    least: int

    @property
    def is_range(self) -> bool:
        return isinstance(self.target, tuple)

    def holds(self, value: Any) -> bool:
        """Whether a trial with this value, or forced to it, counts for the cell.

        A range that is forced but not drawn from yet comes as [low, high], as it is stored.
        """
        if not self.is_range:
            return same(value, self.target)
        if isinstance(value, (list, tuple)):
            return tuple(value) == self.target
        # a stranger's trial may hold anything
        return isinstance(value, (int, float)) and self.target[0] <= value <= self.target[1]

    @property
    def label(self) -> str:
        """The value, or the range with four digits, for tables."""
        if self.is_range:
            return f"{self.target[0]:.4g} to {self.target[1]:.4g}"
        return str(self.target)


def parse_floors(
    spec: Mapping[str, Any], space: SearchSpace, n_trials: int
) -> dict[str, list[Cell]]:
    """The cells of every covered parameter, in order of their values.

    Raises:
        ValueError: an unknown or conditional parameter, a floor that cannot be read, or one that
            does not fit into `n_trials`; with what would fit.
    """
    cells = {}
    for param, wish in spec.items():
        _check_param(param, space)
        distribution = space.distributions[param]
        bins, floor = None, wish
        if isinstance(wish, Mapping):
            if set(wish) != {"bins", "min"}:
                raise ValueError(f"coverage of {param} must be {_FORMS}; got {dict(wish)!r}.")
            bins, floor = wish["bins"], wish["min"]
        least = _least(param, floor, n_trials)
        targets = (
            enumerate_values(param, distribution)
            if bins is None and not _endless(distribution)
            else _bins(param, distribution, bins)
        )
        _check_fit(param, least, len(targets), n_trials, bins is not None)
        cells[param] = [Cell(param, target, least) for target in targets]
    return cells


def _check_param(param: str, space: SearchSpace) -> None:
    if param not in space.distributions:
        near = difflib.get_close_matches(param, space.distributions, n=1)
        raise ValueError(
            f"coverage can only be asked for a parameter of the search space; got {param!r}. "
            + (f"Did you mean {near[0]!r}?" if near else f"There are {list(space.distributions)}.")
        )
    if param in space.conditions:
        raise ValueError(
            f"coverage needs a parameter that every trial has; {param} only exists when "
            f"{space.conditions[param]}. Ask for coverage of the parameter it depends on."
        )


def _endless(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, FloatDistribution) and not distribution.single()


def _least(param: str, floor: Any, n_trials: int) -> int:
    share = floor.strip().removesuffix("%") if isinstance(floor, str) else None
    if share is not None and floor.strip().endswith("%"):
        try:
            # rounded first: .1 * 30 is 3.0000000000000004
            least = math.ceil(round(float(share) / 100 * n_trials, 9))
        except ValueError:
            least = -1
    else:
        least = floor if isinstance(floor, int) and not isinstance(floor, bool) else -1
    if least < 0:
        raise ValueError(f"coverage of {param} must be {_FORMS}; got {floor!r}.")
    return least


def _bins(param: str, distribution: BaseDistribution, bins: Any) -> list[tuple[Any, Any]]:
    """Ranges of equal probability under the declared distribution, uniform or log-uniform."""
    if isinstance(distribution, CategoricalDistribution):
        raise ValueError(f"coverage of {param}: choices have no bins. Write a count or a share.")
    if not isinstance(bins, int) or isinstance(bins, bool) or bins < 1:
        raise ValueError(
            f"coverage of {param}, which has endless or many values, needs bins, as in "
            f"{{bins: 4, min: 5}}; got bins={bins!r}."
        )
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    low, high = distribution.low, distribution.high
    if distribution.step is not None:
        return _chunks(param, enumerate_values(param, distribution), distribution, bins)
    a, b = (math.log(low), math.log(high)) if distribution.log else (low, high)
    inner = [a + (b - a) * i / bins for i in range(1, bins)]
    edges = [low, *(map(math.exp, inner) if distribution.log else inner), high]
    # the ranges touch but do not overlap
    return [
        (edges[i], edges[i + 1] if i == bins - 1 else math.nextafter(edges[i + 1], -math.inf))
        for i in range(bins)
    ]


def _chunks(
    param: str, values: list[Any], distribution: IntDistribution | FloatDistribution, bins: int
) -> list[tuple[Any, Any]]:
    if bins > len(values):
        raise ValueError(
            f"coverage of {param}: {bins} bins for {len(values)} values. Ask for fewer bins."
        )
    half = distribution.step / 2 if distribution.step else 0
    scale = math.log if distribution.log else float
    low, high = scale(values[0] - half), scale(values[-1] + half)
    found: list[list[Any]] = [[] for _ in range(bins)]
    for value in values:
        position = (scale(value) - low) / (high - low)
        found[min(int(position * bins), bins - 1)].append(value)
    if not all(found):  # a log scale leaves the low ranges empty: share the values out evenly
        found = [
            values[len(values) * i // bins : len(values) * (i + 1) // bins] for i in range(bins)
        ]
    return [(chunk[0], chunk[-1]) for chunk in found]


def _check_fit(param: str, least: int, count: int, n_trials: int, binned: bool) -> None:
    need = least * count
    if need <= n_trials:
        return
    fits = n_trials // count
    advice = [f"a floor of {fits} ({100 * fits // n_trials}%)"] if fits else []
    advice.append(f"n_trials={need}")
    if least <= n_trials:
        advice.append(
            f"{{bins: {n_trials // least}, min: {least}}}"
            if binned or count > 8
            else f"{n_trials // least} values instead of {count}"
        )
    raise ValueError(
        f"coverage of {param}: {least} completed trials for each of {count} "
        f"{'ranges' if binned else 'values'} are {need}, more than n_trials={n_trials}. "
        f"What would fit: {', or '.join(advice)}."
    )
