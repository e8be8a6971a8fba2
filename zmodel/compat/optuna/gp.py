"""Proposals of the Gaussian process with some parameters fixed.

No public way serves: Optuna lets no coordinate be held, and the sampler's only opening is
``_optimize_acqf``, which is meant to be replaced but is private.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna._gp.search_space import SearchSpace
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import GPSampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class ConditionalGP:
    """Proposes like `sampler`, given `forced`; what the process does not model is drawn as ever.

    Args:
        forced: parameter -> value, or (low, high), both included, for a range.
        space: the distributions of the forced parameters, at least.
    """

    def __init__(
        self,
        sampler: GPSampler,
        forced: Mapping[str, Any],
        space: Mapping[str, BaseDistribution],
    ) -> None:
        self._gp = copy.copy(sampler)
        self._gp._optimize_acqf = self._optimize  # type: ignore[method-assign]
        self._forced = forced
        self._space = space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._gp.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._gp.sample_independent(study, trial, param_name, param_distribution)

    def _optimize(self, acqf: Any, best_params: np.ndarray | None) -> np.ndarray:
        """The best of 2,048 points with the forced coordinates, then of their recombinations.

        Recombining coordinates keeps discrete ones valid; gradients would buy little here.
        """
        rng = self._gp._rng.rng
        points = self._draw(acqf, self._gp._n_preliminary_samples)
        values = acqf.eval_acqf_no_grad(points)
        for _ in range(3):
            best = points[np.argsort(values)[-self._gp._n_local_search :]]
            parents = best[rng.randint(len(best), size=256)]
            fresh = self._draw(acqf, 256)
            mixed = np.where(rng.rand(*parents.shape) < 1 / parents.shape[1], fresh, parents)
            points = np.vstack([best, mixed])
            values = acqf.eval_acqf_no_grad(points)
        return points[np.argmax(values)]

    def _draw(self, acqf: Any, count: int) -> np.ndarray:
        rng = self._gp._rng.rng
        points = acqf.search_space.sample_normalized_params(count, rng)
        for column, name in enumerate(acqf.search_space._optuna_search_space):
            if name in self._forced:
                target = self._forced[name]
                drawn = points[:, column]
                points[:, column] = _coordinate(name, self._space[name], target, drawn, rng)
        return points


def _coordinate(
    name: str,
    distribution: BaseDistribution,
    target: Any,
    drawn: np.ndarray,
    rng: np.random.RandomState,
) -> np.ndarray:
    """The Gaussian process's coordinate of a value, or of draws from a range."""
    space = SearchSpace({name: distribution})

    def place(values: list[Any]) -> np.ndarray:
        params = [{name: value} for value in values]
        trials: list[Any] = [None] * len(values)  # not looked at when parameters are given
        return space.get_normalized_params(trials, params)[:, 0]

    if isinstance(distribution, CategoricalDistribution) or not isinstance(target, tuple):
        return np.full(len(drawn), place([target])[0])
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = target
    if distribution.step is None:
        a, b = place([low, high])
        return a + (b - a) * drawn
    count = round((high - low) / distribution.step) + 1
    coordinates = place([low + i * distribution.step for i in range(count)])
    return coordinates[rng.randint(len(coordinates), size=len(drawn))]
