"""Rounds what samplers propose to the decimals that were typed.

Samplers compute in floats.
"""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from zmodel.study.distribution_values import exact
from zmodel.sweep.sampling.sampler_wrapper import SamplerWrapper


class ExactDecimals(SamplerWrapper):
    """Proposes 0.3 where `sampler` proposes .30000000000000004, in `range(0, 1, 0.1)`."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        proposed = super().sample_relative(study, trial, search_space)
        return {name: exact(value, search_space[name]) for name, value in proposed.items()}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        proposed = super().sample_independent(study, trial, param_name, param_distribution)
        return exact(proposed, param_distribution)
