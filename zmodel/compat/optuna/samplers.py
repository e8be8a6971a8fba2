"""What the grid sampler and CMA-ES keep to themselves, needed when a proposal is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.samplers import CmaEsSampler, GridSampler


def grid_points(sampler: GridSampler) -> tuple[list[str], Sequence[Sequence[Any]]]:
    """The parameters' names, and the points in the order of the attribute ``grid_id``.

    The sampler shuffles them: they cannot be known from the space that it was made with.
    """
    return sampler._param_names, sampler._all_grids


def generation_key(sampler: CmaEsSampler) -> str:
    """The system attribute by which CMA-ES finds the trials that it learns a generation from.

    A trial that did not get the point it asked for must not be one of them.
    """
    return sampler._attr_key_generation
