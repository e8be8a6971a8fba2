"""Private state of the grid sampler and of CMA-ES.

Needed when a proposal is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.samplers import CmaEsSampler, GridSampler

from zmodel.core.equality import same

_STOCK = "hydra_plugins.hydra_optuna_sweeper"
STOCK_SAMPLERS = {
    f"{_STOCK}._impl.create_nsgaii_sampler": "optuna.samplers.NSGAIISampler",
    f"{_STOCK}._impl.create_nsgaiii_sampler": "optuna.samplers.NSGAIIISampler",
    # removed in Optuna 4.0: TPE handles several objectives
    f"{_STOCK}.config.raise_motpe_removed": "optuna.samplers.TPESampler",
}
"""Functions that the configurations of the stock Optuna sweeper name in place of a class."""


def grid_points(sampler: GridSampler) -> tuple[list[str], Sequence[Sequence[Any]]]:
    """The parameters' names, and the points in the order of the attribute ``grid_id``.

    The sampler shuffles them: they cannot be known from the space that it was made with.
    """
    return sampler._param_names, sampler._all_grids


def taken_point(sampler: GridSampler, params: Mapping[str, Any]) -> dict[str, Any]:
    """System attributes of a trial with a point of the grid that the sampler did not hand out.

    Without them it would hand out the point again. Empty where the parameters are no point.
    """
    names, points = grid_points(sampler)
    wanted = [params.get(name) for name in names]
    place = next((i for i, point in enumerate(points) if same(list(point), wanted)), None)
    if place is None:
        return {}
    return {"grid_id": place, "search_space": sampler._search_space}


def generation_key(sampler: CmaEsSampler) -> str:
    """The system attribute by which CMA-ES finds the trials that it learns a generation from.

    A trial that did not get the point it asked for must not be one of them.
    """
    return sampler._attr_key_generation
