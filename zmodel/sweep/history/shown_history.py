"""Base of samplers that see a changed history of the study."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from zmodel.compat.optuna.studies import shown
from zmodel.sweep.sampling.sampler_wrapper import SamplerWrapper


class ShownHistory(SamplerWrapper):
    """Shows `sampler` what `see` makes of the trials."""

    @abstractmethod
    def see(self, study: Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """What is shown of all trials, in order of their numbers."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        super().before_trial(self._shown(study), trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return super().infer_relative_search_space(self._shown(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(self._shown(study), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return super().sample_independent(self._shown(study), trial, param_name, param_distribution)

    def _shown(self, study: Study) -> Any:
        return shown(study, lambda trials: self.see(study, trials))
