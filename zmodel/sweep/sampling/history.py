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

BEST = 25
"""So many trials at most does TPE take for good ones (optuna's default_gamma)."""


class BoundedHistory(BaseSampler):
    """Shows `sampler` the best 25 and the latest other finished trials, `most` in all.

    TPE's model of good trials thereby is that of the whole study, its model of the others that of
    the latest. Unfinished trials are always shown. For one objective.
    """

    def __init__(self, sampler: BaseSampler, most: int) -> None:
        self._sampler = sampler
        self._most = most

    def __str__(self) -> str:
        return f"{self._sampler} of {self._most} trials"

    def reseed_rng(self) -> None:
        self._sampler.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._sampler.before_trial(_shortened(study, self._most), trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._sampler.infer_relative_search_space(_shortened(study, self._most), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler.sample_relative(_shortened(study, self._most), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        shown = _shortened(study, self._most)
        return self._sampler.sample_independent(shown, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._sampler.after_trial(study, trial, state, values)


def _shortened(study: Study, most: int) -> Any:
    return shown(study, lambda trials: shorten(trials, most, study.direction))


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
