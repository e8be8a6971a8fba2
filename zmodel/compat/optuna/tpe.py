"""Proposals of TPE with some parameters fixed.

The joint density of all parameters stays; candidates are drawn from its conditional. Each component
of the mixture is weighted by what it says of the forced parameters, so that trials of the same
depth count most and near depths some, and the ratio of good to bad density is compared at the
forced values. Without `multivariate` this is done per parameter, jointly with the forced ones.

No public way serves: Optuna's PartialFixedSampler drops the fixed parameters from the model, and
TPE has no other opening than the class of its density, ``_parzen_estimator_cls``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe import _truncnorm
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


class ConditionalTPE:
    """Proposes like `sampler`, whose random state it shares, given `forced`.

    Args:
        forced: parameter -> value, or (low, high), both included, for a range.
        space: the distributions of the forced parameters, at least.
    """

    def __init__(
        self,
        sampler: TPESampler,
        forced: Mapping[str, Any],
        space: Mapping[str, BaseDistribution],
    ) -> None:
        self._tpe = copy.copy(sampler)
        self._tpe._parzen_estimator_cls = conditional_estimator(forced)
        self._space = {name: space[name] for name in forced}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._tpe.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        history = study._get_trials(deepcopy=False, states=states, use_cache=True)
        if len(history) < self._tpe._n_startup_trials:
            return self._tpe.sample_independent(study, trial, param_name, param_distribution)
        joint = {**self._space, param_name: param_distribution}
        return self._tpe._sample(study, trial, joint)[param_name]


def conditional_estimator(forced: Mapping[str, Any]) -> Any:
    """TPE's density, a mixture of products, whose candidates are drawn given `forced`."""

    def mass(part: Any) -> np.ndarray:
        edges = np.array([[part.adapted_low], [part.adapted_high]])
        a, b = (edges - part.mu) / part.sigma
        return _truncnorm._log_gauss_mass(a, b)

    class Conditional(_ParzenEstimator):
        def sample(self, rng: np.random.RandomState, size: int) -> dict[str, np.ndarray]:
            mixture = self._mixture_distribution
            log_weights = np.log(mixture.weights)
            parts: list[Any] = list(mixture.distributions)
            for i, (name, distribution) in enumerate(self._search_space.items()):
                if name not in forced:
                    continue
                if isinstance(distribution, CategoricalDistribution):
                    index = int(distribution.to_internal_repr(forced[name]))
                    log_weights = log_weights + np.log(parts[i].weights[:, index])
                    certain = np.zeros_like(parts[i].weights)
                    certain[:, index] = 1.0
                    parts[i] = parts[i]._replace(weights=certain)
                else:
                    low, high = _interval(forced[name])
                    narrow = parts[i]._replace(low=low, high=high)
                    log_weights = log_weights + mass(narrow) - mass(parts[i])
                    parts[i] = narrow
            weights = np.exp(log_weights - log_weights.max())
            narrowed = mixture._replace(weights=weights / weights.sum(), distributions=parts)
            return self._untransform(narrowed.sample(rng, size))

    return Conditional


def _interval(target: Any) -> tuple[float, float]:
    return target if isinstance(target, tuple) else (target, target)
