"""What a sampler proposes *given* some parameters: its own criterion with those held fixed.

Optuna has no such thing. Its PartialFixedSampler drops the fixed parameters from the model, so
that a forced five-layer trial gets the learning rate that suits all depths on average. Here TPE

- sorts its history into good and bad by the rank of a trial among those with the same forced
  values. By the result alone no trial of a weaker depth would ever be a good example;
- keeps the joint density of all parameters and draws candidates from its conditional: each
  component of the mixture is weighted by what it says of the forced parameters, so that trials
  of the same depth count most, near depths some, and the ratio of good to bad density is compared
  at the forced values. Without `multivariate` this is done per parameter, jointly with the forced.

The Gaussian process maximises its acquisition function with the forced coordinates held.

This leans on internals of Optuna 5.0. Where they are gone, `given` returns None, and the caller
falls back on replacing the forced parameters in a proposal of everything.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

Space = Mapping[str, BaseDistribution]
Forced = Mapping[str, Any]
"""Parameter -> value, or (low, high), both included, for a range."""


class Proposer(Protocol):
    """The two ways in which Optuna asks a sampler."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]: ...

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any: ...


def given(sampler: BaseSampler, forced: Forced, space: Space) -> Proposer | None:
    """Proposes like `sampler`, whose random state it shares, given `forced`; None if it cannot.

    `space` has the distributions of the forced parameters.
    """
    try:
        if isinstance(sampler, TPESampler):
            return _GivenTPE(sampler, forced, space)
        if isinstance(sampler, GPSampler):
            return _given_gp(sampler, forced, space)
    except (ImportError, AttributeError):
        pass
    return None


class _GivenTPE:
    def __init__(self, sampler: TPESampler, forced: Forced, space: Space) -> None:
        self._tpe = copy.copy(sampler)
        self._tpe._parzen_estimator_cls = _conditional_estimator(forced)
        self._forced = forced
        self._space = {name: space[name] for name in forced}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._tpe.sample_relative(_Ranked.of(study, self._forced), trial, search_space)

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
        return self._tpe._sample(_Ranked.of(study, self._forced), trial, joint)[param_name]


class _Ranked:
    """A study as it is, but with results replaced by ranks within the same forced values."""

    def __init__(self, study: Study, forced: Forced) -> None:
        self._study = study
        self._forced = forced
        self._ranked: dict[int, FrozenTrial] = {}

    @classmethod
    def of(cls, study: Study, forced: Forced) -> Any:
        """Several objectives have no rank: there the study is left as it is."""
        return study if study._is_multi_objective() else cls(study, forced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, *args: Any, **kwargs: Any) -> list[FrozenTrial]:
        trials = self._study._get_trials(*args, **kwargs)
        completed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        if len(completed) != len(self._ranked):  # asked twice for the same by each proposal
            self._ranked = self._rank(completed)
        return [self._ranked.get(trial.number, trial) for trial in trials]

    def _rank(self, trials: list[FrozenTrial]) -> dict[int, FrozenTrial]:
        """Copies whose value is the mean rank among the results of their group, from 0 to 1."""
        groups: dict[Any, list[float]] = {}
        mine = [groups.setdefault(self._group(trial), []) for trial in trials]
        for trial, group in zip(trials, mine, strict=True):
            group.append(trial.values[0])
        for group in groups.values():
            group.sort()
        ranked = {}
        for trial, group in zip(trials, mine, strict=True):
            value, twin = trial.values[0], copy.copy(trial)
            twin.value = (bisect_left(group, value) + bisect_right(group, value)) / 2 / len(group)
            ranked[trial.number] = twin
        return ranked

    def _group(self, trial: FrozenTrial) -> tuple[Any, ...]:
        params = trial.params
        return tuple(
            name in params and target[0] <= params[name] <= target[1]
            if isinstance(target, tuple)
            else params.get(name)
            for name, target in self._forced.items()
        )


def _conditional_estimator(forced: Forced) -> Any:
    from optuna.samplers._tpe import _truncnorm
    from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator

    def mass(part: Any) -> np.ndarray:
        edges = np.array([[part.adapted_low], [part.adapted_high]])
        a, b = (edges - part.mu) / part.sigma
        return _truncnorm._log_gauss_mass(a, b)

    class Conditional(_ParzenEstimator):
        """A mixture of products whose candidates are drawn given the forced parameters."""

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


def _given_gp(sampler: GPSampler, forced: Forced, space: Space) -> GPSampler:
    from optuna._gp.search_space import SearchSpace

    conditional = copy.copy(sampler)

    def optimize(acqf: Any, best_params: np.ndarray | None) -> np.ndarray:
        """The best of 2,048 points with the forced coordinates, then of their recombinations.

        Recombining coordinates keeps discrete ones valid; gradients would buy little here.
        """
        rng = sampler._rng.rng
        names = list(acqf.search_space._optuna_search_space)
        columns = {names.index(name): target for name, target in forced.items() if name in names}

        def draw(count: int) -> np.ndarray:
            points = acqf.search_space.sample_normalized_params(count, rng)
            for column, target in columns.items():
                one = SearchSpace({names[column]: space[names[column]]})
                points[:, column] = _coordinate(one, names[column], target, points[:, column], rng)
            return points

        points = draw(sampler._n_preliminary_samples)
        values = acqf.eval_acqf_no_grad(points)
        for _ in range(3):
            best = points[np.argsort(values)[-sampler._n_local_search :]]
            parents = best[rng.randint(len(best), size=256)]
            mixed = np.where(rng.rand(*parents.shape) < 1 / len(names), draw(256), parents)
            points = np.vstack([best, mixed])
            values = acqf.eval_acqf_no_grad(points)
        return points[np.argmax(values)]

    conditional._optimize_acqf = optimize  # type: ignore[method-assign]
    return conditional


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
