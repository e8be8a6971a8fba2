"""Coverage floors, and the values or ranges they name.

hydra.sweeper.coverage:
  model.z_layers: 5                         # each value: at least 5 completed trials
  data.batch_size: 10%                      # each value: a tenth of the budget
  model.optimizer.lr: {bins: 4, min: 5}     # each quarter of its range
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution

from zmodel.core.suggestion import suggestion
from zmodel.study.cells import Cell, range_cells, value_cells
from zmodel.study.distribution_values import count_values
from zmodel.sweep.space.search_space import SearchSpace

_FORMS = "a count (5), a share of the trials (10%), or {bins: 4, min: 5} for ranges"


@dataclass(frozen=True)
class Floor:
    """How many completed trials one value or range of a parameter needs."""

    cell: Cell
    least: int


def parse_floors(
    spec: Mapping[str, Any], space: SearchSpace, n_trials: int
) -> dict[str, list[Floor]]:
    """The floors of every covered parameter, in order of its values.

    Raises:
        ValueError: an unknown or conditional parameter, a floor that cannot be read, or one that
            does not fit into `n_trials`; with what would fit.
    """
    floors = {}
    for param, wish in spec.items():
        _check_param(param, space)
        distribution = space.distributions[param]
        bins, floor = None, wish
        if isinstance(wish, Mapping):
            if set(wish) != {"bins", "min"}:
                raise ValueError(f"coverage of {param} must be {_FORMS}; got {dict(wish)!r}.")
            bins, floor = wish["bins"], wish["min"]
        least = _least(param, floor, n_trials)
        if bins is None and count_values(distribution) is not None:
            cells = value_cells(param, space.values(param))
        else:
            cells = range_cells(param, distribution, _bins(param, distribution, bins))
        _check_fit(param, least, len(cells), n_trials, bins is not None)
        floors[param] = [Floor(cell, least) for cell in cells]
    return floors


def _check_param(param: str, space: SearchSpace) -> None:
    if param not in space.distributions:
        raise ValueError(
            f"coverage can only be asked for a parameter of the search space, received {param!r}; "
            f"{suggestion(param, space.distributions)}"
        )
    if param in space.conditions:
        raise ValueError(
            f"coverage needs a parameter that every trial has; {param} only exists when "
            f"{space.conditions[param]}. Ask for coverage of the parameter it depends on."
        )


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


def _bins(param: str, distribution: BaseDistribution, bins: Any) -> int:
    if isinstance(distribution, CategoricalDistribution):
        raise ValueError(f"coverage of {param}: choices have no bins. Write a count or a share.")
    if not isinstance(bins, int) or isinstance(bins, bool) or bins < 1:
        raise ValueError(
            f"coverage of {param}, which has endless or many values, needs bins, as in "
            f"{{bins: 4, min: 5}}; got bins={bins!r}."
        )
    count = count_values(distribution)
    if count is not None and bins > count:
        raise ValueError(
            f"coverage of {param}: {bins} bins for {count} values. Ask for fewer bins."
        )
    return bins


def _check_fit(param: str, least: int, count: int, n_trials: int, binned: bool) -> None:
    need = least * count
    if need <= n_trials:
        return
    fits = n_trials // count
    advice = [f"a floor of {fits} ({100 * fits // n_trials}%)"] if fits else []
    advice.append(f"a budget of {need} trials (n_trials={need})")
    if least <= n_trials:
        advice.append(
            f"{{bins: {n_trials // least}, min: {least}}}"
            if binned or count > 8
            else f"{n_trials // least} values instead of {count}"
        )
    raise ValueError(
        f"coverage of {param}: {least} completed trials for each of {count} "
        f"{'ranges' if binned else 'values'} are {need}, more than the budget of {n_trials} "
        f"trials. What would fit: {', or '.join(advice)}."
    )
