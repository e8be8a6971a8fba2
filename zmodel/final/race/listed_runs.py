"""The sampler of the final stage: it gives each slot its listed run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class ListedRuns(BaseSampler):
    """Proposes `runs[slot]`, whichever worker asks. A longer list goes on with the same study."""

    def __init__(self, runs: Sequence[Mapping[str, Any]]) -> None:
        self._runs = runs

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._runs[trial.user_attrs["slot"]][param_name]
