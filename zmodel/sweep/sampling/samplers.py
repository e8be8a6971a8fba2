"""Creates a fresh Optuna sampler for each trial.

A sampler that lives through a study would draw the same points in every worker that starts with
the same seed. Here each unit of the budget has its own: draws depend on the study's seed and the
slot, never on how many workers there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from math import prod
from typing import Any

from numpy.random import SeedSequence
from optuna.samplers import (
    BaseSampler,
    BruteForceSampler,
    GridSampler,
    QMCSampler,
    RandomSampler,
)

from zmodel.compat.optuna.samplers import taken_point
from zmodel.sweep.from_config import build, plain, target_class
from zmodel.sweep.space.search_space import SearchSpace

# They read and write shared state while a trial is asked; the others are independent draws.
_SHARED = (GridSampler, QMCSampler, BruteForceSampler)
MOST_COMBINATIONS = 100_000
"""So many the grid sampler lists for every trial."""


def make_sampler(
    config: Mapping[str, Any],
    seed: int | None,
    slot: int,
    space: SearchSpace | None = None,
) -> BaseSampler:
    """A fresh sampler for one trial.

    Args:
        config: `_target_` and what its constructor takes, nested where needed. A `seed` in it goes
            before the study's.
        seed: the study's seed, 0 or above; None draws one.
        slot: which unit of the budget the trial is.
        space: grid takes its values from it.

    Raises:
        ValueError: a target that is unknown or not on the allow-list, a wrong option, an endless
            grid, a negative seed.
    """
    config = plain(config)
    own = config.pop("seed", None)
    seed = own if own is not None else seed
    if seed is not None and seed < 0:
        raise ValueError(f"the seed of a study must be 0 or above; got {seed}. Give another one.")
    target = target_class(config)
    entropy = [] if seed is None else [seed, slot]
    drawn = int(SeedSequence(entropy or None).generate_state(1)[0])
    sampler = build(config | _own_options(target, seed, drawn, space))
    if not isinstance(sampler, BaseSampler):
        raise ValueError(f"the sampler must be an Optuna sampler; got {sampler!r}.")
    if isinstance(sampler, (GridSampler, BruteForceSampler)):
        # Their only action afterwards is study.stop(), an error outside study.optimize().
        sampler.after_trial = lambda study, trial, state, values: None  # type: ignore[method-assign]
    return sampler


def _own_options(
    target: type, seed: int | None, drawn: int, space: SearchSpace | None
) -> dict[str, Any]:
    """What the constructor is given beside the configuration: seeds, and what it lists."""
    if issubclass(target, GridSampler):
        return {"search_space": _grid(space), "seed": seed or 0}
    if issubclass(target, QMCSampler):
        # one sequence for all, but the draws beside it differ
        return {"seed": seed or 0, "independent_sampler": RandomSampler(drawn)}
    if issubclass(target, BruteForceSampler) and space is not None:
        _listed(space)  # it lists all values too, whatever their number
    return {"seed": drawn} if "seed" in signature(target).parameters else {}


def needs_lock(config: Mapping[str, Any]) -> bool:
    """Whether the study's lock must be held from claiming a trial until all of it is asked."""
    return issubclass(target_class(plain(config)), _SHARED)


def is_grid(config: Mapping[str, Any]) -> bool:
    """Whether it is the grid sampler."""
    return issubclass(target_class(plain(config)), GridSampler)


def grid_size(space: SearchSpace) -> int:
    """How many combinations the grid sampler has; ValueError if endless or conditional."""
    return prod(map(len, _grid(space).values()))


def grid_attrs(
    params: Mapping[str, Any], config: Mapping[str, Any], seed: int, space: SearchSpace
) -> dict[str, Any]:
    """System attributes by which the grid sampler knows a given trial as one of its points.

    Empty for another sampler, and for parameters that are no whole point.
    """
    if not is_grid(config):
        return {}
    sampler = make_sampler(config, seed, 0, space)
    assert isinstance(sampler, GridSampler)
    return taken_point(sampler, params)


def _grid(space: SearchSpace | None) -> dict[str, list[Any]]:
    if space is None or space.conditions or space.custom is not None:
        raise ValueError(
            "the grid sampler needs a search space without conditions; got "
            f"{'none' if space is None else list(space.conditions) or 'a custom one'}. "
            "Use hydra/sweeper/sampler=brute."
        )
    values = _listed(space)
    size = prod(map(len, values.values()))
    if size > MOST_COMBINATIONS:
        raise ValueError(
            f"the grid sampler lists all combinations, {MOST_COMBINATIONS:,} at most; got {size:,}."
            " Search fewer values, or use hydra/sweeper/sampler=random."
        )
    return values


def _listed(space: SearchSpace) -> dict[str, list[Any]]:
    return {name: space.values(name) for name in space.distributions}
