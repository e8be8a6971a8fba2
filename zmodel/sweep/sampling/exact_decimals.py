"""Samplers compute in floats: what they propose is rounded to the decimal that was typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from zmodel.sweep.space.distribution_values import exact


class ExactDecimals(BaseSampler):
    """Proposes 0.3 where `sampler` proposes .30000000000000004, in `range(0, 1, 0.1)`."""

    def __init__(self, sampler: BaseSampler) -> None:
        self._sampler = sampler

    def reseed_rng(self) -> None:
        self._sampler.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        proposed = self._sampler.sample_relative(study, trial, search_space)
        return {name: exact(value, search_space[name]) for name, value in proposed.items()}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        proposed = self._sampler.sample_independent(study, trial, param_name, param_distribution)
        return exact(proposed, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self._sampler.after_trial(study, trial, state, values)
