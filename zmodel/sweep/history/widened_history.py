"""What a sampler learns from trials of a narrower space.

Used once the study has been widened.

Optuna's multivariate samplers leave out a parameter whose distribution has changed. A trial of the
narrower space is a point of the wider one, so it is shown as if it had been asked for that.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from zmodel.study.widening import under
from zmodel.sweep.history.shown_history import ShownHistory


class WidenedHistory(ShownHistory):
    """Shows `sampler` every trial under the distributions of `space`, where its values fit."""

    def __init__(self, sampler: BaseSampler, space: Mapping[str, BaseDistribution]) -> None:
        super().__init__(sampler)
        self._space = space
        self._known: dict[int, FrozenTrial] = {}

    def see(self, study: Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        return [self._under_space(trial) for trial in trials]

    def _under_space(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.number in self._known:
            return self._known[trial.number]
        told = under(self._space, trial.params, trial.distributions)
        twin = trial
        if told != trial.distributions:
            twin = copy.copy(trial)
            twin.distributions = told
        if trial.state.is_finished() and trial.number >= 0:  # below 0: none of the study
            self._known[trial.number] = twin
        return twin
