"""The Gaussian process given some parameters: its criterion with these held."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from optuna._gp.search_space import SearchSpace
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import GPSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from zmodel.sweep.sampling.ranked_study import Forced, RankedStudy, Space


class ConditionalGP:
    """Proposes given `forced`; what the process does not model is drawn as ever."""

    def __init__(self, sampler: GPSampler, forced: Forced, space: Space) -> None:
        self._gp = copy.copy(sampler)
        self._gp._optimize_acqf = self._optimize  # type: ignore[method-assign]
        self._forced = forced
        self._space = space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._gp.sample_relative(RankedStudy.of(study, self._forced), trial, search_space)

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
                one = SearchSpace({name: self._space[name]})
                target = self._forced[name]
                points[:, column] = _coordinate(one, name, target, points[:, column], rng)
        return points


def _coordinate(
    space: Any, name: str, target: Any, drawn: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """The Gaussian process's coordinate of a value, or of draws from a range."""
    distribution = space._optuna_search_space[name]
    if isinstance(distribution, CategoricalDistribution) or not isinstance(target, tuple):
        allowed = [target]
    elif distribution.step is None:
        low, high = space.get_normalized_params([None, None], [{name: v} for v in target])[:, 0]
        return low + (high - low) * drawn
    else:
        low, high = target
        count = round((high - low) / distribution.step) + 1
        allowed = [low + i * distribution.step for i in range(count)]
    params = [{name: value} for value in allowed]
    coordinates = space.get_normalized_params([None] * len(params), params)[:, 0]
    return coordinates[rng.randint(len(coordinates), size=len(drawn))]
