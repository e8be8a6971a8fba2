"""A bound on what a sampler learns from, and so on what it costs in a long study.

TPE and the Gaussian process read every finished trial for each proposal; all other parts of the
engine read each trial once.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zmodel.compat.optuna.studies import shown
from zmodel.sweep.sampling.sampler_wrapper import SamplerWrapper

BEST = 25
"""So many trials at most does TPE take for good ones (optuna's default_gamma)."""


class BoundedHistory(SamplerWrapper):
    """Shows `sampler` the best 25 and the latest other finished trials, `most` in all.

    TPE's model of good trials thereby is that of the whole study, its model of the others that of
    the latest. Unfinished trials are always shown. For one objective.
    """

    def __init__(self, sampler: BaseSampler, most: int) -> None:
        super().__init__(sampler)
        self._most = most

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        super().before_trial(self._shortened(study), trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return super().infer_relative_search_space(self._shortened(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(self._shortened(study), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        short = self._shortened(study)
        return super().sample_independent(short, trial, param_name, param_distribution)

    def _shortened(self, study: Study) -> Any:
        return shown(study, lambda trials: shorten(trials, self._most, study.direction))


def shorten(
    trials: Sequence[FrozenTrial], most: int, direction: StudyDirection
) -> list[FrozenTrial]:
    """What is shown of `trials` (in order of their numbers), in the same order."""
    finished = [t for t in trials if t.state.is_finished()]
    if len(finished) <= most:
        return list(trials)
    sign = 1.0 if direction == StudyDirection.MAXIMIZE else -1.0
    complete = (t for t in finished if t.state == TrialState.COMPLETE)
    best = heapq.nlargest(BEST, complete, key=lambda t: sign * t.values[0])
    kept = {t.number for t in best}
    for trial in reversed(finished):
        if len(kept) == most:
            break
        kept.add(trial.number)
    return [t for t in trials if t.number in kept or not t.state.is_finished()]
